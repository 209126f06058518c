"""The type of a parameter: read from an annotation or a value, and the conversion of what is given into it. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from numbers import Integral, Real
from pathlib import Path, PurePath
from typing import Any

from mlops_nb.projects.literals import UNKNOWN, read_literal

__all__ = ["Kind", "Text", "kind_of_annotation", "kind_of_value"]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NULL = frozenset({"None", "null"})

_NAMES = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    "date": "date",
    "datetime": "datetime",
    "Path": "path",
    "PurePath": "path",
    "PathLike": "path",
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "Iterable": "list",
    "tuple": "tuple",
    "Tuple": "tuple",
    "set": "set",
    "Set": "set",
    "dict": "dict",
    "Dict": "dict",
    "Mapping": "dict",
}
_TRANSPARENT = frozenset({"Annotated", "Final", "ClassVar"})


class Text(str):
    """Text from a command line: to be read as whatever type the parameter has.

    A plain ``str`` is a string on purpose (from Python or YAML); both are converted where the parameter is not one.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A type, as far as values of parameters need it.

    `name` is ``int, float, bool, str, date, datetime, path, list, tuple, set, dict, union`` or ``any``. `parts` are the
    alternatives of a union, the item of a list or set, the items of a tuple, the key and value of a dict; empty where
    the type does not say.
    """

    name: str = "any"
    parts: tuple[Kind, ...] = ()
    nullable: bool = False

    def __str__(self) -> str:
        if self.name == "any":
            return "any"
        if self.name == "union":
            shown = " | ".join(str(part) for part in self.parts)
        else:
            inside = ", ".join(str(part) for part in self.parts)
            shown = f"{self.name}[{inside}]" if inside else self.name
        return f"{shown} | None" if self.nullable else shown

    @property
    def scalar(self) -> Kind:
        """The kind that a range or a set of choices is about: the item of a list or set, else itself.

        Examples
        --------
        >>> str(Kind("list", (Kind("int"),)).scalar)
        'int'
        """
        return self.parts[0] if self.name in ("list", "set") and self.parts else self

    def convert(self, value: Any) -> Any:
        """The value as this type.

        Parameters
        ----------
        value : object
            A Python value; a ``str`` is parsed where the type is another one.

        Returns
        -------
        object
            ``None``, bool, int, float, str, date, datetime, Path, list, tuple, set or dict.

        Raises
        ------
        ValueError
            If the value does not fit; the message is the reason, to follow "it".

        Examples
        --------
        >>> Kind("list", (Kind("float"),)).convert("0.1, 2")
        [0.1, 2.0]
        """
        if self.nullable and isinstance(value, str) and value in _NULL:
            return None
        if value is None and not self.nullable and self.name != "any":
            raise ValueError(f"is not {self}")
        if value is None:
            return None
        return _CONVERTERS[self.name](value, self)


def kind_of_annotation(node: ast.expr | None) -> tuple[Kind, tuple[Any, ...]]:
    """The kind that an annotation names, and its choices where it is a ``Literal``.

    Parameters
    ----------
    node : ast.expr or None
        The annotation as parsed; strings in it are parsed too.

    Returns
    -------
    (Kind, tuple)
        ``any`` for what is not known here (a class of the user's), since a value for it cannot be judged.

    Examples
    --------
    >>> kind, choices = kind_of_annotation(ast.parse("Literal['a', 'b'] | None", mode="eval").body)
    >>> str(kind), choices
    ('str | None', ('a', 'b'))
    """
    match node:
        case ast.Constant(value=str(text)):
            try:
                return kind_of_annotation(ast.parse(text.strip(), mode="eval").body)
            except (SyntaxError, ValueError):
                return Kind(), ()
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Kind(_NAMES.get(name, "any")), ()
        case ast.BinOp(op=ast.BitOr()):
            return _union(_alternatives(node))
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inside):
            return _subscript(name, inside.elts if isinstance(inside, ast.Tuple) else [inside])
    return Kind(), ()


def _subscript(name: str, inside: list[ast.expr]) -> tuple[Kind, tuple[Any, ...]]:
    if name in _TRANSPARENT:
        return kind_of_annotation(inside[0])
    if name == "Optional":
        return _union([inside[0], ast.Constant(value=None)])
    if name == "Union":
        return _union(inside)
    if name == "Literal":
        return _literal(inside)
    kind = _NAMES.get(name, "any")
    if kind not in ("list", "tuple", "set", "dict"):
        return Kind(), ()
    items = [node for node in inside if not (isinstance(node, ast.Constant) and node.value is Ellipsis)]
    known = [kind_of_annotation(node) for node in items]
    choices = known[0][1] if kind in ("list", "set") and known else ()
    return Kind(kind, tuple(part for part, _ in known)), choices


def _literal(inside: list[ast.expr]) -> tuple[Kind, tuple[Any, ...]]:
    values = [value for value in map(read_literal, inside) if value is not UNKNOWN]
    choices = tuple(value for value in values if value is not None)
    return _merge(map(kind_of_value, choices), nullable=None in values), choices


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def _union(nodes: Iterable[ast.expr]) -> tuple[Kind, tuple[Any, ...]]:
    known = [(node, *kind_of_annotation(node)) for node in nodes]
    given = [(kind, choices) for node, kind, choices in known if not _is_none(node)]
    # Choices hold for the whole only where no alternative goes without.
    choices = given[0][1] if len(given) == 1 else ()
    return _merge((kind for kind, _ in given), nullable=len(given) < len(known)), choices


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _merge(kinds: Iterable[Kind], *, nullable: bool = False) -> Kind:
    given = list(dict.fromkeys(kinds))
    nullable = nullable or any(kind.nullable for kind in given)
    if not given or any(kind.name == "any" for kind in given):
        return Kind(nullable=nullable)
    if len(given) == 1:
        return Kind(given[0].name, given[0].parts, nullable)
    return Kind("union", tuple(given), nullable)


def kind_of_value(value: Any) -> Kind:
    """The kind that a default has when nothing is annotated.

    Parameters
    ----------
    value : object
        The default.

    Returns
    -------
    Kind
        ``any`` for None and for `UNKNOWN`, which say nothing about other values.

    Examples
    --------
    >>> str(kind_of_value([1, 2])), str(kind_of_value({"a": 1})), str(kind_of_value(None))
    ('list[int]', 'dict', 'any')
    """
    match value:
        case bool() | int() | float() | str() | datetime() | date():
            return Kind(type(value).__name__)
        case PurePath():
            return Kind("path")
        case list() | set() if len(inside := {kind_of_value(item) for item in value}) == 1:
            only = inside.pop()
            return Kind(type(value).__name__, () if only.name == "any" else (only,))
        case list() | set() | tuple() | dict():
            return Kind(type(value).__name__)
    return Kind()


def _to_bool(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if type(value).__name__ in ("bool_", "bool"):  # NumPy's, without importing it
        return bool(value)
    raise ValueError("is not a bool (true or false)")


def _to_int(value: Any, kind: Kind) -> int:
    try:
        if isinstance(value, str):
            return int(value) if not set("eE.") & set(value) else _whole(float(value))
        if isinstance(value, Integral) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, Real) and not isinstance(value, bool):
            return _whole(float(value))
    except (ValueError, OverflowError):
        pass  # told below, in the same words for all
    raise ValueError("is not an int")


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError
    return int(value)


def _to_float(value: Any, kind: Kind) -> float:
    try:
        if isinstance(value, str) or (isinstance(value, Real) and not isinstance(value, bool)):
            return float(value)
    except (ValueError, OverflowError):
        pass  # told below
    raise ValueError("is not a float")


def _to_str(value: Any, kind: Kind) -> str:
    if isinstance(value, str):
        return str(value)
    raise ValueError("is not a str")


def _to_date(value: Any, kind: Kind) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise ValueError("is not a date (YYYY-MM-DD)") from None


def _to_datetime(value: Any, kind: Kind) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        return datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise ValueError("is not a datetime (YYYY-MM-DDTHH:MM:SS)") from None


def _to_path(value: Any, kind: Kind) -> Path:
    if isinstance(value, str | PurePath) and "\0" not in str(value):
        return Path(value)
    raise ValueError("is not a path")


def _to_items(value: Any, kind: Kind) -> Any:
    items = _items_of_text(value) if isinstance(value, str) else value
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise ValueError(f"is not a {kind}")
    items = list(items)
    if kind.name == "tuple" and len(kind.parts) > 1:
        if len(items) != len(kind.parts):
            raise ValueError(f"has {len(items)} items, not {len(kind.parts)} as {kind} has")
        items = [part.convert(item) for part, item in zip(kind.parts, items, strict=True)]
    else:
        part = kind.parts[0] if kind.parts else Kind()
        items = [_convert_part(item, part, f"item {n}") for n, item in enumerate(items, 1)]
    try:
        return {"list": list, "tuple": tuple, "set": set}[kind.name](items)
    except TypeError:
        raise ValueError("is a set of values that are not hashable") from None


def _items_of_text(text: str) -> Any:
    if text.strip()[:1] not in ("[", "(", "{"):
        return [Text(item.strip()) for item in text.split(",")] if text.strip() else []
    value = _parse(text.strip())
    if isinstance(value, list | tuple | set):
        return value
    raise ValueError("is not a list (separate by commas, or write it as JSON)")


def _to_dict(value: Any, kind: Kind) -> dict[Any, Any]:
    value = _parse(value) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        raise ValueError("is not a dict (write it as JSON)")
    if len(kind.parts) != 2:
        return dict(value)
    key, item = kind.parts
    return {_convert_part(k, key, "key"): _convert_part(v, item, f"item {k!r}") for k, v in value.items()}


def _convert_part(value: Any, kind: Kind, place: str) -> Any:
    try:
        return kind.convert(value)
    except ValueError as error:
        raise ValueError(f"has a wrong {place}: {value!r} {error}") from None


def _to_union(value: Any, kind: Kind) -> Any:
    for part in kind.parts:
        if not isinstance(value, Text) and kind_of_value(value).name == part.name:
            return part.convert(value)
    # Text that is a number is not meant as text where both are allowed: the strictest reading comes first.
    for part in sorted(kind.parts, key=lambda part: _STRICTNESS.index(part.name)):
        try:
            return part.convert(value)
        except ValueError:
            continue  # the next alternative may fit
    raise ValueError(f"is not {kind}")


def _to_any(value: Any, kind: Kind) -> Any:
    return _parse(value) if isinstance(value, Text) else value


def _parse(text: str) -> Any:
    """Text as JSON or as a Python literal where it is one, else the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text in _NULL:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # not JSON: Python's own way of writing may fit
    try:
        value = read_literal(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        value = UNKNOWN
    if value is not UNKNOWN:
        return value
    return float(text) if text.lower().lstrip("+-") in ("nan", "inf", "infinity") else str(text)


_STRICTNESS = tuple("int float bool date datetime dict list tuple set path str union any".split())

_CONVERTERS: dict[str, Callable[[Any, Kind], Any]] = {
    "bool": _to_bool,
    "int": _to_int,
    "float": _to_float,
    "str": _to_str,
    "date": _to_date,
    "datetime": _to_datetime,
    "path": _to_path,
    "list": _to_items,
    "tuple": _to_items,
    "set": _to_items,
    "dict": _to_dict,
    "union": _to_union,
    "any": _to_any,
}
