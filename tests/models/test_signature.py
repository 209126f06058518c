"""Signatures: inferred as MLflow infers them, and enforced by column."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.errors import CorruptData, InvalidInput
from mlops_nb.models import Column, Param, Signature, Tensor, infer_signature
from mlops_nb.models.enforcement import Enforcer
from mlops_nb.models.inference import infer_schema

FRAME = pd.DataFrame(
    {
        "whole": [1, 2],
        "small": np.array([1, 2], dtype="int16"),
        "real": [0.5, None],
        "single": np.array([0.5, 1.5], dtype="float32"),
        "flag": [True, False],
        "text": ["a", None],
        "day": pd.to_datetime(["2026-01-01", "2026-01-02"]),
        "kind": pd.Categorical(["x", "y"]),
        "bytes": [b"a", b"b"],
        "list": [[1, 2], [3]],
        "dict": [{"a": 1, "b": "x"}, {"a": 2}],
    }
)
WANTED = [
    {"type": "long", "name": "whole", "required": True},
    {"type": "integer", "name": "small", "required": True},
    {"type": "double", "name": "real", "required": False},
    {"type": "float", "name": "single", "required": True},
    {"type": "boolean", "name": "flag", "required": True},
    {"type": "string", "name": "text", "required": False},
    {"type": "datetime", "name": "day", "required": True},
    {"type": "string", "name": "kind", "required": True},
    {"type": "binary", "name": "bytes", "required": True},
    {"type": "array", "items": {"type": "long"}, "name": "list", "required": True},
    {
        "type": "object",
        "properties": {"a": {"type": "long", "required": True}, "b": {"type": "string", "required": False}},
        "name": "dict",
        "required": True,
    },
]


def test_a_frame_of_every_type() -> None:
    signature = infer_signature(FRAME)
    assert json.loads(signature.to_json()["inputs"]) == WANTED
    assert Signature.from_json(signature.to_json()) == signature


def test_mlflow_reads_it_and_infers_the_same(in_mlflow: Callable[[str], Any]) -> None:
    plain = FRAME[["whole", "small", "single", "flag", "day", "list"]]
    code = f"""
import json, numpy as np, pandas as pd
from mlflow.models import ModelSignature, infer_signature
ModelSignature.from_dict(json.loads({json.dumps(infer_signature(FRAME, params={"k": 3, "names": ["a"]}).to_json())!r}))
frame = pd.DataFrame({{"whole": [1, 2], "small": np.array([1, 2], dtype="int16"),
    "single": np.array([0.5, 1.5], dtype="float32"), "flag": [True, False],
    "day": pd.to_datetime(["2026-01-01", "2026-01-02"]), "list": [[1, 2], [3]]}})
