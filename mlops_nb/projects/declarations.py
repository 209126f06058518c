"""The parameters that a cell declares: names, types, defaults, help and constraints, read from its source. Pure.

The cell tagged ``parameters`` (papermill's convention) is read, never run. A parameter is a name that it assigns::

    lr: float = 0.1                      # learning rate (0, 1]
    depth = 4                            # of each tree, 2..16
    loss: Literal["log", "hinge"] = "log"
    solver = "adam"                      # in {adam, sgd}
    until: date | None = None
    data: Path                           # no default: it has to be given

Its type is the annotation's, else that of papermill's comment ``# type: float``, else the default's. The comment on the
statement's last line is its help, and may hold a constraint: a range ``[0, 1]`` (round brackets exclude the end, an
empty end is open), ``0..1`` (``2..`` and ``..16`` are open), or choices ``in {a, b}``. Of a list it is about the items.
A default that breaks the constraint shows that the comment was prose, and it is taken as such.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mlops_nb.projects.kinds import Kind, Text, kind_of_annotation, kind_of_value
from mlops_nb.projects.literals import UNKNOWN, read_literal

__all__ = ["Parameter", "closest", "read_parameters"]

_TYPE_COMMENT = re.compile(r"type:\s*(?P<type>[^\s#]+)\s*")
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf)"
_MOMENT = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?"
_BOUND = rf"(?:{_MOMENT}|{_NUMBER})?"
_INTERVAL = re.compile(rf"(?P<open>[\[(])\s*(?P<low>{_BOUND})\s*,\s*(?P<high>{_BOUND})\s*(?P<close>[\])])")
_SPAN = re.compile(rf"(?<![\w.])(?P<low>{_BOUND})\.\.(?P<high>{_BOUND})(?![\w.])")
_CHOICES = re.compile(r"\bin\s*\{(?P<items>[^{}]+)\}")
_ANY = Kind()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a notebook: its name, type, default and what it may be.

    `default` is None where `required` is set, and where the notebook computes it (`computed` is then its source).
    Bounds are None where there is none; `minimum_open` and `maximum_open` say that the bound itself is excluded.
    """

    name: str
    type: Kind = _ANY
    default: Any = None
    required: bool = False
    computed: str = ""
    choices: tuple[Any, ...] = ()
    minimum: Any = None
    maximum: Any = None
    minimum_open: bool = False
    maximum_open: bool = False
    help: str = ""

    @property
    def nullable(self) -> bool:
        """Whether None is among its values."""
        return self.type.nullable or self.type.name == "any"

    @property
    def range(self) -> str:
        """The range in interval notation; empty if there is none.

        Examples
        --------
        >>> Parameter("lr", minimum=0, minimum_open=True).range
        '(0, inf)'
        """
        if self.minimum is None and self.maximum is None:
            return ""
        left = "(" if self.minimum is None or self.minimum_open else "["
        right = ")" if self.maximum is None or self.maximum_open else "]"
        low = "-inf" if self.minimum is None else self.minimum
        return f"{left}{low}, {'inf' if self.maximum is None else self.maximum}{right}"

    def convert(self, value: Any) -> Any:
        """The value as this parameter's type, if it is one of its values.

        Parameters
        ----------
        value : object
            A Python value, or text to be read as one.

        Returns
        -------
        object
            The typed value.

        Raises
        ------
        ValueError
            The reason, to follow "it".

        Examples
        --------
        >>> Parameter("lr", Kind("float"), minimum=0).convert(Text("1e-3"))
        0.001
        """
        typed = self.type.convert(value)
        if typed is None:
            return None
        each = typed if self.type.scalar is not self.type else [typed]
        for item in each:
            self._check(item)
        return typed

    def _check(self, value: Any) -> None:
        if self.choices and not any(value == choice and type(value) is type(choice) for choice in self.choices):
            raise ValueError(f"is not one of {', '.join(map(repr, self.choices))}{closest(value, self.choices)}")
        low, high = self.minimum, self.maximum
        try:
            # Asked so that NaN, which no comparison holds for, is out of every range.
            above = low is None or (value > low if self.minimum_open else value >= low)
            below = high is None or (value < high if self.maximum_open else value <= high)
        except TypeError:  # a datetime with a time zone against a bound without one
            raise ValueError(f"cannot be compared with its range {self.range}") from None
        if not (above and below):
            raise ValueError(f"is not in {self.range}")


