"""What an execution only defines, and what it computes: an import beside a random number owes the number nothing."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Iterator, Sequence

from mlops_nb.capture.slicing.layout import ATOMS, is_local, module_name
from mlops_nb.capture.slicing.ledger import Execution

LIBRARY = "@library"
"""The place by which an execution needs another one that loaded a library for it."""


def is_definition(value: object, main: str) -> bool:
    """Whether no number that a cell draws can be in a value: libraries, what is from them, and plain functions.

    Parameters
    ----------
    value : object
        Of a name that the cell has bound.
    main : str
        The name of the notebook's own module.

    Examples
    --------
    >>> import json
    >>> is_definition(json, "__main__"), is_definition(json.dumps, "__main__"), is_definition([1], "__main__")
    (True, True, False)
    """
    kind = type(value)
    if isinstance(value, types.ModuleType):
        home = types.ModuleType.__getattribute__(value, "__dict__").get("__name__")
        return type(home) is str and not is_local(home, main)
    if kind is types.FunctionType:
        parts = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]  # type: ignore[attr-defined]
        plain = all(id(type(part)) in ATOMS for part in parts)
        return not is_local(value.__module__ or "", main) or (value.__closure__ is None and plain)  # type: ignore[attr-defined]
    if kind is types.BuiltinFunctionType:
        return type(value.__self__) in (types.ModuleType, type(None))  # type: ignore[attr-defined]
    return issubclass(kind, type) and not is_local(module_name(value), main)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=512)
def _literals(source: str) -> frozenset[str]:
    """Names that a cell binds to a literal, and to nothing else."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    plain = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(name for name in plain if bound.count(name) == 1)


def carriers(executions: Sequence[Execution], target: int, needed: set[int]) -> frozenset[int]:
    """Those of a slice whose values, and not mere definitions, are in the result.

    Parameters
    ----------
    executions : sequence of Execution
        The log.
    target : int
        Index of the result.
    needed : set of int
        The slice.

    Examples
    --------
    >>> first = Execution(0, 1, None, "import m; x = m.draw(); n = 3", transformed="import m; x = m.draw(); n = 3")
    >>> first.defines.add("m")
    >>> one, other = Execution(1, 2, None, "m.f(n)"), Execution(2, 3, None, "x + 1")
    >>> one.needs.add(0); one.links[0] = {"m", "n"}; other.needs.add(0); other.links[0] = {"x"}
    >>> sorted(carriers([first, one, other], 1, {0, 1})), sorted(carriers([first, one, other], 2, {0, 2}))
    ([1], [0, 2])
    """
    found: set[int] = set()
    waiting = [target]
    while waiting:
        index = waiting.pop()
        if index in found:
            continue
        found.add(index)
        waiting.extend(_sources(executions, executions[index], needed))
    return frozenset(found)


def _sources(executions: Sequence[Execution], entry: Execution, needed: set[int]) -> Iterator[int]:
    weak = {writer for _, writers in entry.weak for writer in writers}
    for index in (entry.needs | entry.random_needs | weak) & needed:
        places = entry.links.get(index)
        maker = executions[index]
        if (
            places is None
            or index in entry.random_needs
            or not places <= maker.defines | _literals(maker.transformed) | {LIBRARY}
        ):
            yield index
