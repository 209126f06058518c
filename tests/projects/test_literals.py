"""Values as source and back: what is written evaluates to exactly what was given."""

from __future__ import annotations

import ast
import math
from collections import OrderedDict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.literals import UNKNOWN, read_literal, write_assignments, write_literal

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC))
)
keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.dates()
values = st.recursive(
    scalars,
    lambda inside: st.lists(inside) | st.lists(inside).map(tuple) | st.dictionaries(keys, inside) | st.sets(keys),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, NaN and the sign of zero included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and (
            left == right or (left != left and right != right)
        )
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right)


def run(source: str) -> dict[str, Any]:
    """The names that a cell with this source leaves behind."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "cell", "exec"), namespace)
    del namespace["__builtins__"]
    return namespace


def unsigned(value: Any) -> Any:
    """NaN without its sign, which source does not carry."""
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    if isinstance(value, list | tuple):
        return type(value)(map(unsigned, value))
    if isinstance(value, dict):
        return {key: unsigned(item) for key, item in value.items()}
    return value


@given(values)
def test_a_cell_gets_the_value_that_was_given(value: Any) -> None:
    assert same(run(write_assignments({"x": value})), {"x": unsigned(value)})


@given(values)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert same(read_literal(ast.parse(write_literal(value), mode="eval").body), unsigned(value))


@given(values)
def test_what_is_written_is_on_one_line(value: Any) -> None:
    assert len(write_literal(value).splitlines()) == 1


@pytest.mark.parametrize(
    "value",
    [
        'it\'s "quoted"',
        "two\nlines\r\n",
        "__import__('os').system('exit 1')",
        "\\",
        "\0",
        "\ud800",
        "\u2028",
        "#",
        '"""',
    ],
)
def test_text_stays_text(value: str) -> None:
    assert run(write_assignments({"x": value})) == {"x": value}


def test_a_path_and_numpy_scalars_are_written_as_what_they_are() -> None:
    given_values = {"p": Path("a b/'c'"), "i": np.int64(3), "f": np.float32(0.5), "n": np.float64("nan")}
    made = run(write_assignments(given_values))
    assert made["p"] == Path("a b/'c'") and isinstance(made["p"], Path)
    assert type(made["i"]) is int and made["i"] == 3
    assert type(made["f"]) is float and made["f"] == 0.5
    assert math.isnan(made["n"])


def test_a_date_is_written_whatever_the_notebook_calls_date() -> None:
    source = "date = datetime = Path = 'mine'\n" + write_assignments(
        {"day": date(2024, 2, 29), "at": datetime(2024, 2, 29, 1)}
    )
    made = run(source)
    assert made["day"] == date(2024, 2, 29)
    assert made["at"] == datetime(2024, 2, 29, 1)
    assert made["date"] == "mine"


@pytest.mark.parametrize("name", ["a b", "x; import os", "1x", "", "a.b", "class", "None", "x\n", "a=1"])
def test_a_name_that_is_code_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a name"):
        write_assignments({name: 1})


@pytest.mark.parametrize("value", [object(), 1j, lambda: 0, ..., int])
def test_a_value_that_has_no_source_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot be passed"):
        write_literal([value])


def test_a_bottomless_value_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="nested"):
        write_literal(endless)


def test_any_mapping_is_written_as_a_dict() -> None:
    assert write_literal(OrderedDict(a=1)) == "{'a': 1}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1", 1), ("-1", -1), ("+2.5", 2.5), ("1e-3", 0.001), ("'a' 'b'", "ab"), ("None", None), ("True", True),
        ("60 * 60", 3600), ("2 ** 10", 1024), ("1 - 0.5", 0.5), ("10 / 4", 2.5), ("float('-inf')", -math.inf),
        ("math.inf", math.inf), ("(1, 'a')", (1, "a")), ("{'a': [1, {2}]}", {"a": [1, {2}]}),
        ("Path('a', 'b')", Path("a/b")), ("pathlib.Path('a')", Path("a")), ("date(2024, 1, 2)", date(2024, 1, 2)),
        ("datetime.date(2024, 1, 2)", date(2024, 1, 2)), ("datetime.datetime(2024, 1, 2, 3)", datetime(2024, 1, 2, 3)),
        ("datetime(2024, 1, 2)", datetime(2024, 1, 2)), ("date.fromisoformat('2024-01-02')", date(2024, 1, 2)),
    ],
)  # fmt: skip
def test_reads_what_needs_no_running(source: str, expected: Any) -> None:
    assert same(read_literal(ast.parse(source, mode="eval").body), expected)


@pytest.mark.parametrize(
    "source",
    [
        "x", "f(1)", "os.environ['A']", "[x]", "{**a}", "[*a]", "f'{x}'", "9 ** 9 ** 9", "1 / 0", "2.0 ** 1024 * 'a'",
        "{[]: 1}", "date(2024, 13, 1)", "float('x')", "...", "1j", "not x", "-'a'", "Path(x)", "int.from_bytes(b'1')",
    ],
)  # fmt: skip
def test_what_needs_running_is_unknown(source: str) -> None:
    assert read_literal(ast.parse(source, mode="eval").body) is UNKNOWN