def read_parameters(source: str) -> dict[str, Parameter]:
    """The parameters that a cell's source states; magics and shell lines in it are passed over.

    Parameters
    ----------
    source : str
        The source of the cell.

    Returns
    -------
    dict
        Parameters by name, in order; a name assigned twice is as the last assignment says.

    Raises
    ------
    SyntaxError
        If it is not valid Python.

    Examples
    --------
    >>> found = read_parameters("depth = 4  # of each tree, 2..16")["depth"]
    >>> str(found.type), found.minimum, found.maximum, found.help
    ('int', 2, 16, 'of each tree')
    """
    lines = ["" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    text = "\n".join(lines) + "\n"
    comments = _comments(text)
    found: dict[str, Parameter] = {}
    for statement in ast.parse(text).body:
        comment = comments.get(statement.end_lineno or 0, "")
        for target, annotation, value in _assignments(statement):
            found[target] = _parameter(target, annotation, value, comment)
    return found


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    try:
        return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}
    except (tokenize.TokenError, IndentationError):
        return {}  # what is wrong is told better by ast.parse, which follows


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """(name, annotation, value) of each name that a statement assigns; the value of a bare annotation is None."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            yield name, annotation, value
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target, value:
                    case ast.Name(id=name), _:
                        yield name, None, value
                    case ast.Tuple(elts=names), ast.Tuple(elts=values) if _pairwise(names, values):
                        for each, part in zip(names, values, strict=True):
                            if isinstance(each, ast.Name):
                                yield each.id, None, part


def _pairwise(names: list[ast.expr], values: list[ast.expr]) -> bool:
    return len(names) == len(values) and not any(isinstance(node, ast.Starred) for node in [*names, *values])


def _parameter(name: str, annotation: ast.expr | None, value: ast.expr | None, comment: str) -> Parameter:
    if match := _TYPE_COMMENT.match(comment):
        comment = comment[match.end() :]
        annotation = annotation or ast.Constant(value=match["type"])
    default = None if value is None else read_literal(value)
    kind, choices = kind_of_annotation(annotation) if annotation is not None else (kind_of_value(default), ())
    if default is UNKNOWN:
        assert value is not None
        plain = Parameter(name, kind, computed=ast.unparse(value), choices=choices, help=comment)
        return _constrained(plain, comment) or plain
    if default is None and value is not None and kind.name != "any":
        kind = Kind(kind.name, kind.parts, nullable=True)  # lr: float = None, as many write it
    if annotation is not None and default is not None:
        try:
            default = kind.convert(default)  # path: Path = "data.csv"
        except ValueError:
            kind, choices = Kind(), ()  # the notebook contradicts itself, and what it does holds
    plain = Parameter(name, kind, default, required=value is None, choices=choices, help=comment)
    constrained = _constrained(plain, comment)
    if constrained is None:
        return plain
    try:
        constrained.convert(default)
    except ValueError:
        return constrained if default is None else plain
    return constrained


def _constrained(plain: Parameter, comment: str) -> Parameter | None:
    """The parameter with the constraint that its comment states; None if it states none."""
    scalar = plain.type.scalar
    fields: dict[str, Any] = {name: getattr(plain, name) for name in Parameter.__slots__}
    try:
        match = _INTERVAL.search(comment) or _SPAN.search(comment)
        if match and scalar.name in ("int", "float", "date", "datetime", "union"):
            low, high = _bound(match["low"], scalar), _bound(match["high"], scalar)
            if low is None and high is None:
                return None
            brackets = match.groupdict()
            fields |= {"minimum": low, "maximum": high}
            fields |= {"minimum_open": brackets.get("open") == "(" and low is not None}
            fields |= {"maximum_open": brackets.get("close") == ")" and high is not None}
            return Parameter(**fields | {"help": _without(comment, match)})
        if (match := _CHOICES.search(comment)) and not plain.choices:
            items = [Text(item.strip().strip("'\"")) for item in match["items"].split(",") if item.strip()]
            fields["choices"] = tuple(scalar.convert(item) for item in items)
            return Parameter(**fields | {"help": _without(comment, match)})
    except ValueError:
        return None  # "in {n} steps" of an int: prose
    return None


def _bound(text: str, kind: Kind) -> Any:
    if not text or text.lstrip("+-") == "inf":
        return None
    if kind.name in ("date", "datetime"):
        return kind.convert(text)
    number = float(text)
    return int(number) if number.is_integer() else number


def _without(comment: str, match: re.Match[str]) -> str:
    return " ".join(f"{comment[: match.start()].rstrip(' ,:;')} {comment[match.end() :].strip(' ,;')}".split())


def closest(word: Any, known: Iterable[Any]) -> str:
    """What was probably meant, to follow a refusal; empty if nothing is near.

    Parameters
    ----------
    word : object
        What was given.
    known : iterable
        What there is.

    Returns
    -------
    str
        Words in brackets, with a space before.

    Examples
    --------
    >>> closest("dept", ["lr", "depth"])
    " (did you mean 'depth'?)"
    """
    close = get_close_matches(str(word), [str(item) for item in known], n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
