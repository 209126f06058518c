"""Parameters as a cell declares them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.projects.declarations import Parameter, read_parameters


def one(source: str) -> Parameter:
    """The only parameter of this source."""
    (found,) = read_parameters(source).values()
    return found


CELL = '''
%matplotlib inline
!pip list
"""What this is."""
import os
from datetime import date
# Training
lr: float = 0.1  # learning rate (0, 1]
depth = 4  # of each tree, 2..16
loss: Literal["log", "hinge"] = "log"
solver = "adam"  # in {adam, sgd}
until: date | None = None
data: Path  # the table
a, b = 1, "x"
c = d = True
home = os.environ["HOME"]  # where it lives
layers: list[int] = [
    64,
    32,
]  # sizes [1, 1024]
model.lr = 1
del c
'''


def test_a_whole_cell() -> None:
    found = read_parameters(CELL)
    assert list(found) == ["lr", "depth", "loss", "solver", "until", "data", "a", "b", "c", "d", "home", "layers"]
    assert {name: str(p.type) for name, p in found.items()} == {
        "lr": "float", "depth": "int", "loss": "str", "solver": "str", "until": "date | None", "data": "path",
        "a": "int", "b": "str", "c": "bool", "d": "bool", "home": "any", "layers": "list[int]",
    }  # fmt: skip
    assert [name for name, p in found.items() if p.required] == ["data"]
    assert (found["lr"].range, found["lr"].help) == ("(0, 1]", "learning rate")
    assert (found["depth"].range, found["depth"].help) == ("[2, 16]", "of each tree")
    assert (found["loss"].choices, found["solver"].choices) == (("log", "hinge"), ("adam", "sgd"))
    assert found["solver"].help == ""
    assert (found["home"].computed, found["home"].help) == ("os.environ['HOME']", "where it lives")
    assert (found["layers"].range, found["layers"].default) == ("[1, 1024]", [64, 32])
    assert found["until"].nullable and not found["lr"].nullable


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("x = 1", "int"), ("x = 1.0", "float"), ("x = '1'", "str"), ("x = None", "any"), ("x: 'float' = 1", "float"),
        ("x = 1  # type: float", "float"), ("x = None  # type: Optional[int] how many", "int | None"),
        ("x: int = None", "int | None"), ("x: int = 0.5", "any"), ("x: Path = 'a.csv'", "path"), ("x = 1; y = 2", ""),
    ],
)  # fmt: skip
def test_types_come_from_annotation_comment_and_default(source: str, kind: str) -> None:
    assert str(read_parameters(source)["x"].type) == (kind or "int")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 0.5  # [0, 1]", "[0, 1]"), ("x = 0.5  # (0, 1)", "(0, 1)"), ("x = 1  # [0, )", "[0, inf)"),
        ("x = 1  # (-inf, 5]", "(-inf, 5]"), ("x = 1  # 0..", "[0, inf)"), ("x = 1  # ..10", "(-inf, 10]"),
        ("x = -2  # -5..5", "[-5, 5]"), ("x = 0.5  # .1..1e3", "[0.1, 1000]"),
        ("x: int | None = None  # 1..3", "[1, 3]"),
        ("x: date = date(2024, 1, 1)  # 2024-01-01..2024-12-31", "[2024-01-01, 2024-12-31]"),
        ("x: float  # [0, 1]", "[0, 1]"), ("x: float = compute()  # [0, 1]", "[0, 1]"),
        # prose
        ("x = 1  # see [3]", ""), ("x = 1  # wait...", ""), ("x = 1  # ..", ""), ("x = 5  # once it was [0, 1]", ""),
        ("x = 'a'  # [0, 1]", ""), ("x = 1  # of shape [n, m]", ""), ("x = 1  # [2024-01-01, 2024-12-31]", ""),
        ("x = 1  # version 1.2..3.4.5", ""),
    ],
)  # fmt: skip
def test_ranges_of_comments(source: str, expected: str) -> None:
    assert one(source).range == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1  # in {1, 2}", (1, 2)), ("x = 'a'  # in {'a', \"b\"}", ("a", "b")), ("x = 3  # in {1, 2}", ()),
        ("x = 1  # in {n} steps", ()), ("x: list[str] = ['a']  # in {a, b}", ("a", "b")), ("x: str  # in {a}", ("a",)),
        ("x: Literal['a'] = 'a'  # in {a, b}", ("a",)), ("x = 0.5  # within {0.5}", ()),
    ],
)  # fmt: skip
def test_choices_of_comments(source: str, expected: tuple[Any, ...]) -> None:
    assert one(source).choices == expected


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("x = 0.5  # [0, 1]", 2, r"is not in \[0, 1\]"), ("x = 0.5  # (0, 1]", 0, "is not in"),
        ("x = 0.5  # [0, 1)", 1, "is not in"), ("x = 0.5  # [0, 1]", float("nan"), "is not in"),
        ("x = [1]  # [1, 5]", [1, 9], "is not in"), ("x = 'adam'  # in {adam, sgd}", "adm", "did you mean 'adam'"),
        ("x: Literal[1, 2] = 1", 3, "is not one of 1, 2"), ("x: list[Literal[1]] = [1]", [1, 3], "is not one of"),
        ("x: Literal[1, 'a'] = 1", True, "is not"), ("x: date  # 2024-01-01..", "2023-12-31", "is not in"),
        ("x: datetime  # 2024-01-01..", "2024-02-01T00:00+00:00", "cannot be compared"),
    ],
)  # fmt: skip
def test_what_breaks_the_constraint_is_refused(source: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        one(source).convert(value)


def test_what_keeps_the_constraint_is_typed() -> None:
    assert one("x: date  # 2024-01-01..").convert("2024-01-01") == date(2024, 1, 1)
    assert one("x: int | None = None  # 1..3").convert(None) is None
    assert one("x: Path = 'a.csv'").default == Path("a.csv")


def test_the_last_assignment_of_a_name_counts() -> None:
    assert one("x = 1\nx = 'a'").default == "a"


def test_code_of_any_other_kind_declares_nothing() -> None:
    assert read_parameters("import os\nx += 1\nfor i in y: z = 1\ndef f(): w = 1\na.b = c[0] = 1\na, *b = 1, 2\n") == {}


def test_a_cell_that_is_not_python_is_told() -> None:
    with pytest.raises(SyntaxError):
        read_parameters("x = (1\n")
