"""The space of a sweep: what is typed after ``-p``, read by the notebook's contract into typed axes. Pure.

A comma divides values, two dots make a range (ends included)::

    lr=0.01,0.1        these two            lr=1e-4..0.1       a continuous range, logarithmic since it is wide
    depth=2..6         2, 3, 4, 5, 6        depth=2..10:2      every second one
    x=0..1:0.25        0, 0.25 ... 1        x=1..5:log         logarithmic (`:linear` for the opposite)
    depth=2..          up to the end of the range that the notebook states
    loss=..            all choices that the notebook states
    size=[1,2],[3]     values with commas in them stand in brackets or quotes
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import Parameter, closest
from mlops_nb.projects.kinds import Kind, Text
from mlops_nb.projects.parameters import Contract, recordable

WIDE = 100.0
"""A positive range of floats whose ends are this many times apart is drawn from logarithmically."""

MOST_VALUES = 1_000_000
_RANGE = re.compile(r"(?P<low>[^:]*?)\.\.(?P<high>[^:]*)(?P<after>(?::[^:]+)*)")
_QUOTES = "'\""
_OPEN, _CLOSE = "([{", ")]}"
_NUMBERS = ("int", "float", "union", "any", "date")
_COLLECTIONS = ("list", "tuple", "set", "dict")


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter of a sweep: `values` where they are named (one is fixed), else a range.

    `low` and `high` are ints or floats, both included; `step` is None where a float may take every value between.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: Any = None
    high: Any = None
    step: Any = None
    log: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.size == 1

    @property
    def size(self) -> float:
        """How many values there are; infinite for a continuous range.

        Examples
        --------
        >>> Axis("depth", low=2, high=6, step=1).size, Axis("x", low=0.0, high=1.0).size
        (5, inf)
        """
        if self.values:
            return len(self.values)
        if self.step is None:
            return 1 if self.low == self.high else math.inf
        steps: float = (self.high - self.low) / self.step
        return math.floor(steps + 1e-9) + 1

    def at(self, index: int) -> Any:
        """The value with this number, of those that can be counted.

        Examples
        --------
        >>> Axis("x", low=0.0, high=1.0, step=0.1).at(3)
        0.3
        """
        if self.values:
            return self.values[index]
        if self.step is None:
            return self.low
        value = self.low + index * self.step
        return round(value, 12) if isinstance(value, float) else value

    def draw(self, source: random.Random) -> Any:
        """A random value.

        Examples
        --------
        >>> 1e-4 <= Axis("lr", low=1e-4, high=0.1, log=True).draw(random.Random(1)) <= 0.1
        True
        """
        if self.log:
            drawn = math.exp(source.uniform(math.log(self.low), math.log(self.high)))
            drawn = min(max(drawn, self.low), self.high)
            return round(drawn) if isinstance(self.low, int) else drawn
        if self.size == math.inf:
            return source.uniform(self.low, self.high)
        return self.at(source.randrange(int(self.size)))

    def as_json(self) -> dict[str, Any]:
        """The axis as plain JSON, for `from_json`."""
        return {**asdict(self), "values": [recordable(value) for value in self.values]}

    def __str__(self) -> str:
        if self.values:
            return f"{self.name}={','.join(str(recordable(value)) for value in self.values)}"
        after = ":log" if self.log else "" if self.step in (None, 1) else f":{self.step}"
        return f"{self.name}={self.low}..{self.high}{after}"


@dataclass(frozen=True, slots=True)
class Space:
    """All axes of a sweep, in the order in which they were given."""

    axes: tuple[Axis, ...]

    @property
    def varied(self) -> tuple[Axis, ...]:
        """The axes with something to choose."""
        return tuple(axis for axis in self.axes if not axis.is_fixed)

    @property
    def size(self) -> float:
        """How many points there are; infinite if an axis is continuous."""
        return math.prod(axis.size for axis in self.axes)

    def at(self, index: int) -> dict[str, Any]:
        """The point with this number; the last axis changes fastest.

        Examples
        --------
        >>> Space((Axis("a", (1, 2)), Axis("b", ("x", "y")))).at(2)
        {'a': 2, 'b': 'x'}
        """
        point: dict[str, Any] = {}
        for axis in reversed(self.axes):
            index, place = divmod(index, int(axis.size))
            point[axis.name] = axis.at(place)
        return {axis.name: point[axis.name] for axis in self.axes}

    def draw(self, source: random.Random) -> dict[str, Any]:
        """A random point."""
        return {axis.name: axis.draw(source) for axis in self.axes}

    def as_json(self) -> list[dict[str, Any]]:
        """The axes as plain JSON."""
        return [axis.as_json() for axis in self.axes]

    @classmethod
    def from_json(cls, records: Iterable[Mapping[str, Any]], stated: Contract) -> Space:
        """The space that `as_json` gave, its values typed by the notebook's contract again."""
        axes = []
        for record in records:
            fields = dict(record)
            name = fields["name"]
            fields["values"] = tuple(_typed(stated, name, value) for value in fields["values"])
            axes.append(Axis(**fields))
        return cls(tuple(axes))


