"""Other values in the place of literals."""

from __future__ import annotations

import ast
import math
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.capture.replacement import replace_literals

CASES: list[tuple[str, dict[str, Any], str, set[str]]] = [
    ("lr = 0.1", {"lr": 0.5}, "lr = 0.5", {"lr"}),
    ("lr: float = 0.1", {"lr": 0.5}, "lr: float = 0.5", {"lr"}),
    ("lr = 0.1", {"n": 1}, "lr = 0.1", set()),
    ("a, b = 1, 2", {"a": 5}, "a, b = (5, 2)", {"a"}),
    ("a, b = 1, f()", {"a": 5}, "a, b = (5, f())", {"a"}),
    ("(a, (b, c)) = [1, (2, 3)]", {"c": 5}, "a, (b, c) = [1, (2, 5)]", {"c"}),
    ("a, *b = 1, 2, 3", {"b": [9]}, "a, *b = (1, 2, 3)", set()),
    ("a = b = 3", {"a": 5}, "b = 3\na = 5", {"a"}),
    ("a = b = 3", {"a": 5, "b": 6}, "a = 5\nb = 6", {"a", "b"}),
    ("x.y = a = 3", {"a": 5}, "x.y = 3\na = 5", {"a"}),
    ("layers = (64, 32)", {"layers": [8]}, "layers = (8,)", {"layers"}),
    ("grid = {'a': 1}", {"grid": {"b": [1, None]}}, "grid = {'b': [1, None]}", {"grid"}),
    ("name = 'adam'", {"name": "sgd"}, "name = 'sgd'", {"name"}),
    ("flag = True", {"flag": False}, "flag = False", {"flag"}),
    ("lr = 0.1\nlr = 0.2", {"lr": 0.5}, "lr = 0.5\nlr = 0.5", {"lr"}),
    ("lr = f()", {"lr": 0.5}, "lr = f()", set()),
    ("lr = 0.1\nwhile c:\n    lr *= 0.9", {"lr": 0.5}, "lr = 0.5\nwhile c:\n    lr *= 0.9", {"lr"}),
    ("if q:\n    n = 1\nelse:\n    n = 2", {"n": 3}, "if q:\n    n = 3\nelse:\n    n = 3", {"n"}),
    ("for x in xs:\n    n = 0\n    n += x", {"n": 3}, "for x in xs:\n    n = 0\n    n += x", set()),
    ("with f():\n    n = 1", {"n": 3}, "with f():\n    n = 3", {"n"}),
    ("def f():\n    n = 1", {"n": 3}, "def f():\n    n = 1", set()),
    ("class A:\n    n = 1", {"n": 3}, "class A:\n    n = 1", set()),
    ("f(n=1)", {"n": 3}, "f(n=1)", set()),
]


@pytest.mark.parametrize(("source", "values", "expected", "done"), CASES)
def test_replaced(source: str, values: dict[str, Any], expected: str, done: set[str]) -> None:
    tree, replaced = replace_literals(ast.parse(source), values)
    assert ast.unparse(tree) == expected
    assert replaced == done
    compile(tree, "<cell>", "exec")


MAGICS = [
    ("lr = 0.1\nfit(lr)", {"lr": 0.5}, "lr = 0.5\nfit(lr)"),
    (
        "x = f()  # é\nlé = 'ü'; lr = [1,\n  2]  # note\nfit(lr)",
        {"lr": [5]},
        "x = f()  # é\nlé = 'ü'; lr = [5]  # note\n\nfit(lr)",
    ),
    ("!ls\nlr = 0.1", {"lr": 0.5}, "!ls\nlr = 0.5"),
    ("a = b = 1\nc = 2", {"a": 5, "c": 6}, "b = 1; a = 5\nc = 6"),
    ("if q:\n    lr = 0.1", {"lr": math.inf}, "if q:\n    lr = float('inf')"),
    ("x = = 1", {"x": 5}, "x = = 1"),
]


@pytest.mark.parametrize(("body", "values", "expected"), MAGICS)
def test_bodies_of_magics_are_edited_line_for_line(body: str, values: dict[str, Any], expected: str) -> None:
    tree, _ = replace_literals(ast.parse(f"get_ipython().run_cell_magic('time', '', {body!r})"), values)
    call = tree.body[0]
    assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[2]) == expected


def test_a_shell_magic_is_left_alone() -> None:
    source = "get_ipython().run_cell_magic('bash', '', 'lr = 0.1')"
    assert ast.unparse(replace_literals(ast.parse(source), {"lr": 1})[0]) == source


def test_tracebacks_point_at_the_same_lines() -> None:
    source = "a = b = 3\nlr = [\n  1,\n]\n\nraise ValueError"
    tree, done = replace_literals(ast.parse(source), {"lr": [1, 2], "a": 1})
    assert done == {"lr", "a"}
    with pytest.raises(ValueError) as caught:
        exec(compile(tree, "<cell>", "exec"), {})
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 6


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_any_plain_value_arrives(value: Any) -> None:
    for source in ("x = 1\ny = x", "get_ipython().run_cell_magic('time', '', 'x = 1\\ny = x')"):
        tree, done = replace_literals(ast.parse(source), {"x": value})
        assert done == {"x"}
        namespace: dict[str, Any] = {}

        class Shell:
            def run_cell_magic(self, name: str, line: str, body: str, to: dict[str, Any] = namespace) -> None:
                exec(body, to)

        namespace["get_ipython"] = Shell
        exec(compile(tree, "<cell>", "exec"), namespace)
        assert repr(namespace["y"]) == repr(value)
