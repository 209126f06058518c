"""What a cell is given; values and texts as params."""

from __future__ import annotations

import enum
import json
import math
import subprocess
import sys
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.capture.cells import analyse
from mlops_nb.capture.params import bounded_repr, cut_text, param_value, params_after, params_before, parse_value


class Hostile:
    """Every look at it is seen."""

    touched: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        Hostile.touched.append(name)
        raise SystemExit(name)

    def __eq__(self, other: object) -> bool:
        Hostile.touched.append("eq")
        raise SystemExit

    def __hash__(self) -> int:
        Hostile.touched.append("hash")
        raise SystemExit

    def __repr__(self) -> str:
        Hostile.touched.append("repr")
        raise SystemExit


BEFORE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("depth = 3\nfit(lr)", {"lr": 0.1}, {"lr": 0.1, "depth": 3}),
    ("fit(a, b, c, d)", {"a": 1, "b": "x", "c": None, "d": True}, {"a": 1, "b": "x", "c": None, "d": True}),
    ("fit(np_f, np_i, np_b)", {"np_f": np.float64(0.1), "np_i": np.int8(3), "np_b": np.True_},
     {"np_f": 0.1, "np_i": 3, "np_b": True}),
    ("fit(d, f, g)", {"d": Decimal("0.1"), "f": Fraction(1, 4), "g": Fraction(1, 3)},
     {"d": "0.1", "f": 0.25, "g": "1/3"}),
    ("load(folder)", {"folder": Path("data/x")}, {"folder": "data/x"}),
    ("fit(data, model, json)", {"data": [1, 2], "model": object(), "json": json}, {}),
    ("fit(big)", {"big": {"a": 1}}, {}),
    ("fit(_x, _, Out, In)", {"_x": 1, "_": 2, "Out": {}, "In": []}, {}),
    ("layers = (64, 32)\ngrid = {'lr': [0.1]}", {}, {"layers": [64, 32], "grid": {"lr": [0.1]}}),
    ("empty = []\nnested = [[[[1]]]]", {}, {}),
    ("x = x + 1", {"x": 5}, {"x": 5}),
    ("lr = 0.1\nfit(lr)", {"lr": 9.0}, {"lr": 0.1}),
    ("if q:\n    n = 10", {"q": True, "n": 5}, {"q": True}),
    ("raw = b'x'; z = 2j; s = {1}", {}, {}),
    ("fit(missing)", {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "namespace", "expected"), BEFORE)
def test_params_before(source: str, namespace: dict[str, Any], expected: dict[str, Any]) -> None:
    found = params_before(analyse(source), namespace)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(expected[name]) for name in found]


def test_globals_that_live_functions_read_are_params() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "lr": 0.1, "depth": 3, "other": 7, "size": 2, "helper": 1}
    exec(
        "def step(): return [lr for _ in range(2)]\n"
        "def train(): return step().helper\n"
        "class Model:\n"
        "    def fit(self): return (lambda: depth)()\n"
        "model = Model()\n",
        namespace,
    )
    assert params_before(analyse("train()"), namespace) == {"lr": 0.1}
    assert params_before(analyse("model.fit()"), namespace) == {"depth": 3}
    assert params_before(analyse("Model()\nsize = 4"), namespace) == {"depth": 3, "size": 4}
    assert params_before(analyse("lr = f()\ntrain()"), namespace) == {}


def test_a_library_function_is_not_looked_into() -> None:
    assert params_before(analyse("dumps(1)"), {"dumps": json.dumps, "cls": 1, "indent": 2}) == {}


def test_params_after_tells_what_was_chosen() -> None:
    facts = analyse("if q:\n    n = 10\n    k = 2\nelse:\n    n = 99")
    assert params_after(facts, {"n": 99, "q": False}) == {"n": 99}
    assert params_after(facts, {"n": 10, "k": np.int64(2)}) == {"k": 2, "n": 10}


def test_user_objects_are_not_touched() -> None:
    Hostile.touched.clear()
    namespace = {"x": Hostile(), "y": [Hostile()], "n": Hostile()}
    facts = analyse("if a:\n    n = 1\nfit(x, y, n)")
    assert params_before(facts, namespace) == {}
    assert params_after(facts, namespace) == {}
    assert Hostile.touched == []


def test_long_text_is_cut_with_a_mark() -> None:
    found = params_before(analyse("fit(text)"), {"text": "x" * 25_000})["text"]
    assert found == "x" * 10_000 + "… (15,000 more characters)"
    assert cut_text("x" * 10_000) == "x" * 10_000


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    def __repr__(self) -> str:
        raise RuntimeError


Point = namedtuple("Point", "x y")
LOOP: list[Any] = []
LOOP.append(LOOP)