def read_space(given: Mapping[str, Any], stated: Contract) -> Space:
    """The space that was asked for, every value of it checked against the notebook's contract.

    Parameters
    ----------
    given : mapping of str to object
        Text as typed after ``-p``; or from Python a list or range of values, a single value, or such text.
    stated : Contract
        What the notebook takes.

    Returns
    -------
    Space

    Raises
    ------
    InvalidInput
        All that is wrong in one sentence, with what was probably meant.

    Examples
    --------
    >>> from mlops_nb.projects.declarations import read_parameters
    >>> stated = Contract("nb.ipynb", read_parameters("lr = 0.1\\ndepth = 4  # 2..16"))
    >>> [str(axis) for axis in read_space({"lr": "0.01,0.1", "depth": "2..6"}, stated).axes]
    ['lr=0.01,0.1', 'depth=2..6']
    """
    if not stated.stated and given:
        stated.check(dict.fromkeys(given))  # refuses, in its own words
    axes: list[Axis] = []
    problems: list[str] = []
    for name, value in given.items():
        try:
            axes.append(_axis(name, value, stated))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise InvalidInput(
            f"{stated.notebook} cannot be swept with these parameters: {'; '.join(problems)}.",
            hint=f"See what it takes with: mlops-nb run {stated.notebook} --help",
        )
    space = Space(tuple(axes))
    stated.check({axis.name: axis.at(0) for axis in axes})  # what is missing
    return space


def _axis(name: str, value: Any, stated: Contract) -> Axis:
    parameter = _parameter(name, stated)
    if isinstance(value, range):
        return Axis(name, tuple(_typed(stated, name, each) for each in value))
    if not isinstance(value, str):
        return Axis(name, _unique(_typed(stated, name, each) for each in _listed(value, parameter.type)))
    text = Text(value.strip())
    if parameter.type.scalar.name in (*_NUMBERS, "bool") or parameter.choices:
        match = _RANGE.fullmatch(text)
        if match:
            return _range(parameter, stated, match)
    pieces = split_values(text)
    single = len(pieces) == 1 and parameter.type.name not in _COLLECTIONS
    return Axis(name, _unique(_typed(stated, name, Text(text if single else piece)) for piece in pieces))


def _parameter(name: str, stated: Contract) -> Parameter:
    if stated.language != "python":
        return Parameter(name)
    found = stated.parameters.get(name)
    if found is None:
        have = ", ".join(map(repr, stated.parameters)) or "none"
        raise ValueError(f"it has no parameter {name!r}{closest(name, stated.parameters) or f' (it has {have})'}")
    return found


def _typed(stated: Contract, name: str, value: Any) -> Any:
    try:
        return _parameter(name, stated).convert(value)
    except ValueError as error:
        shown = str(value) if isinstance(value, str) else repr(value)
        raise ValueError(f"{name}={shown[:60]} {error}" if "parameter" not in str(error) else str(error)) from None


