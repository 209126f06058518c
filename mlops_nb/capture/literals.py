"""Literals: what an expression is worth without running it, and expressions for plain values."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

from mlops_nb.capture.scalars import ABSENT

_MAX_BITS = 4096

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def literal_value(node: ast.expr) -> Any:
    """What an expression is worth, if it is a literal.

    Literals are numbers (signed, and constant arithmetic such as ``60 * 60`` or ``1e-3 * 2``), text, bytes, bool, None,
    and tuples, lists, sets and dicts of literals. Nothing is evaluated but arithmetic on small numbers.

    Parameters
    ----------
    node : ast.expr
        An expression.

    Returns
    -------
    Any
        The value, or `ABSENT` if the expression is no literal.

    Examples
    --------
    >>> literal_value(ast.parse("[-1, 2 * 60]", mode="eval").body)
    [-1, 120]
    >>> literal_value(ast.parse("f(1)", mode="eval").body)
    ABSENT
    """
    kind = type(node)
    if kind is ast.Constant:
        return ABSENT if node.value is ... else node.value  # type: ignore[attr-defined]
    if kind is ast.UnaryOp or kind is ast.BinOp:
        return _arithmetic(node)
    if kind is ast.Tuple or kind is ast.List or kind is ast.Set:
        items = [literal_value(item) for item in node.elts]  # type: ignore[attr-defined]
        if any(item is ABSENT for item in items):
            return ABSENT
        try:
            return tuple(items) if kind is ast.Tuple else items if kind is ast.List else set(items)
        except TypeError:  # {[]}: raises in the user's cell, in their words
            return ABSENT
    if isinstance(node, ast.Dict):
        return _dict(node)
    return ABSENT


def _dict(node: ast.Dict) -> Any:
    result = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        key = ABSENT if key_node is None else literal_value(key_node)
        value = literal_value(value_node)
        if key is ABSENT or value is ABSENT:
            return ABSENT
        try:
            result[key] = value
        except TypeError:  # an unhashable key
            return ABSENT
    return result


def _arithmetic(node: ast.expr) -> Any:
    """The worth of signed numbers and arithmetic between numbers; results stay below `_MAX_BITS` bits."""
    if isinstance(node, ast.UnaryOp):
        value = literal_value(node.operand)
        if not _is_number(value) or not isinstance(node.op, ast.USub | ast.UAdd):
            return ABSENT
        return -value if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        return ABSENT
    combine = _ARITHMETIC.get(type(node.op))
    left, right = literal_value(node.left), literal_value(node.right)
    if combine is None or not _is_number(left) or not _is_number(right):
        return ABSENT
    if isinstance(node.op, ast.Pow) and not _power_is_small(left, right):
        return ABSENT
    try:
        result = combine(left, right)
    except (ArithmeticError, ValueError, TypeError):
        return ABSENT
    return ABSENT if type(result) is int and result.bit_length() > _MAX_BITS else result


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float or type(value) is complex


def _power_is_small(base: Any, exponent: Any) -> bool:
    if type(base) is int and type(exponent) is int:
        return max(base.bit_length(), 1) * abs(exponent) <= _MAX_BITS
    return type(base) is not complex and type(exponent) is not complex


def value_node(value: Any, like: ast.expr) -> ast.expr:
    """An expression for a plain value, standing where another stood.

    Parameters
    ----------
    value : None, bool, int, float, str, or lists, tuples and dicts of these
        NaN and infinities included.
    like : ast.expr
        The expression whose place it takes; a list in the place of a tuple becomes a tuple.

    Returns
    -------
    ast.expr
        All of its nodes at the position of `like`, so that tracebacks stay right.

    Examples
    --------
    >>> ast.unparse(value_node([1, 2], ast.parse("(0,)", mode="eval").body))
    '(1, 2)'
    """
    made: ast.expr
    if isinstance(value, dict):
        keys: list[ast.expr | None] = [value_node(key, like) for key in value]
        made = ast.Dict(keys=keys, values=[value_node(item, ast.Constant(value=0)) for item in value.values()])
    elif isinstance(value, tuple | list):
        items = [value_node(item, ast.Constant(value=0)) for item in value]
        as_tuple = isinstance(value, tuple) or isinstance(like, ast.Tuple)
        made = ast.Tuple(elts=items, ctx=ast.Load()) if as_tuple else ast.List(elts=items, ctx=ast.Load())
    elif type(value) is float and not math.isfinite(value):
        # as float('nan'), since a bare Constant of it has no source form that evaluates to it again
        called = ast.Name(id="float", ctx=ast.Load())
        made = ast.Call(func=called, args=[ast.Constant(value=repr(value))], keywords=[])
    else:
        made = ast.Constant(value=value)
    if hasattr(like, "lineno"):
        for node in ast.walk(made):
            ast.copy_location(node, like)
    return made


def bindings_of(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr | None, Any]]:
    """Names that an assignment binds, each with the expression and the literal value that it gets.

    Parameters
    ----------
    target : ast.expr
        One target of the assignment; attributes and items bind no name.
    value : ast.expr
        What is assigned.

    Yields
    ------
    tuple of str, ast.expr or None, Any
        Name, its own expression (None where it has none of its own) and literal value (`ABSENT` if computed).

    Examples
    --------
    >>> statement = ast.parse("a, (b, c) = 1, f()").body[0]
    >>> [(name, value) for name, _, value in bindings_of(statement.targets[0], statement.value)]
    [('a', 1), ('b', ABSENT), ('c', ABSENT)]
    """
    if isinstance(target, ast.Name):
        yield target.id, value, literal_value(value)
    elif isinstance(target, ast.Starred):
        yield from bindings_of(target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        yield from _unpacked(target.elts, value)


def _unpacked(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[str, ast.expr | None, Any]]:
    items = value.elts if isinstance(value, ast.Tuple | ast.List) else None
    stars = [place for place, target in enumerate(targets) if isinstance(target, ast.Starred)]
    if items is None or any(isinstance(item, ast.Starred) for item in items) or len(items) < len(targets) - len(stars):
        for target in targets:
            for name, _, _ in bindings_of(target, ast.Constant(value=...)):
                yield name, None, ABSENT
        return
    if stars:
        taken = len(items) - len(targets) + 1
        middle = ast.List(elts=items[stars[0] : stars[0] + taken], ctx=ast.Load())
        rest: list[ast.expr] = [*items[: stars[0]], middle, *items[stars[0] + taken :]]
        for target, item in zip(targets, rest, strict=True):
            for name, node, found in bindings_of(target, item):
                yield name, None if item is middle else node, found
        return
    for target, item in zip(targets, items, strict=False):
        yield from bindings_of(target, item)
