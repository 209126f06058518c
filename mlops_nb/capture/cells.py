"""What a cell binds, and what it reads: the syntax tree of a cell as plain facts."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.capture.literals import bindings_of, literal_value
from mlops_nb.capture.naming import classify, is_clock, last_expression, name_expression, shown_variable
from mlops_nb.capture.scalars import ABSENT
from mlops_nb.capture.scopes import free_names
from mlops_nb.capture.source import MagicCall, magic_call, parse_cell

_MUTATORS = frozenset((
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "remove", "reverse", "setdefault", "sort", "update",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What the syntax of a cell tells.

    `literals` are names bound to literals alone, with the value; `conditional` those of them that a condition or a loop
    may leave unbound; `chosen` names bound to different literals in different branches. `computed` are names bound
    otherwise, without imports, definitions and `counters` (loop targets, while-counters, readings of a clock).
    `reads` are names that the cell takes from earlier cells, in order of appearance. `result_name` is what the last
    expression is best called; empty if there is none, or if it only shows an earlier variable.
    """

    literals: Mapping[str, Any] = field(default_factory=dict)
    conditional: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()
    deleted: frozenset[str] = frozenset()
    last_expression: bool = False
    result_name: str = ""


@functools.lru_cache(maxsize=256)
def analyse(source: str) -> CellFacts:
    """Tell what a cell binds and reads.

    Parameters
    ----------
    source : str
        The cell's source, its magics turned into calls of ``get_ipython()`` (raw source does, too). Bodies of
        ``%%time``, ``%%timeit``, ``%%capture`` and ``%%prun`` count as code.

    Returns
    -------
    CellFacts
        Empty for what is no Python. Remembered for the next run of the same cell.

    Examples
    --------
    >>> facts = analyse("lr = 0.1\\nloss = train(data, lr)")
    >>> dict(facts.literals), sorted(facts.computed), facts.reads
    ({'lr': 0.1}, ['loss'], ('train', 'data'))
    """
    tree = parse_cell(source)
    return CellFacts() if tree is None else analyse_tree(tree)


def analyse_tree(tree: ast.Module) -> CellFacts:
    """Tell what a parsed cell binds and reads; see `analyse`.

    Parameters
    ----------
    tree : ast.Module
        The parsed cell; it is not changed.

    Returns
    -------
    CellFacts
        Empty if it is nested too deeply to be walked.

    Examples
    --------
    >>> sorted(analyse_tree(ast.parse("a = b = f()")).computed)
    ['a', 'b']
    """
    walker = _Walker()
    try:
        walker.visit_all(tree.body)
        return walker.facts(tree)
    except RecursionError:
        return CellFacts()