def _listed(value: Any, kind: Kind) -> Sequence[Any]:
    """The values that a Python object stands for; of a parameter that is a list itself only a list of lists is many."""
    if not isinstance(value, list | tuple):
        return [value]
    if kind.name in _COLLECTIONS and not (value and all(isinstance(each, list | tuple | set | dict) for each in value)):
        return [value]
    return value


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for value in values:
        if not any(value == one and type(value) is type(one) for one in found):
            found.append(value)
    if not found:
        raise ValueError("it needs at least one value of each parameter")
    return tuple(found)


def split_values(text: str) -> list[str]:
    """Divide text at its commas, but for those in brackets and quotes; a piece that is all quoted loses the quotes.

    Examples
    --------
    >>> split_values("[1,2],[3]"), split_values("'a,b', c")
    (['[1,2]', '[3]'], ['a,b', 'c'])
    """
    pieces, depth, quote, start = [], 0, "", 0
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES and not text[start:place].strip(" ([{,:") and (depth or not text[start:place].strip()):
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        elif letter == "," and depth <= 0:
            pieces.append(text[start:place])
            start = place + 1
    pieces.append(text[start:])
    return [_unquoted(piece.strip()) for piece in pieces]


def _unquoted(piece: str) -> str:
    quoted = len(piece) > 1 and piece[0] == piece[-1] and piece[0] in _QUOTES and piece[0] not in piece[1:-1]
    return piece[1:-1] if quoted else piece


def _range(parameter: Parameter, stated: Contract, match: re.Match[str]) -> Axis:
    name, shown = parameter.name, f"{parameter.name}={match[0]}"
    if not match["low"] and not match["high"] and (parameter.choices or parameter.type.name == "bool"):
        return Axis(name, parameter.choices or (False, True))
    low = _end(parameter, match["low"], parameter.minimum, shown, "beginning")
    high = _end(parameter, match["high"], parameter.maximum, shown, "end")
    try:
        backwards = high < low
    except TypeError:
        raise ValueError(f"{shown} is not a range of numbers or dates") from None
    if backwards:
        raise ValueError(f"{shown} runs backwards (write {name}={match['high']}..{match['low']})")
    words = [word for word in match["after"].split(":") if word]
    step = next((word for word in words if word not in ("log", "linear")), None)
    if isinstance(low, date):
        return Axis(name, _dates(low, high, step, shown))
    whole = isinstance(low, int) and isinstance(high, int) and parameter.type.name != "float"
    axis = _numbers(name, low, high, step, words, shown, whole=whole)
    _typed(stated, name, axis.low), _typed(stated, name, axis.high)
    return axis


def _end(parameter: Parameter, text: str, stated_end: Any, shown: str, which: str) -> Any:
    if text.strip():
        value = _typed(Contract("", {parameter.name: parameter}), parameter.name, Text(text.strip()))
    elif stated_end is None:
        raise ValueError(f"{shown} has no {which}, and the notebook states none")
    else:
        value = stated_end
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{shown} is not a finite range")
    return value


def _numbers(
    name: str, low: Any, high: Any, step: str | None, words: Sequence[str], shown: str, *, whole: bool
) -> Axis:
    wide = low > 0 and high / low >= WIDE and not whole and step is None
    log = "log" in words or (wide and "linear" not in words)
    if log and low <= 0:
        raise ValueError(f"{shown} cannot be logarithmic, since it does not begin above 0")
    if log and step is not None:
        raise ValueError(f"{shown} has a step and is logarithmic: only one of them is possible")
    size: Any = 1 if whole else None
    if step is not None:
        try:
            size = int(step) if whole else float(step)
        except ValueError:
            raise ValueError(f"{shown} has the step {step!r}, which is not a number (or log, or linear)") from None
        if not size > 0 or not math.isfinite(size):
            raise ValueError(f"{shown} has the step {step}, which is not above 0")
    if whole:
        return Axis(name, low=low, high=high, step=size, log=log)
    return Axis(name, low=float(low), high=float(high), step=size, log=log)


def _dates(low: date, high: date, step: str | None, shown: str) -> tuple[date, ...]:
    if step is not None and not (step.isdigit() and int(step)):
        raise ValueError(f"{shown} has the step {step!r}, which is not a number of days")
    days = range(0, (high - low).days + 1, int(step or 1))
    return tuple(low + timedelta(days=day) for day in itertools.islice(days, MOST_VALUES))
