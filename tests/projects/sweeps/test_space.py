"""What is typed after ``-p`` becomes typed axes, or one sentence that says all that is wrong."""

from __future__ import annotations

import math
import random
from datetime import date
from typing import Any

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import read_parameters
from mlops_nb.projects.kinds import Text
from mlops_nb.projects.parameters import Contract
from mlops_nb.projects.sweeps.space import Axis, Space, read_space

STATED = Contract(
    "nb.ipynb",
    read_parameters(
        'lr = 0.1  # step size (0, 1]\ndepth = 4  # 2..16\nloss = "log"  # in {log, hinge}\nname = "a"\nflag = True\n'
        'since = "2024-01-01"  # type: date\nlayers = [1, 2]\nanything = None\n'
        'path: "Path" = "x.csv"\nn: int | float = 1'
    ),
)


def axis(**given: str) -> Axis:
    return read_space({name: Text(value) for name, value in given.items()}, STATED).axes[0]


def values(**given: str) -> tuple[Any, ...]:
    return axis(**given).values


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"lr": "0.01, 1e-1"}, (0.01, 0.1)),
        ({"lr": "1"}, (1.0,)),
        ({"depth": "2,4,4,2"}, (2, 4)),
        ({"loss": "log,hinge"}, ("log", "hinge")),
        ({"loss": ".."}, ("log", "hinge")),
        ({"flag": ".."}, (False, True)),
        ({"flag": "yes,no"}, (True, False)),
        ({"name": "a,'b, c',\"d\""}, ("a", "b, c", "d")),
        ({"name": "x=1"}, ("x=1",)),
        ({"name": "../data..old"}, ("../data..old",)),
        ({"layers": "[1,2],[3]"}, ([1, 2], [3])),
        ({"since": "2024-02-27..2024-03-01:2"}, (date(2024, 2, 27), date(2024, 2, 29))),
        ({"anything": "1,two,null"}, (1, "two", None)),
        ({"name": "__import__('os').system('x')"}, ("__import__('os').system('x')",)),
    ],
)
def test_values_are_typed(given: dict[str, str], expected: tuple[Any, ...]) -> None:
    found = values(**given)
    assert found == expected and [type(one) for one in found] == [type(one) for one in expected]


def test_ranges() -> None:
    assert [axis(depth="2..6").at(n) for n in range(5)] == [2, 3, 4, 5, 6] and axis(depth="2..6").size == 5
    assert [axis(depth="14..").at(n) for n in range(3)] == [14, 15, 16]
    assert axis(depth="..").size == 15 and axis(depth="2..10:4").size == 3
    assert axis(lr="0.1..0.5").size == math.inf and not axis(lr="0.1..0.5").log
    assert axis(lr="1e-4..0.1").log and not axis(lr="1e-4..0.1:linear").log and axis(lr="0.1..0.5:log").log
    stepped = axis(lr="0.1..0.5:0.1")
    assert [stepped.at(n) for n in range(int(stepped.size))] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert axis(anything="1..3").at(2) == 3 and isinstance(axis(n="1..3").at(0), int)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dept": "1,2"}, "did you mean 'depth'"),
        ({"lr": "0.1,2"}, "2 is not in (0, 1]"),
        ({"lr": "0..0.1"}, "not in (0, 1]"),
        ({"depth": "2..99"}, "99 is not in [2, 16]"),
        ({"depth": "6..2"}, "runs backwards (write depth=2..6)"),
        ({"depth": "2..6:0"}, "not above 0"),
        ({"depth": "2..6:x"}, "which is not a number"),
        ({"depth": "a..b"}, "a is not an int"),
        ({"lr": "0.001..0.1:log:0.1"}, "only one of them"),
        ({"loss": "lgo"}, "did you mean 'log'"),
        ({"lr": "nan"}, "nan is not in (0, 1]"),
        ({"anything": "..5"}, "the notebook states none"),
        ({"depth": ""}, "is not an int"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        axis(**given)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)
    assert "mlops-nb run nb.ipynb --help" in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"'dept'.*; lr=7"):
        read_space({"dept": Text("1"), "lr": Text("7")}, STATED)


def test_python_values() -> None:
    space = read_space({"lr": [0.1, 0.2], "depth": range(2, 5), "layers": [1, 2], "loss": "log"}, STATED)
    assert [one.values for one in space.axes] == [(0.1, 0.2), (2, 3, 4), ([1, 2],), ("log",)]
    assert read_space({"layers": [[1], [2, 3]]}, STATED).axes[0].values == ([1], [2, 3])
    assert space.size == 6 and [one.name for one in space.varied] == ["lr", "depth"]
    assert len({repr(space.at(n)) for n in range(6)}) == 6


def test_a_space_is_the_same_after_a_journey_through_json() -> None:
    import json

    given = {"since": "2024-01-01,2024-01-02", "lr": "1e-4..0.1", "depth": "..", "layers": "[1,2],[3]", "path": "a,b"}
    space = read_space({name: Text(value) for name, value in given.items()}, STATED)
    assert Space.from_json(json.loads(json.dumps(space.as_json())), STATED) == space


def test_draws_stay_inside() -> None:
    source = random.Random(3)
    space = read_space({"lr": Text("1e-5..1"), "depth": Text("2..16:log"), "n": Text("1..9:2")}, STATED)
    drawn = [space.draw(source) for _ in range(500)]
    assert all(1e-5 <= one["lr"] <= 1 and 2 <= one["depth"] <= 16 and one["n"] in (1, 3, 5, 7, 9) for one in drawn)
    assert 0.3 < sum(one["lr"] < 10**-2.5 for one in drawn) / 500 < 0.7, "half of the draws below the middle decade"
