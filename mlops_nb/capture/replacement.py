"""Other values in the place of a cell's literals: what ``-p name=value`` does."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from mlops_nb.capture.cells import analyse_tree
from mlops_nb.capture.literals import bindings_of, value_node
from mlops_nb.capture.scalars import ABSENT
from mlops_nb.capture.source import code_magic_body, parse_cell

_CONDITIONS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def replace_literals(tree: ast.Module, values: Mapping[str, Any]) -> tuple[ast.Module, set[str]]:
    """Put other values in the place of literals, where a cell binds them.

    Every literal that a name is bound to at the cell's top level is replaced; inside ``if``, ``for``, ``while`` and
    ``except`` only if the name is bound to nothing but literals (so that a counter's reset in a loop stays). Bodies of
    ``%%time`` and its like are edited too. Positions are kept, so that tracebacks stay right.

    Parameters
    ----------
    tree : ast.Module
        The parsed cell; it is changed in place.
    values : mapping of str to value
        New values by name.

    Returns
    -------
    tuple of ast.Module and set of str
        The tree, and the names that were replaced. The others have to be put into the namespace; those of them that the
        cell binds itself (`CellFacts.computed`) will be overwritten there.

    Examples
    --------
    >>> tree, done = replace_literals(ast.parse("lr = 0.1\\nn = f(lr)"), {"lr": 0.5, "n": 3})
    >>> print(ast.unparse(tree), sorted(done))
    lr = 0.5
    n = f(lr) ['lr']
    """
    if not values:
        return tree, set()
    facts = analyse_tree(tree)
    replacement = _Replacement(values, facts.literals.keys() | facts.chosen)
    try:
        replacement.visit(tree)
    except RecursionError:  # nested too deeply to be walked: the compiler will say so
        return tree, set()
    return tree, replacement.done


class _Replacement(ast.NodeTransformer):
    """Replaces in place, and notes each changed statement's place and new text in `edits`."""

    def __init__(self, values: Mapping[str, Any], only_literal: set[str]) -> None:
        self.values = values
        self.only_literal = only_literal
        self.done: set[str] = set()
        self.edits: list[tuple[ast.stmt, str]] = []
        self.depth = 0

    def visit(self, node: ast.AST) -> Any:
        """Count conditions; leave other scopes alone."""
        if isinstance(node, _SCOPES):
            return node
        inside = isinstance(node, _CONDITIONS)
        self.depth += inside
        result = super().visit(node)
        self.depth -= inside
        return result

    def _is_wanted(self, name: str, literal: Any) -> bool:
        return name in self.values and literal is not ABSENT and (self.depth == 0 or name in self.only_literal)

    def _wanted(self, target: ast.expr, value: ast.expr) -> dict[int, Any]:
        """New values by the id of the expression that each is to replace; notes the names as done."""
        items: dict[int, Any] = {}
        for name, item, literal in bindings_of(target, value):
            if item is not None and self._is_wanted(name, literal):
                items[id(item)] = self.values[name]
                self.done.add(name)
        return items

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Give each target that is wanted an assignment of its own; the others keep theirs."""
        kept: list[ast.expr] = []
        made: list[ast.Assign] = []
        for target in node.targets:
            items = self._wanted(target, node.value)
            if items:
                value = _with_items(node.value, items)
                made.append(ast.copy_location(ast.Assign(targets=[target], value=value), node))
            else:
                kept.append(target)
        if not made:
            return self.generic_visit(node)
        first = [ast.copy_location(ast.Assign(targets=kept, value=node.value), node)] if kept else []
        self.edits.append((node, "; ".join(ast.unparse(part) for part in [*first, *made])))
        return [*first, *made]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """``name: type = literal``."""
        items = {} if node.value is None else self._wanted(node.target, node.value)
        if node.value is not None and items:
            node.value = _with_items(node.value, items)
            self.edits.append((node, ast.unparse(node)))
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        """Edit the body of a magic that runs Python."""
        body = code_magic_body(node)
        if body is None:
            return self.generic_visit(node)
        text, done = replace_in_text(body, self.values)
        if done:
            node.args[2] = ast.copy_location(ast.Constant(value=text), node.args[2])
            self.done |= done
        return node


def _with_items(value: ast.expr, items: Mapping[int, Any]) -> ast.expr:
    """A copy of an expression with some of its parts (told by id) replaced by plain values."""
    if id(value) in items:
        return value_node(items[id(value)], value)
    if isinstance(value, ast.Tuple | ast.List):
        elements = [_with_items(item, items) for item in value.elts]
        return ast.copy_location(type(value)(elts=elements, ctx=ast.Load()), value)
    return value


def replace_in_text(body: str, values: Mapping[str, Any]) -> tuple[str, set[str]]:
    """Replace literals in source text; every line that binds none of them stays as it is, on its line.

    Examples
    --------
    >>> replace_in_text("lr = 0.1  # rate\\nn = 3", {"lr": 0.5})
    ('lr = 0.5  # rate\\nn = 3', {'lr'})
    """
    if not values:
        return body, set()
    tree = parse_cell(body)
    if tree is None:
        return body, set()
    facts = analyse_tree(tree)
    replacement = _Replacement(values, facts.literals.keys() | facts.chosen)
    replacement.visit(tree)
    lines = body.split("\n")
    for statement, text in reversed(replacement.edits):
        _splice(lines, statement, text)
    edited = "\n".join(lines)
    return (edited, replacement.done) if parse_cell(edited) is not None else (body, set())


def _splice(lines: list[str], statement: ast.stmt, text: str) -> None:
    """Put a one-line text where a statement stood; lines that become free stay, empty."""
    first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
    head = lines[first].encode()[: statement.col_offset].decode()
    tail = lines[last].encode()[statement.end_col_offset :].decode()
    lines[first : last + 1] = [head + text + tail, *[""] * (last - first)]