examples = (frame, np.zeros((3, 2)), {{"x": np.zeros(3)}}, ["a", "b"])
made = [infer_signature(data).to_dict()["inputs"] for data in examples]
made.append(infer_signature(np.zeros(3), params={{"k": 3, "t": 0.5, "names": ["a"], "on": True}}).to_dict()["params"])
print(json.dumps(made))
"""
    found = [json.loads(each) for each in in_mlflow(code)]
    ours = [
        infer_signature(data).to_json()["inputs"] for data in (plain, np.zeros((3, 2)), {"x": np.zeros(3)}, ["a", "b"])
    ]
    ours.append(infer_signature(params={"k": 3, "t": 0.5, "names": ["a"], "on": True}).to_json()["params"])
    assert found == [json.loads(each) for each in ours]


@pytest.mark.parametrize(
    ("data", "schema"),
    [
        (np.zeros((2, 3, 4), dtype="uint8"), (Tensor("uint8", (-1, 3, 4)),)),
        ({"x": np.zeros(2), "y": np.zeros((2, 5))}, (Tensor("float64", (-1,), "x"), Tensor("float64", (-1, 5), "y"))),
        (["a text"], (Column("string"),)),
        ("a text", (Column("string"),)),
        ([1, 2.5], (Column("double"),)),
        ([{"a": 1}, {"a": 2, "b": "x"}], (Column("long", "a"), Column("string", "b", False))),
        (pd.Series([1, 2], name="y"), (Column("long", "y"),)),
        (np.array(["a", "b"]), (Tensor("str", (-1,)),)),
    ],
)
def test_other_data(data: Any, schema: Any) -> None:
    assert infer_schema(data) == schema


def test_what_cannot_be_expressed_is_said() -> None:
    with pytest.raises(InvalidInput, match=r"The column 'c' has the type complex128"):
        infer_signature(pd.DataFrame({"c": [1j]}))
    with pytest.raises(InvalidInput, match=r"The column 'c' holds a object"):
        infer_signature(pd.DataFrame({"c": [object()]}))


COLUMNS = Signature(
    (Column("long", "age"), Column("double", "income"), Column("string", "town"), Column("double", "extra", False))
)


def ask(data: Any, signature: Signature = COLUMNS) -> Any:
    return Enforcer(signature)(data)


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"town": ["Ulm"], "income": [1000], "age": [30], "more": [1], "extra": [None]}),
        {"age": [30], "income": [1000.0], "town": ["Ulm"]},
        {"age": 30, "income": 1000.0, "town": "Ulm"},
        [{"age": 30, "income": 1000.0, "town": "Ulm"}],
        [[30, 1000.0, "Ulm", None]],
        pd.DataFrame({"age": [30.0], "income": [1000], "town": pd.array(["Ulm"], dtype="string")}),
        pd.DataFrame({"age": pd.array([30], dtype="Int64"), "income": [1000], "town": ["Ulm"]}),
        np.array([[30, 1000.0, "Ulm", None]], dtype=object),
    ],
)
def test_every_kind_of_input(data: Any) -> None:
    frame = ask(data)
    assert list(frame.columns) == ["age", "income", "town", "extra"]
    assert frame["age"].tolist() == [30] and frame["age"].dtype == "int64"
    assert frame["income"].dtype == "float64" and frame["town"].tolist() == ["Ulm"] and frame["extra"].isna().all()


def test_polars_and_arrow() -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    data = {"age": [30, 40], "income": [1.0, 2.0], "town": ["Ulm", None]}
    for frame in (polars.DataFrame(data), polars.LazyFrame(data), pyarrow.table(data)):
        assert ask(frame)["age"].tolist() == [30, 40]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": ["old"]}, "The column 'age' should be long and is string: the first such value is 'old', in row 0."),
        ({"age": [1.5]}, "The column 'age' should be long and is double: the first such value is 1.5, in row 0."),
        ({"age": [None]}, "The column 'age' should be long and has missing values. Fill them"),
        ({"age": [True]}, "The column 'age' should be long and is boolean: the first such value is True, in row 0."),
        ({"income": ["1000"]}, "The column 'income' should be double and is string: the first such value is '1000'"),
        ({"income": [2**63 - 1]}, "The column 'income' should be double and has whole numbers that it cannot hold"),
        ({"town": [7]}, "The column 'town' should be string and is long: the first such value is 7, in row 0."),
        ({"town": [datetime.date(2026, 1, 1)]}, "The column 'town' should be string and is date"),
    ],
)
def test_an_error_names_column_expected_and_found(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask({"age": [30], "income": [1000.0], "town": ["Ulm"], **change})
    assert str(caught.value).startswith(message)


def test_missing_and_wrong_columns() -> None:
    with pytest.raises(InvalidInput) as caught:
        ask({"age": [30], "incomes": [1000.0]})
    assert str(caught.value) == (
        "The column 'income' (double) is missing from the input (and 1 more: town). The input also has columns that "
        "the model does not know: incomes. The model takes: age, income, town, extra."
    )
    with pytest.raises(InvalidInput, match=r"takes 4 columns \(age, income, town, extra\); the input has 2"):
        ask([[1, 2]])
    with pytest.raises(InvalidInput, match="two columns 'age'"):
        ask(pd.DataFrame([[1, 2]], columns=["age", "age"]))
    with pytest.raises(InvalidInput, match="one length"):
        ask({"age": [1, 2], "income": [1.0], "town": ["a"]})


def test_datetimes_bytes_and_categories() -> None:
    signature = Signature((Column("datetime", "day"), Column("binary", "data"), Column("boolean", "on")))
    frame = ask({"day": ["2026-01-01T10:00:00"], "data": ["aGk="], "on": [True]}, signature)
    assert frame["day"][0] == pd.Timestamp("2026-01-01 10:00") and frame["data"][0] == b"hi"
    with pytest.raises(
        InvalidInput, match="'day' should be datetime and is string: the first such value is 'soon', in row 1"
    ):
        ask({"day": ["2026-01-01", "soon"], "data": [b"", b""], "on": [True, True]}, signature)
    kinds = pd.DataFrame({"age": [1], "income": [1.0], "town": pd.Categorical(["Ulm"])})
    assert str(ask(kinds)["town"].dtype) == "category"


def test_nested_values() -> None:
    chat = infer_signature([{"messages": [{"role": "user", "content": "hi"}]}])
    assert ask({"messages": [{"role": "user", "content": "hello"}]}, chat)["messages"][0][0]["content"] == "hello"
    with pytest.raises(
        InvalidInput, match=r"'messages' should be array of object and is long at \[0\].content, in row 0"
    ):
        ask([{"messages": [{"role": "user", "content": 3}]}], chat)
    with pytest.raises(InvalidInput, match=r"is an object without 'role'"):
        ask([{"messages": [{"content": "x"}]}], chat)


def test_tensors() -> None:
    signature = Signature((Tensor("float32", (-1, 2)),))
    assert ask([[1, 2], [3, 4]], signature).dtype == "float32"
    assert ask(pd.DataFrame({"a": [1.0], "b": [2.0]}), signature).shape == (1, 2)
    with pytest.raises(InvalidInput, match=r"The input should have the shape \(any, 2\) and has \(1, 3\)"):
        ask([[1, 2, 3]], signature)
    with pytest.raises(InvalidInput, match="should be float32 and is str"):
        ask([["a", "b"]], signature)
    with pytest.raises(InvalidInput, match="ragged"):
        ask([[1, 2], [3]], signature)
    named = Signature((Tensor("float32", (-1,), "x"), Tensor("int64", (-1,), "n")))
    assert ask({"x": [1.0], "n": [2.0]}, named)["n"].dtype == "int64"
    with pytest.raises(InvalidInput, match="The input 'n' is missing"):
        ask({"x": [1.0]}, named)
    with pytest.raises(InvalidInput, match="'n' should be int64 and is float64"):
        ask({"x": [1.0], "n": [0.5]}, named)


def test_params() -> None:
    enforcer = Enforcer(Signature(params=(Param("k", "long", 3), Param("names", "string", ["a"], (-1,)))))
    assert enforcer.params(None) == {"k": 3, "names": ["a"]}
    assert enforcer.params({"k": np.int64(5), "names": ["x", "y"]}) == {"k": 5, "names": ["x", "y"]}
    with pytest.raises(InvalidInput, match="The param 'k' should be long and is string"):
        enforcer.params({"k": "many"})
    with pytest.raises(InvalidInput, match=r"no param 'n'\. It has: k, names"):
        enforcer.params({"n": 1})


def test_a_frame_that_fits_is_not_touched() -> None:
    frame = pd.DataFrame({"age": [1], "income": [1.0]})
    assert ask(frame, Signature((Column("long", "age"), Column("double", "income")))) is frame


@pytest.mark.parametrize(
    "broken",
    [{"inputs": "["}, {"inputs": "{}"}, {"inputs": '[{"type": "alien"}]'}, {"inputs": "[1]"}, {"params": "[{}]"}],
)
def test_a_broken_signature_is_one_error(broken: dict[str, Any]) -> None:
    with pytest.raises(CorruptData, match="signature cannot be read"):
        Signature.from_json(broken)


@given(st.lists(st.integers(min_value=-(2**70), max_value=2**70), min_size=1, max_size=5))
def test_no_value_is_ever_changed(values: list[int]) -> None:
    for kind in ("integer", "long", "double"):
        try:
            made = ask({"x": values}, Signature((Column(kind, "x"),)))["x"].tolist()
        except InvalidInput:
            continue
        assert made == values
