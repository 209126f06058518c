"""Names across the borders of functions: what a body takes from outside, by syntax and by its compiled code."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from mlops_nb.capture.scalars import class_path

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MAX_VISITED = 200
_GLOBAL_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


def free_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[dict[str, None], set[str]]:
    """Names that a function's body takes from outside, and names that it assigns there.

    Parameters
    ----------
    function : ast.FunctionDef, ast.AsyncFunctionDef or ast.Lambda
        The definition. Default values and decorators do not belong to the body.

    Returns
    -------
    tuple of dict and set
        Free names in order of appearance (as keys), and names assigned through ``global``.

    Examples
    --------
    >>> function = ast.parse("def f(x):\\n    global n\\n    n = x + a\\n    return [a for a in b]").body[0]
    >>> free, assigned = free_names(function)
    >>> list(free), assigned
    (['b'], {'n'})
    """
    arguments = function.args
    own = {argument.arg for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    own.update(argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None)
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    loads: dict[str, None] = {}
    declared: set[str] = set()
    stores: set[str] = set()
    outside: set[str] = set()  # assigned through global in a nested function
    for node in _nodes_of(body):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loads.setdefault(node.id)
            else:
                stores.add(node.id)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
        elif isinstance(node, _FUNCTIONS):
            free, assigned = free_names(node)
            loads.update(dict.fromkeys(free))
            outside |= assigned
            stores.update([] if isinstance(node, ast.Lambda) else [node.name])
        else:
            stores.update(_bound_by(node))
    own |= stores - declared
    return {name: None for name in loads if name not in own}, outside | (stores & declared)


def _nodes_of(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a body in order, nested functions as one node (their defaults and decorators apart)."""
    stack = list(body)[::-1]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, _FUNCTIONS):
            parts = [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())]
            stack.extend(part for part in reversed(parts) if part is not None)
        else:
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that a statement other than an assignment binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name is not None:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest


def global_reads(names: Iterable[str], namespace: Mapping[str, Any], wanted: frozenset[str]) -> dict[str, None]:
    """Global names that live functions and classes would read, followed through what they call.

    Only functions and classes that live in the notebook are looked into: a library's globals are its own.

    Parameters
    ----------
    names : iterable of str
        Names of functions, classes or their instances.
    namespace : mapping of str to object
        The notebook's namespace.
    wanted : frozenset of str
        Names worth reporting.

    Returns
    -------
    dict of str to None
        The wanted names that are read, in order of discovery.

    Examples
    --------
    >>> namespace = {"lr": 0.1}
    >>> exec("def train(): return lr", namespace)
    >>> list(global_reads(["train"], namespace, frozenset({"lr"})))
    ['lr']
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    queue = list(names)
    while queue and len(seen) < _MAX_VISITED:
        name = queue.pop()
        if name in seen or name not in namespace:
            continue
        seen.add(name)
        for code in _codes_of(namespace[name], namespace):
            queue.extend(other for other in code.co_names if other in namespace and other not in seen)
            if not wanted.isdisjoint(code.co_names):
                found.update(dict.fromkeys(name for name in _globals_in(code) if name in wanted))
    return found


def _codes_of(obj: object, namespace: Mapping[str, Any]) -> Iterator[CodeType]:
    """The code of a notebook's function, or of the methods of its class or instance, nested code included."""
    stack: list[CodeType] = []
    if type(obj) is FunctionType:
        if obj.__globals__ is namespace:
            stack.append(obj.__code__)
    else:
        cls = obj if type(obj) is type else type(obj)
        if type(cls) is type and class_path(cls).startswith("__main__."):
            members = type.__dict__["__dict__"].__get__(cls).values()
            stack.extend(member.__code__ for member in members if type(member) is FunctionType)
    while stack:
        code = stack.pop()
        yield code
        stack.extend(constant for constant in code.co_consts if type(constant) is CodeType)


def _globals_in(code: CodeType) -> Iterator[str]:
    """Names that compiled code reads from its globals (``co_names`` has attributes, too)."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _GLOBAL_READS:
            yield str(instruction.argval)
