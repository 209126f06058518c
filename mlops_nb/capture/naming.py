"""What a cell's last expression is called, and what kind of binding makes a name what it is."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from mlops_nb.capture.source import magic_call

_TRANSPARENT = frozenset({"abs", "float", "int", "print", "display", "round"})
_REDUCTIONS = frozenset((
    "average", "len", "max", "mean", "median", "min", "nanmean", "nanstd", "nansum", "std", "sum", "var",
))  # fmt: skip
_CLOCKS = frozenset(
    name + unit
    for name in ("time", "perf_counter", "monotonic", "process_time", "thread_time", "default_timer")
    for unit in ("", "_ns")
)


def is_clock(node: ast.expr) -> bool:
    """Whether an expression is nothing but a reading of a clock: a start time is no result.

    Parameters
    ----------
    node : ast.expr
        An expression.

    Returns
    -------
    bool
        True for ``time.time()``, ``perf_counter()`` and the like.

    Examples
    --------
    >>> is_clock(ast.parse("time.time()", mode="eval").body), is_clock(ast.parse("time.time() - t", mode="eval").body)
    (True, False)
    """
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return False
    return (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in _CLOCKS


def classify(bindings: Sequence[tuple[str, Any]], *, tested: bool, mutated: bool) -> str:
    """Sum up all bindings of a name.

    Parameters
    ----------
    bindings : sequence of (kind, value)
        Kinds are ``literal``, ``branch`` (a literal that may not be reached), ``step`` (augmented by a literal),
        ``counter``, ``computed`` and ``definition``.
    tested : bool
        The name stands in the test of a ``while``.
    mutated : bool
        The object is changed in place.

    Returns
    -------
    str
        ``literal``, ``conditional``, ``chosen``, ``computed``, ``counter`` or ``definition``.

    Examples
    --------
    >>> classify([("literal", 0), ("step", None)], tested=True, mutated=False)
    'counter'
    >>> classify([("branch", 1), ("branch", 2)], tested=False, mutated=False)
    'chosen'
    """
    kinds = {kind for kind, _ in bindings}
    if kinds <= {"literal", "branch", "definition"}:
        if "definition" in kinds:  # a fallback as in: except ImportError: tqdm = None
            return "definition"
        if mutated and any(isinstance(value, list | dict | set) for _, value in bindings):
            return "computed"
        if kinds == {"literal"}:
            return "literal"
        return "conditional" if len(bindings) == 1 else "chosen"
    if "computed" in kinds:
        return "computed"
    return "counter" if "counter" in kinds or tested else "computed"


def last_expression(tree: ast.Module) -> ast.expr | None:
    """The expression that ends a cell, looked for inside ``%%time`` and the like too.

    Parameters
    ----------
    tree : ast.Module
        The parsed cell.

    Returns
    -------
    ast.expr or None
        None if the cell does not end in an expression whose value it would show.

    Examples
    --------
    >>> ast.unparse(last_expression(ast.parse("x = 1\\nx + 1")))
    'x + 1'
    """
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return None
    magic = magic_call(last.value)
    if magic is None:
        return last.value
    return None if magic.code is None or magic.local else last_expression(magic.code)


def name_expression(node: ast.expr) -> str:
    """A name for the value of an expression.

    A variable is its own name, an attribute, an item and a called function are called by their last name:
    ``accuracy_score(y, p)`` is ``accuracy_score``, ``model.score(X, y)`` is ``score``, ``report["f1"]`` is ``f1``.
    Reductions say of what: ``scores.mean()`` and ``np.mean(scores)`` are ``scores.mean``. ``round``, ``float`` and the
    like are looked through.

    Parameters
    ----------
    node : ast.expr
        The expression.

    Returns
    -------
    str
        ``result`` if nothing better can be said; empty if the expression computes nothing (a literal).

    Examples
    --------
    >>> texts = ("round(f1(y), 2)", "s.mean()", "1 - error", "3")
    >>> [name_expression(ast.parse(text, mode="eval").body) for text in texts]
    ['f1', 's.mean', 'result', '']
    """
    name = _name(node)
    if name:
        return name
    return "result" if any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(node)) else ""


def shown_variable(node: ast.expr) -> str:
    """The variable that an expression does nothing but show: ``acc``, ``round(acc, 3)``.

    Parameters
    ----------
    node : ast.expr
        The expression.

    Returns
    -------
    str
        Its name; empty if the expression is another.

    Examples
    --------
    >>> [shown_variable(ast.parse(text, mode="eval").body) for text in ("round(acc, 3)", "f(acc)")]
    ['acc', '']
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TRANSPARENT:
        return shown_variable(node.args[0]) if node.args else ""
    return node.id if isinstance(node, ast.Name) else ""


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Await | ast.NamedExpr | ast.Starred):
        return _name(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return key if isinstance(key, str) and key else _name(node.value)
    return _name_call(node) if isinstance(node, ast.Call) else ""


def _name_call(node: ast.Call) -> str:
    called = node.func
    first = _name(node.args[0]) if node.args else ""
    if isinstance(called, ast.Name):
        if called.id in _TRANSPARENT:
            return first
        return f"{first}.{called.id}" if called.id in _REDUCTIONS and first else called.id
    if isinstance(called, ast.Attribute):
        owner = first or _name(called.value)
        if called.attr == "item":
            return _name(called.value)
        return f"{owner}.{called.attr}" if called.attr in _REDUCTIONS and owner else called.attr
    return ""
