"""Types of parameters: from annotations and values, and what is converted into them."""

from __future__ import annotations

import ast
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_nb.projects.kinds import Kind, Text, kind_of_annotation, kind_of_value


def kind_of(annotation: str) -> Kind:
    """The kind of an annotation as it is typed."""
    return kind_of_annotation(ast.parse(annotation, mode="eval").body)[0]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("int", "int"), ("float", "float"), ("bool", "bool"), ("str", "str"), ("'float'", "float"),
        ("int | None", "int | None"), ("Optional[int]", "int | None"), ("typing.Optional[str]", "str | None"),
        ("Union[int, str, None]", "int | str | None"), ("None | int | float", "int | float | None"),
        ("list", "list"), ("list[int]", "list[int]"), ("List[float]", "list[float]"), ("Sequence[str]", "list[str]"),
        ("tuple[int, str]", "tuple[int, str]"), ("tuple[int, ...]", "tuple[int]"), ("set[str]", "set[str]"),
        ("dict[str, list[int]]", "dict[str, list[int]]"), ("Literal['a', 'b']", "str"),
        ("Literal[1, None]", "int | None"),
        ("Literal[1, 'a']", "int | str"), ("list[Literal[1, 2]]", "list[int]"), ("date", "date"),
        ("datetime.date", "date"), ("datetime.datetime", "datetime"), ("pathlib.Path", "path"), ("os.PathLike", "path"),
        ("Annotated[float, 'x']", "float"), ("Final[int]", "int"), ("Any", "any"), ("Model", "any"),
        ("Model[int]", "any"),
        ("Model | None", "any"), ("'not python'", "any"), ("int | Any", "any"), ("1 + 1", "any"),
    ],
)  # fmt: skip
def test_annotations(annotation: str, expected: str) -> None:
    assert str(kind_of(annotation)) == expected


@pytest.mark.parametrize(
    ("annotation", "choices"),
    [
        ("Literal['a', 'b']", ("a", "b")), ("Optional[Literal[1, 2]]", (1, 2)), ("list[Literal['x']]", ("x",)),
        ("Literal[1] | str", ()), ("Literal[-1, True, None]", (-1, True)), ("int", ()),
    ],
)  # fmt: skip
def test_choices_of_literals(annotation: str, choices: tuple[Any, ...]) -> None:
    assert kind_of_annotation(ast.parse(annotation, mode="eval").body)[1] == choices


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "bool"), (1, "int"), (1.0, "float"), ("a", "str"), (None, "any"), ([], "list"), ([1], "list[int]"),
        ([1, 2.0], "list"), ([None], "list"), ({"a"}, "set[str]"), ((1, 2), "tuple"), ({"a": 1}, "dict"),
        (date(2024, 1, 1), "date"), (datetime(2024, 1, 1), "datetime"), (Path("a"), "path"), (b"", "any"),
    ],
)  # fmt: skip
def test_kinds_of_defaults(value: Any, expected: str) -> None:
    assert str(kind_of_value(value)) == expected


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        ("int", Text("3"), 3), ("int", Text(" -1_000 "), -1000), ("int", Text("1e3"), 1000), ("int", 3.0, 3),
        ("int", np.int64(3), 3), ("float", Text("0.1"), 0.1), ("float", 3, 3.0), ("float", "1e-3", 0.001),
        ("float", Text("-inf"), -math.inf), ("float", np.float32(0.5), 0.5), ("bool", Text("true"), True),
        ("bool", Text("No"), False), ("bool", np.True_, True), ("str", Text("3"), "3"), ("str", Text(""), ""),
        ("str | None", Text("None"), None), ("int | None", Text("null"), None), ("int | None", None, None),
        ("list[int]", Text("1,2, 3"), [1, 2, 3]), ("list[int]", Text("[1, 2]"), [1, 2]),
        ("list[str]", Text("a, b"), ["a", "b"]),
        ("list[str]", Text("1, 2"), ["1", "2"]), ("list[str]", Text("a"), ["a"]), ("list", Text("1,a"), [1, "a"]),
        ("list[int]", Text(""), []),
        ("list[int]", (1, 2), [1, 2]), ("list[list[int]]", Text("[[1], [2, 3]]"), [[1], [2, 3]]),
        ("list[float]", np.array([1.0, 2.0]), [1.0, 2.0]), ("tuple[int, str]", Text("1,a"), (1, "a")),
        ("tuple[int, ...]", Text("1,2,3"), (1, 2, 3)), ("set[int]", [1, 1], {1}), ("dict", Text('{"a": 1}'), {"a": 1}),
        ("dict", Text("{'a': 1}"), {"a": 1}), ("dict[str, float]", Text('{"a": 1}'), {"a": 1.0}),
        ("date", Text("2024-02-29"), date(2024, 2, 29)), ("date", date(2024, 2, 29), date(2024, 2, 29)),
        ("datetime", Text("2024-02-29T10:00"), datetime(2024, 2, 29, 10)),
        ("datetime", date(2024, 2, 29), datetime(2024, 2, 29)),
        ("Path", Text("a b/c"), Path("a b/c")), ("int | str", Text("3"), 3), ("int | str", Text("x"), "x"),
        ("int | str", "3", "3"), ("float | bool", Text("true"), True), ("int | float", 1.5, 1.5), ("Any", Text("3"), 3),
        ("Any", "3", "3"), ("Any", Text("a b"), "a b"), ("Any", Text("None"), None),
        ("Any", Text("[1, 'a']"), [1, "a"]),
        ("Any", Text("True"), True), ("Any", Text("-inf"), -math.inf), ("Any", Text("007"), "007"), ("Any", None, None),
        ("Any", Text("__import__('os')"), "__import__('os')"), ("Any", Text("[" * 5000), "[" * 5000),
    ],
)  # fmt: skip
def test_converts(annotation: str, given: Any, expected: Any) -> None:
    made = kind_of(annotation).convert(given)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "given", "reason"),
    [
        ("int", Text("abc"), "is not an int"), ("int", Text("0.5"), "is not an int"), ("int", 0.5, "is not an int"),
        ("int", True, "is not an int"), ("int", Text("nan"), "is not an int"), ("int", math.inf, "is not an int"),
        ("int", Text("1" * 5000), "is not an int"), ("int", None, "is not int"), ("float", Text("x"), "is not a float"),
        ("float", True, "is not a float"), ("float", Decimal(1), "is not a float"),
        ("float", 10**400, "is not a float"),
        ("bool", Text("maybe"), "is not a bool"), ("bool", 1, "is not a bool"), ("str", 3, "is not a str"),
        ("list[int]", Text("1,x"), "wrong item 2: 'x' is not an int"), ("list[int]", 3, "is not a list"),
        ("list[int]", {"a": 1}, "is not a list"), ("list", Text("[1"), "is not a list"),
        ("list", b"ab", "is not a list"),
        ("tuple[int, str]", Text("1"), "has 1 items, not 2"), ("set", [[]], "not hashable"),
        ("dict", Text("a"), "is not a dict"),
        ("dict[str, int]", Text('{"a": "b"}'), "wrong item 'a'"), ("date", Text("29.2.2024"), "is not a date"),
        ("date", datetime(2024, 1, 1), "is not a date"), ("date", 5, "is not a date"),
        ("datetime", 5, "is not a datetime"),
        ("Path", 5, "is not a path"), ("Path", Text("a\0b"), "is not a path"),
        ("int | float", Text("x"), "is not int | float"),
    ],
)  # fmt: skip
def test_refuses_what_does_not_fit(annotation: str, given: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        kind_of(annotation).convert(given)
    assert reason in str(refusal.value)
