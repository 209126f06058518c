"""Values as Python source and back, without running anything. Pure.

papermill's own translator turns keys of dicts into strings, tuples, dates and paths into text, and pastes the name of a
parameter as it is; here what is written evaluates to exactly the value that was given, or there is an error.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Mapping
from datetime import date, datetime
from numbers import Integral, Real
from pathlib import Path, PurePath
from typing import Any, Final

from mlops_nb.errors import InvalidInput

__all__ = ["UNKNOWN", "Unknown", "read_literal", "write_assignments", "write_literal"]

DEPTH_LIMIT = 64
"""How deep a value may be nested: far below where Python's own parser gives up (about 100 brackets)."""


class Unknown:
    """The type of `UNKNOWN`: a value that only running the code would tell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def read_literal(node: ast.expr | None) -> Any:
    """The value that an expression surely has, without evaluating it.

    Literals, signs, arithmetic of numbers, ``float("nan")``, ``math.inf`` and the like, ``Path("...")``, ``date(...)``,
    ``datetime(...)`` and their ``fromisoformat``.

    Parameters
    ----------
    node : ast.expr or None
        An expression as parsed.

    Returns
    -------
    object
        The value, or `UNKNOWN`.

    Examples
    --------
    >>> read_literal(ast.parse("[1, -2.5, float('inf')]", mode="eval").body)
    [1, -2.5, inf]
    >>> read_literal(ast.parse("os.environ['HOME']", mode="eval").body)
    UNKNOWN
    """
    try:
        return _read(node)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return UNKNOWN


def _read(node: ast.AST | None) -> Any:
    match node:
        case ast.Constant(value=value):
            return UNKNOWN if isinstance(value, complex) or value is Ellipsis else value
        case ast.List(elts=items):
            return _read_items(items, list)
        case ast.Tuple(elts=items):
            return _read_items(items, tuple)
        case ast.Set(elts=items):
            return _read_items(items, set)
        case ast.Dict(keys=keys, values=values):
            known_keys, known = _read_items(keys, list), _read_items(values, list)
            return UNKNOWN if UNKNOWN is known_keys or UNKNOWN is known else dict(zip(known_keys, known, strict=True))
        case ast.UnaryOp() | ast.BinOp():
            return _read_arithmetic(node)
        case ast.Attribute(value=ast.Name(id="math" | "np" | "numpy"), attr="inf" | "nan" as name):
            return float(name)
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _read_call(ast.unparse(function), _read_items(arguments, list))
    return UNKNOWN


def _read_items(nodes: list[Any], make: type) -> Any:
    # A ** in a dict has None for its key, a * in a list is a Starred: both are UNKNOWN.
    items = [UNKNOWN if node is None else _read(node) for node in nodes]
    return UNKNOWN if any(item is UNKNOWN for item in items) else make(items)


def _read_arithmetic(node: ast.UnaryOp | ast.BinOp) -> Any:
    if isinstance(node, ast.UnaryOp):
        value = _read(node.operand)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return UNKNOWN
        return -value if isinstance(node.op, ast.USub) else value if isinstance(node.op, ast.UAdd) else UNKNOWN
    left, right = _read(node.left), _read(node.right)
    if not all(isinstance(side, int | float) for side in (left, right)):
        return UNKNOWN
    match node.op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if abs(right) <= 1024 and abs(left) <= 1024:  # 9 ** 9 ** 9 would never end
            return left**right
    return UNKNOWN


def _read_call(function: str, arguments: Any) -> Any:
    if arguments is UNKNOWN:
        return UNKNOWN
    match function.split(".")[-2:], arguments:
        case ["set"], []:
            return set()
        case ["float"], [str(text)]:
            return float(text)
        case [*_, "Path" | "PurePath"], [*parts]:
            return Path(*parts)
        case [*_, "date"], [int(), int(), int()]:
            return date(*arguments)
        case [*_, "datetime"], [int(), int(), int(), *_]:
            return datetime(*arguments)
        case [*_, "date", "fromisoformat"] | ["date", "fromisoformat"], [str(text)]:
            return date.fromisoformat(text)
        case [*_, "datetime", "fromisoformat"] | ["datetime", "fromisoformat"], [str(text)]:
            return datetime.fromisoformat(text)
    return UNKNOWN


def write_literal(value: Any) -> str:
    """Python source that evaluates to exactly this value, in any namespace.

    Parameters
    ----------
    value : object
        None, bool, numbers (NumPy's too), str, bytes, date, datetime, path, and lists, tuples, sets and dicts
        of these.

    Returns
    -------
    str
        One line; it names nothing but builtins.

    Raises
    ------
    InvalidInput
        If a value is of another type, or nested too deeply.

    Examples
    --------
    >>> write_literal({"a": [1, float("nan")], 2: "it's"})
    '{\\'a\\': [1, float("nan")], 2: "it\\'s"}'
    """
    return _write(value, DEPTH_LIMIT)


def _write(value: Any, depth: int) -> str:
    if depth == 0:
        raise InvalidInput(f"A parameter's value is nested more than {DEPTH_LIMIT} deep.", hint="Pass it as a file.")
    below = depth - 1
    match value:
        case None | bool():
            return repr(value)
        case str():
            return repr(str(value))
        case bytes():
            return repr(value)
        case Integral():
            return repr(int(value))
        case Real():
            return _write_float(float(value))
        case datetime() | date():
            kind = "datetime" if isinstance(value, datetime) else "date"
            return f'__import__("datetime").{kind}.fromisoformat({value.isoformat()!r})'
        case PurePath():
            return f'__import__("pathlib").Path({str(value)!r})'
        case list():
            return "[" + ", ".join(_write(item, below) for item in value) + "]"
        case tuple():
            inside = ", ".join(_write(item, below) for item in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case set() | frozenset():
            return "{" + ", ".join(sorted(_write(item, below) for item in value)) + "}" if value else "set()"
        case Mapping():
            return "{" + ", ".join(f"{_write(k, below)}: {_write(v, below)}" for k, v in value.items()) + "}"
    raise InvalidInput(
        f"A parameter's value has the type {type(value).__name__}, which cannot be passed to a notebook.",
        hint="Pass numbers, text, dates, paths, or lists and dicts of these; anything else as a file's path.",
    )


def _write_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def write_assignments(values: Mapping[str, Any]) -> str:
    """The source of a cell that assigns these values.

    Parameters
    ----------
    values : mapping of str to object
        Names and values.

    Returns
    -------
    str
        One assignment a line, below a comment.

    Raises
    ------
    InvalidInput
        If a name is not a Python identifier (it would be code), or a value cannot be written.

    Examples
    --------
    >>> print(write_assignments({"lr": 0.1}))
    # Parameters
    lr = 0.1
    """
    lines = ["# Parameters"]
    for name, value in values.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidInput(
                f"{name!r} is not a name that a parameter can have.", hint="Use letters, digits and underscores."
            )
        lines.append(f"{name} = {write_literal(value)}")
    return "\n".join(lines)
