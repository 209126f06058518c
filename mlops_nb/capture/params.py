"""Params of a cell: what it is given. And params that users name themselves, as values or as text."""

from __future__ import annotations

import ast
import json
import math
import re
import reprlib
from collections.abc import Mapping
from typing import Any

from mlops_nb.capture.cells import CellFacts
from mlops_nb.capture.scalars import ABSENT, plain_scalar, type_path
from mlops_nb.capture.scopes import global_reads
from mlops_nb.entities import ParamValue

TEXT_LIMIT = 10_000
"""Longest text of a captured param, in characters."""

_MAX_ITEMS = 100
_MAX_NODES = 100_000
_MAX_DEPTH = 20
_REPR_LIMIT = 2_000
_MAX_DIGITS = 4_000
_MAX_LITERAL = 1_000_000

_SHELL_NAMES = frozenset({"In", "Out", "exit", "quit", "get_ipython"})
_WORDS: dict[str, ParamValue] = {
    "true": True, "True": True, "false": False, "False": False, "none": None, "None": None, "null": None,
    "nan": math.nan, "NaN": math.nan, "-nan": math.nan, "inf": math.inf, "Infinity": math.inf, "+inf": math.inf,
    "-inf": -math.inf, "-Infinity": -math.inf,
}  # fmt: skip
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*(_[0-9]+)*)")
_FLOAT = re.compile(r"[+-]?([0-9]+(_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BASED = re.compile(r"[+-]?0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def params_before(facts: CellFacts, namespace: Mapping[str, Any]) -> dict[str, ParamValue]:
    """What a cell is given: its literals, and scalars that it reads from earlier cells, as they are before it runs.

    Scalars that live functions of the notebook read as globals count, if the cell reads the function. Small containers
    of scalars count if the cell binds them to a literal. Names that start with ``_`` and IPython's own do not.

    Parameters
    ----------
    facts : CellFacts
        What the cell's syntax tells.
    namespace : mapping of str to object
        The namespace before the cell.

    Returns
    -------
    dict of str to value
        Plain values with their type; texts beyond `TEXT_LIMIT` are cut, with a mark.

    Examples
    --------
    >>> from mlops_nb.capture.cells import analyse
    >>> params_before(analyse("depth = 3\\nfit(data, lr, depth)"), {"lr": 0.1, "data": [1, 2]})
    {'lr': 0.1, 'depth': 3}
    """
    params: dict[str, ParamValue] = {}
    reads = dict.fromkeys(facts.reads)
    scalars = frozenset(name for name in namespace if _is_params_name(name) and name not in reads)
    bound = facts.literals.keys() | facts.computed | facts.chosen
    reads.update(global_reads(facts.reads, namespace, scalars - bound) if scalars else {})
    for name in reads:
        if _is_params_name(name) and name in namespace:
            value = plain_scalar(namespace[name])
            if value is not ABSENT:
                params[name] = cut_text(value)
    for name, literal in facts.literals.items():
        if name not in facts.conditional and _is_params_name(name):
            value = _small(literal)
            if value is not ABSENT:
                params[name] = value
    return params


def params_after(facts: CellFacts, namespace: Mapping[str, Any]) -> dict[str, ParamValue]:
    """Params that only the run could tell: literals inside of conditions, and which of several was chosen.

    Parameters
    ----------
    facts : CellFacts
        What the cell's syntax tells.
    namespace : mapping of str to object
        The namespace after the cell.

    Returns
    -------
    dict of str to value
        Plain values with their type.

    Examples
    --------
    >>> from mlops_nb.capture.cells import analyse
    >>> params_after(analyse("if quick:\\n    n = 10\\nelse:\\n    n = 99"), {"n": 99})
    {'n': 99}
    """
    params: dict[str, ParamValue] = {}
    for name in sorted(facts.conditional | facts.chosen):
        if _is_params_name(name) and name in namespace:
            value = _small(namespace[name])
            if value is not ABSENT:
                params[name] = value
    return params


def _is_params_name(name: object) -> bool:
    return type(name) is str and not name.startswith("_") and name not in _SHELL_NAMES


def cut_text(value: ParamValue, limit: int = TEXT_LIMIT) -> ParamValue:
    """Cut a text that is too long, with a mark that says by how much; other values pass.

    Parameters
    ----------
    value : value
        A param.
    limit : int
        Characters that may stay.

    Returns
    -------
    value
        The value, or the beginning of the text and the mark.

    Examples
    --------
    >>> cut_text("abcdef", 4)
    'abcd… (2 more characters)'
    """
    if type(value) is str and len(value) > limit:
        return f"{value[:limit]}… ({len(value) - limit:,} more characters)"
    return value


def _small(obj: object, depth: int = 3) -> ParamValue:
    """A scalar, or a small container of scalars, as a plain value; else `ABSENT`. Empty containers are no params."""
    value = plain_scalar(obj)
    if value is not ABSENT:
        return cut_text(value)
    if not (type(obj) is list or type(obj) is tuple or type(obj) is dict) or depth == 0:
        return ABSENT  # exact types: isinstance would ask the object's own __class__
    if not 0 < len(obj) <= _MAX_ITEMS:
        return ABSENT
    if type(obj) is dict:
        named = {str(plain_scalar(key)): _small(item, depth - 1) for key, item in obj.items()}
        return ABSENT if any(item is ABSENT for item in named.values()) else named
    items = [_small(item, depth - 1) for item in obj]
    return ABSENT if any(item is ABSENT for item in items) else items


def param_value(obj: object) -> ParamValue:
    """Any object as a param, with its type where it is plain.

    Parameters
    ----------
    obj : object
        What the user logs.

    Returns
    -------
    value
        None, bool, int, float, str, or lists and dicts of these; else the object's ``repr``, cut at 2,000
        characters and without memory addresses, so that two runs can be compared.

    Examples
    --------
    >>> param_value((1, None, {"a": 0.5})), param_value(object())
    ([1, None, {'a': 0.5}], '<object object>')
    """
    budget = [_MAX_NODES]
    try:
        value = _plain(obj, budget, _MAX_DEPTH)
    except (RecursionError, RuntimeError, OverflowError):  # changed while it was walked, or too deep
        value = ABSENT
    return bounded_repr(obj) if value is ABSENT else value


def _plain(obj: object, budget: list[int], depth: int) -> ParamValue:
    """The plain form, or `ABSENT` if there is none within the budget. Subclasses are read as their builtin base."""
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        return ABSENT
    value = plain_scalar(obj)
    if value is ABSENT:
        value = _base_value(obj)
    if value is not ABSENT:
        if type(value) is int and value.bit_length() > _MAX_DIGITS * 3:  # Python refuses to write it in decimal
            return cut_text(hex(value), _REPR_LIMIT)
        return value
    if type(obj) is dict:
        named = {}
        for key, item in list(obj.items()):
            label, plain = plain_scalar(key), _plain(item, budget, depth - 1)
            if label is ABSENT or plain is ABSENT:
                return ABSENT
            named[str(label)] = plain
        return named
    if type(obj) is list or type(obj) is tuple:
        items = [_plain(item, budget, depth - 1) for item in list(obj)]
        return ABSENT if any(item is ABSENT for item in items) else items
    if type(obj) is set or type(obj) is frozenset:
        items = [_plain(item, budget, depth - 1) for item in list(obj)]
        return ABSENT if any(item is ABSENT for item in items) else sorted(items, key=repr)
    return _array_list(obj, budget, depth)


def _base_value(obj: object) -> ParamValue:
    """The builtin value inside a subclass (an IntEnum, a str with methods)."""
    kind = type(obj)
    if issubclass(kind, str):
        return str.__str__(obj)
    if issubclass(kind, int):
        return int.__int__(obj)  # type: ignore[arg-type]
    if issubclass(kind, float):
        return float.__float__(obj)  # type: ignore[arg-type]
    return ABSENT


def _array_list(obj: Any, budget: list[int], depth: int) -> ParamValue:
    """A small NumPy array as nested lists."""
    if type_path(obj) != "numpy.ndarray" or obj.size > _MAX_ITEMS or obj.dtype.kind not in "biufU":
        return ABSENT
    return _plain(obj.tolist(), budget, depth - 1)


class _BoundedRepr(reprlib.Repr):
    """Cuts containers and leaves before they are written out."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxarray = 50
        self.maxstring = self.maxother = self.maxlong = _REPR_LIMIT


def bounded_repr(obj: object, limit: int = _REPR_LIMIT) -> str:
    """An object's ``repr``, cut, without memory addresses; it may be anything, also one that cannot be shown.

    Parameters
    ----------
    obj : object
        Anything.
    limit : int
        Characters that may stay.

    Returns
    -------
    str
        At most `limit` characters and a mark.

    Examples
    --------
    >>> bounded_repr([object()])
    '[<object object>]'
    """
    try:
        text = _BoundedRepr().repr(obj)
    except Exception:  # the user's own __repr__ failed: the type is what can still be said
        text = f"<{type_path(obj) or 'object'} that cannot be shown>"
    return str(cut_text(_ADDRESS.sub("", text), limit))


def parse_value(text: str) -> ParamValue:
    """A param from text, as in ``-p lr=0.1``. Nothing is evaluated.

    Numbers, ``true``, ``false``, ``None``, ``null``, ``nan``, ``inf``, quoted texts, JSON and Python literals get their
    type; everything else stays the text that it is (``007``, ``1e999`` and ``1.2.3``, too).

    Parameters
    ----------
    text : str
        What stands after the equals sign.

    Returns
    -------
    value
        A plain value.

    Examples
    --------
    >>> [parse_value(text) for text in ("1e-3", "True", "null", "'3'", "[1, 2]", "adam", "007")]
    [0.001, True, None, '3', [1, 2], 'adam', '007']
    """
    word = text.strip()
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        return int(word) if len(word) <= _MAX_DIGITS else text
    if _BASED.fullmatch(word):
        return int(word, 0)
    if _FLOAT.fullmatch(word) and not word.lstrip("+-").replace("_", "").isdigit():
        value = float(word)
        return value if math.isfinite(value) else text
    if word[:1] in ("[", "{", "(", '"', "'") and len(word) <= _MAX_LITERAL:
        return _structured(word, text)
    return text


def _structured(word: str, text: str) -> ParamValue:
    for read in (json.loads, ast.literal_eval):
        try:
            value = _plain(read(word), [_MAX_NODES], _MAX_DEPTH)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if value is not ABSENT:
            return value
    return text
