"""Bodies of requests: every form means the same, what does not fit is named, the fast road ends where the slow does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.errors import InvalidInput
from mlops_nb.models import Column, Param, Signature, Tensor
from mlops_nb.models.enforcement import Enforcer
from mlops_nb.serving.frames import FramePlan
from mlops_nb.serving.payload import Reader, WrongType, output_columns, plain

TABLE = Signature((Column("double", "age"), Column("string", "town"), Column("long", "visits", required=False)))
JSON = "application/json; charset=utf-8"
SWAPPED = [["Ulm", 41, 3], ["Bonn", 9.5, 4]]
COLUMNS = {"age": [41, 9.5], "town": ["Ulm", "Bonn"], "visits": [3, 4]}


def read(value: Any, signature: Signature | None = TABLE, **options: Any) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reader(signature, **options).read(body, JSON)


@pytest.mark.parametrize(
    "value",
    [
        {"dataframe_split": {"columns": ["age", "town", "visits"], "data": [[41, "Ulm", 3], [9.5, "Bonn", 4]]}},
        {"dataframe_split": {"columns": ["town", "age", "visits"], "index": [7, 8], "data": SWAPPED}},
        {"dataframe_split": {"data": [[41, "Ulm", 3], [9.5, "Bonn", 4]]}},
        {"dataframe_records": [{"age": 41, "town": "Ulm", "visits": 3}, {"visits": 4, "town": "Bonn", "age": 9.5}]},
        {"instances": [{"age": 41, "town": "Ulm", "visits": 3}, {"age": 9.5, "town": "Bonn", "visits": 4}]},
        {"instances": [[41, "Ulm", 3], [9.5, "Bonn", 4]]},
        {"inputs": COLUMNS},
        {"inputs": [[41, "Ulm", 3], [9.5, "Bonn", 4]]},
    ],
)
def test_all_forms_mean_the_same(value: Any) -> None:
    asked = read(value)
    assert (dict(asked.data), asked.rows, asked.is_columns) == (COLUMNS, 2, True)


def test_one_row_without_lists() -> None:
    assert read({"inputs": {"age": 4, "town": "Ulm"}}).data == {"age": [4], "town": ["Ulm"]}
    assert read({"inputs": [41, "Ulm", 3]}).data == {"age": [41], "town": ["Ulm"], "visits": [3]}


def test_csv_is_a_table() -> None:
    asked = Reader(TABLE).read(b"age,town,visits\n41,007,3\n,Bonn,4\n", "text/csv")
    assert dict(asked.data) == {"age": [41.0, None], "town": ["007", "Bonn"], "visits": [3, 4]}


def test_arrays_and_values() -> None:
    tensors = read({"instances": [[1, 2], [3, 4]]}, Signature((Tensor("float32", (-1, 2)),)))
    assert tensors.data.shape == (2, 2) and tensors.rows == 2
    named = read({"inputs": {"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}}, None)
    assert set(named.data) == {"a", "b"} and named.rows == 2
    texts = read({"inputs": ["one", "two"]}, Signature((Column("string"),)))
    assert texts.data == ["one", "two"]
    chat = read({"inputs": {"messages": [{"role": "user"}]}}, None, keeps_form=True)
    assert chat.data == {"messages": [{"role": "user"}]} and chat.rows == 1


def test_params_come_along() -> None:
    signature = Signature(TABLE.inputs, None, (Param("k", "long", 3),))
    assert read({"inputs": COLUMNS, "params": {"k": 5}}, signature).params == {"k": 5}


REFUSED = {
    "nothing": (b"", "empty"),
    "half": (b'{"inputs": [1', "not JSON"),
    "not utf-8": (b'{"inputs": ["\xff"]}', "not JSON"),
    "NaN": (b'{"inputs": {"age": [NaN]}}', "JSON has no NaN"),
    "Infinity": (b'{"inputs": {"age": [Infinity]}}', "JSON has no Infinity"),
    "no object": (b"[1]", "no JSON object"),
    "no form": (b"{}", "0 of the forms"),
    "two forms": (b'{"inputs": [1], "instances": [1]}', "2 of the forms"),
    "something beside": (b'{"inputs": [1], "extra": 1}', "'extra' beside 'inputs'"),
    "params": (b'{"inputs": [[1, "a", 1]], "params": [1]}', "params are no JSON object"),
    "no rows": (b'{"dataframe_split": {"columns": ["age"], "data": []}}', "no rows"),
    "no records": (b'{"dataframe_records": []}', "no list of objects"),
    "ragged": (b'{"dataframe_split": {"columns": ["age", "town"], "data": [[1, "a"], [1]]}}', "Row 1 has 1 values"),
    "lengths": (b'{"inputs": {"age": [1, 2], "town": ["a"]}}', "'town' has 1 values"),
    "twice": (b'{"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}', "two columns 'age'"),
    "extra": (b'{"inputs": {"age": [1], "town": ["a"], "zip": [1]}}', "does not know the column 'zip'"),
    "mistyped": (b'{"inputs": {"agee": [1], "town": ["a"]}}', "'age' is missing from the input, which has a column"),
    "width": (b'{"inputs": [[1, "a"]]}', "row 0 has 2"),
    "deep": (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nested more than"),
    "deeper": (b'{"inputs": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_named(name: str) -> None:
    body, words = REFUSED[name]
    with pytest.raises(InvalidInput) as caught:
        read(body)
    assert words in str(caught.value) and len(str(caught.value)) < 400


def test_other_types_of_content_are_refused() -> None:
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"):
        with pytest.raises(WrongType):
            Reader(TABLE).read(b"{}", kind)


def test_extra_columns_pass_where_that_is_wanted() -> None:
    asked = read({"inputs": {**COLUMNS, "zip": [1, 2]}}, ignore_extra=True)
    assert dict(asked.data) == COLUMNS


FITS = ("double", "float", "long", "integer", "boolean", "string")
VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 66), 1 << 66), st.integers(-5, 5), st.text(max_size=3),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["1", "2.5", "true", "2026-01-01"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(FITS)), values=st.lists(VALUE, min_size=1, max_size=4))
def test_the_fast_road_gives_what_the_slow_one_gives(kind: str, values: list[Any]) -> None:
    plan = FramePlan([Column(kind, "a")])
    if not plan.fits({"a": values}):
        return
    fast, slow = plan.frame({"a": values}), Enforcer(Signature((Column(kind, "a"),)))(pd.DataFrame({"a": values}))
    pd.testing.assert_frame_equal(fast, slow)


def test_answers_are_plain_json() -> None:
    frame = pd.DataFrame({"a": [1, 2], "when": pd.to_datetime(["2026-01-01", None])})
    assert plain(frame) == [{"a": 1, "when": "2026-01-01T00:00:00"}, {"a": 2, "when": None}]
    assert plain(np.array([[1.5, np.nan]])) == [[1.5, None]]
    assert plain({"x": np.int64(3), "y": (np.float32(0.5), b"ab", {1})}) == {"x": 3, "y": [0.5, "YWI=", [1]]}
    assert plain(np.array([np.inf])) == [None]


def test_answers_as_columns_of_the_log() -> None:
    assert output_columns([1, 2], 2) == {"prediction": [1, 2]}
    assert output_columns({"a": [1, 2], "b": [3, 4]}, 2) == {"a": [1, 2], "b": [3, 4]}
    assert output_columns("a text", 2) == {"prediction": ["a text", None]}