class _Walker(ast.NodeVisitor):
    """Walks a cell in the order in which it would run, noting bindings and free reads."""

    def __init__(self) -> None:
        self.bindings: dict[str, list[tuple[str, Any]]] = {}  # name -> (kind, value)
        self.reads: dict[str, None] = {}
        self.late_reads: dict[str, None] = {}  # of function bodies: run when everything is bound
        self.deleted: set[str] = set()
        self.mutated: set[str] = set()
        self.tested: set[str] = set()  # names in the test of a while
        self.scopes: list[tuple[bool, set[str]]] = []  # (is a comprehension, its own names)
        self.depth = 0  # of conditions and loops

    def visit_all(self, statements: Iterable[ast.AST], *, conditional: bool = False) -> None:
        """Visit in order; `conditional` ones may not run, or more than once."""
        self.depth += conditional
        for statement in statements:
            self.visit(statement)
        self.depth -= conditional

    def bind(self, name: str, kind: str, value: Any = ABSENT) -> None:
        """Note a binding in the innermost scope that is not a comprehension's."""
        for is_comprehension, names in reversed(self.scopes):
            if not is_comprehension:
                names.add(name)
                return
        kind = "branch" if kind == "literal" and self.depth else kind
        self.bindings.setdefault(name, []).append((kind, value))

    def bind_target(self, target: ast.expr, kind: str) -> None:
        """Bind all names of a target; what its items and attributes mention is read."""
        for name, _, _ in bindings_of(target, ast.Constant(value=...)):
            self.bind(name, kind)
        self.visit_parts(target)

    def visit_parts(self, target: ast.expr) -> None:
        """Read what a target mentions: the base of an item or attribute, its index."""
        if isinstance(target, ast.Tuple | ast.List):
            for item in target.elts:
                self.visit_parts(item)
        elif isinstance(target, ast.Starred):
            self.visit_parts(target.value)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            base = target.value
            if isinstance(base, ast.Name):
                self.mutated.add(base.id)
            self.generic_visit(target)

    def read(self, name: str) -> None:
        """Note a read, unless the name is bound already."""
        if name not in self.bindings and not any(name in names for _, names in self.scopes):
            self.reads.setdefault(name)

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is read; stores come through `bind_target`."""
        if isinstance(node.ctx, ast.Load):
            self.read(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        """The value first, then each target."""
        self.visit(node.value)
        for target in node.targets:
            self.assign(target, node.value)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Bind a target's names to literals, to readings of a clock, or to what is computed."""
        for name, _, found in bindings_of(target, value):
            if found is not ABSENT:
                self.bind(name, "literal", found)
            else:
                self.bind(name, "counter" if is_clock(value) else "computed")
        self.visit_parts(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """``name: type = value``; without a value nothing is bound."""
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.assign(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Reads, then binds; a step by a literal may be a counter's."""
        if isinstance(node.target, ast.Name):
            self.read(node.target.id)
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.bind(node.target.id, "computed" if literal_value(node.value) is ABSENT else "step")
        self.visit_parts(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """A walrus binds outside of comprehensions."""
        self.visit(node.value)
        self.bind(node.target.id, "computed")

    def visit_Delete(self, node: ast.Delete) -> None:
        """Deleting reads the name."""
        for target in node.targets:
            for name, _, _ in bindings_of(target, ast.Constant(value=...)):
                self.read(name)
                self.deleted.add(name)
            self.visit_parts(target)

    def visit_If(self, node: ast.If) -> None:
        """Both branches may be left out."""
        self.visit(node.test)
        self.visit_all(node.body, conditional=True)
        self.visit_all(node.orelse, conditional=True)

    def visit_While(self, node: ast.While) -> None:
        """Names of the test may be counters."""
        self.visit(node.test)
        self.tested.update(part.id for part in ast.walk(node.test) if isinstance(part, ast.Name))
        self.visit_all(node.body, conditional=True)
        self.visit_all(node.orelse, conditional=True)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """The iterable, the target, the body."""
        self.visit(node.iter)
        self.bind_target(node.target, "counter")
        self.visit_all(node.body, conditional=True)
        self.visit_all(node.orelse, conditional=True)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """The body of a with is no condition."""
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.bind_target(item.optional_vars, "computed")
        self.visit_all(node.body)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        """Only the handlers are conditions."""
        self.visit_all(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            if handler.name is not None:
                self.bind(handler.name, "definition")
            self.visit_all(handler.body, conditional=True)
        self.visit_all(node.orelse)
        self.visit_all(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_Match(self, node: ast.Match) -> None:
        """Captures are computed; a case is a condition."""
        self.visit(node.subject)
        for case in node.cases:
            for part in ast.walk(case.pattern):
                captured = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(captured, str):
                    self.bind(captured, "computed")
                elif isinstance(part, ast.MatchValue | ast.MatchClass):
                    self.visit(part.value if isinstance(part, ast.MatchValue) else part.cls)
            self.visit_all([case.guard] if case.guard is not None else [], conditional=True)
            self.visit_all(case.body, conditional=True)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Imports bind, but no value that is anyone's param or metric."""
        for alias in node.names:
            self.bind(alias.asname or alias.name.split(".")[0], "definition")

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """Defaults and decorators run now, the body later."""
        for part in [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())]:
            if part is not None:
                self.visit(part)
        free, assigned = free_names(node)
        hidden = {name for _, names in self.scopes for name in names}
        self.late_reads.update(dict.fromkeys(name for name in free if name not in hidden))
        for name in sorted(assigned):
            self.bindings.setdefault(name, []).append(("computed", ABSENT))
        if not isinstance(node, ast.Lambda):
            self.bind(node.name, "definition")

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815
    visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The body runs now, in a scope of its own."""
        for part in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(part)
        self.visit_scope(node.body)
        self.bind(node.name, "definition")

    def visit_scope(self, statements: Iterable[ast.AST]) -> None:
        """Visit statements whose names stay their own."""
        self.scopes.append((False, set()))
        self.visit_all(statements)
        self.scopes.pop()

    def visit_comprehension_of(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """Loops first, then what they yield."""
        self.scopes.append((True, set()))
        for loop in node.generators:
            self.visit(loop.iter)
            for name, _, _ in bindings_of(loop.target, ast.Constant(value=...)):
                self.scopes[-1][1].add(name)
            self.visit_parts(loop.target)
            for condition in loop.ifs:
                self.visit(condition)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.visit(part)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_comprehension_of  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        """Magics hold code of their own; some methods change a container that looked like a param."""
        magic = magic_call(node)
        if magic is not None:
            self.visit_magic(magic)
            return
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.attr in _MUTATORS:
            self.mutated.add(called.value.id)
        self.generic_visit(node)

    def visit_magic(self, magic: MagicCall) -> None:
        """A magic's code runs in the cell's place; its text may expand names."""
        for name in magic.names:
            self.read(name)
        body = magic.code.body if magic.code is not None else []
        if magic.local:
            self.visit_scope(body)
        else:
            self.visit_all(body)

    def facts(self, tree: ast.Module) -> CellFacts:
        """Sum up."""
        groups: dict[str, list[str]] = {}
        for name, found in self.bindings.items():
            group = classify(found, tested=name in self.tested, mutated=name in self.mutated)
            groups.setdefault(group, []).append(name)
        given = {*groups.get("literal", ()), *groups.get("conditional", ())}
        late = [name for name in self.late_reads if name not in self.bindings and name not in self.reads]
        last = last_expression(tree)
        shown = "" if last is None else shown_variable(last)
        computes = not shown or shown in groups.get("computed", ())
        return CellFacts(
            literals={name: found[-1][1] for name, found in self.bindings.items() if name in given},
            conditional=frozenset(groups.get("conditional", ())),
            chosen=frozenset(groups.get("chosen", ())),
            computed=frozenset(groups.get("computed", ())),
            counters=frozenset(groups.get("counter", ())),
            reads=(*self.reads, *late),
            deleted=frozenset(self.deleted),
            last_expression=last is not None,
            result_name=name_expression(last) if last is not None and computes else "",
        )