VALUES: list[tuple[Any, Any]] = [
    (1, 1), (True, True), (None, None), (0.1, 0.1), ("é\x00\ud800", "é\x00\ud800"),
    (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("a"), "a"),
    (np.array([1.5, 2.5]), [1.5, 2.5]), (np.array(["a"]), ["a"]),
    ((1, 2), [1, 2]), ({1, 3, 2}, [1, 2, 3]), ({"a": {"b": (1,)}}, {"a": {"b": [1]}}),
    ({1: 2, None: 3}, {"1": 2, "None": 3}),
    (Colour.RED, 1), (Name("x"), "x"), (Path("a/b"), "a/b"), (10**50, 10**50),
    (object(), "<object object>"), ([object()], "[<object object>]"), (1 + 2j, "(1+2j)"), (b"x", "b'x'"),
    (Point(1, 2), "Point(x=1, y=2)"), (int, "<class 'int'>"),
    (len, "<built-in function len>"), ({(1, 2): 3}, "{(1, 2): 3}"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), VALUES, ids=lambda value: type(value).__name__)
def test_param_value(obj: Any, expected: Any) -> None:
    found = param_value(obj)
    assert found == expected and type(found) is type(expected)


def test_nan_and_infinities_stay() -> None:
    found = param_value([math.nan, math.inf, -math.inf, -0.0])
    assert [repr(value) for value in found] == ["nan", "inf", "-inf", "-0.0"]


@pytest.mark.parametrize(
    "obj",
    [LOOP, [[]] * 200_000, 10**10_000, "x" * 10_000_000, np.zeros(10**6), list(range(10**6))],
    ids=lambda obj: type(obj).__name__,
)
def test_anything_becomes_a_param_that_json_takes(obj: Any) -> None:
    found = param_value(obj)
    assert json.dumps(found)
    assert isinstance(obj, str) or len(json.dumps(found)) < 10_000


def test_text_is_kept_whole_when_the_user_logs_it() -> None:
    assert param_value("x" * 10_000_000) == "x" * 10_000_000


def test_repr_that_fails_is_named() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no")

    assert "Broken" in bounded_repr(Broken())
    assert "Broken" in str(param_value([Broken()]))
    assert " at 0x" not in bounded_repr(Broken())


TEXTS: list[tuple[str, Any]] = [
    ("1", 1), ("-1", -1), ("+1", 1), ("1_000", 1000), ("0", 0), ("0x10", 16), ("0b11", 3),
    ("0.1", 0.1), ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("-1.5E+3", -1500.0), ("1e3", 1000.0),
    ("inf", math.inf), ("-inf", -math.inf), ("Infinity", math.inf), ("-Infinity", -math.inf),
    ("true", True), ("True", True), ("false", False), ("None", None), ("null", None),
    ("'3'", "3"), ('"a b"', "a b"), ('"caf\\u00e9"', "café"), ("'it''s'", "its"),
    ("[1, 2.5, null]", [1, 2.5, None]), ("[1, 'a', None]", [1, "a", None]), ("(1, 2)", [1, 2]),
    ('{"a": {"b": [true]}}', {"a": {"b": [True]}}), ("{'a': 1}", {"a": 1}), ("[NaN]", None),
    # text stays text
    ("adam", "adam"), ("", ""), (" a ", " a "), ("007", "007"), ("1e999", "1e999"), ("1.2.3", "1.2.3"), ("1+2", "1+2"),
    ("2026-01-01", "2026-01-01"), ("[1, 2", "[1, 2"), ("[f()]", "[f()]"), ("__import__('os')", "__import__('os')"),
    ("1 2", "1 2"), ("TRUE!", "TRUE!"), ("1,2", "1,2"), ("٣", "٣"), ("1" * 5000, "1" * 5000), ("[" * 5000, "[" * 5000),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=lambda value: str(value)[:20])
def test_parse_value(text: str, expected: Any) -> None:
    found = parse_value(text)
    if text == "[NaN]":
        assert math.isnan(found[0])
    else:
        assert found == expected and type(found) is type(expected)


def test_parse_value_nan() -> None:
    assert math.isnan(parse_value("nan")) and math.isnan(parse_value("NaN"))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_pass_unchanged_and_come_back_from_their_json(value: Any) -> None:
    assert repr(param_value(value)) == repr(value)
    if isinstance(value, str | list | dict):
        assert repr(parse_value(json.dumps(value))) == repr(value)


@given(st.text())
def test_parse_value_never_raises(text: str) -> None:
    parse_value(text)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, mlops_nb.capture.cells, mlops_nb.capture.params, mlops_nb.capture.metrics\n"
        "import mlops_nb.capture.replacement\n"
        "print([m for m in ('numpy', 'pandas', 'sqlalchemy', 'nbformat', 'psutil', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
