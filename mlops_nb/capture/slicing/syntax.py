"""A cell's text, read: which names it needs from outside, in flow order, and what else it says that it will touch."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import CodeType

from mlops_nb.capture.slicing.bytecode import body_loads, names_of, nested
from mlops_nb.capture.slicing.commands import Command, parse_command
from mlops_nb.capture.slicing.mentions import (
    CODE_CALLS,
    CellText,
    chain_of,
    is_history_item,
    namespace_item,
    note_call,
    note_chain,
    note_history,
)

TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

_SAFE_CONTEXTS = frozenset(
    "open catch_warnings errstate option_context rc_context redirect_stdout redirect_stderr TemporaryDirectory"
    " NamedTemporaryFile ZipFile Lock Pool ThreadPoolExecutor ProcessPoolExecutor no_grad printoptions"
    " localcontext".split()
)
"""Context managers that never swallow an exception, so that what their body binds is bound."""

_INERT_DECORATORS = frozenset(
    "staticmethod classmethod property dataclass lru_cache cache wraps contextmanager asynccontextmanager njit jit"
    " abstractmethod total_ordering cached_property overload singledispatch setter getter deleter final"
    " override".split()
)
"""Decorators that do not call what they decorate."""

_AT_ONCE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def read_cell(code: str) -> CellText:
    """Read a transformed cell.

    Parameters
    ----------
    code : str
        Python, in which magics stand as calls on ``get_ipython()``.

    Returns
    -------
    CellText
        With `broken` set if it cannot be parsed (such a cell does nothing).

    Examples
    --------
    >>> cell = read_cell("y = x + 1\\nx = 2\\nz = x")
    >>> sorted(cell.reads), sorted(cell.sure)
    (['x'], ['x', 'y', 'z'])
    """
    text = CellText()
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        text.broken = True
        return text
    reader = _Reader(text)
    try:
        text.sure = reader.block(tree.body, set())
    except RecursionError:  # a text nested deeper than any hand writes: assume everything
        text.dynamic_all = True
    text.imports_only = bool(tree.body) and all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    return text


class _Reader:
    """Walks statements in order; `bound` is the set of names that are surely bound at that point."""

    def __init__(self, text: CellText) -> None:
        self.text = text
        self.deferred: dict[str, set[str]] = {}
        self.local: list[set[str]] = []
        self.called_yet = False

    # -- statements

    def block(self, body: list[ast.stmt], bound: set[str]) -> set[str]:
        for statement in body:
            method = getattr(self, f"_on_{type(statement).__name__.lower()}", None)
            bound = method(statement, bound) if method else self._plain(statement, bound)
        return bound

    def _plain(self, node: ast.AST, bound: set[str]) -> set[str]:
        for child in ast.iter_child_nodes(node):
            self.expression(child, bound)
        return bound

    def _on_expr(self, node: ast.Expr, bound: set[str]) -> set[str]:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and (chain := chain_of(value.func)):
            self.text.called.append(chain)
            if not self.called_yet and (value.args or value.keywords):
                self.text.seeds_first.add(chain)
                seeding = "seed" in chain[-1] or "state" in chain[-1]
                plain = not any(isinstance(n, ast.Call) for arg in value.args for n in ast.walk(arg))
                if seeding and plain:  # several generators are seeded one after another
                    self._arguments(value, bound)
                    self.expression(value.func, bound)
                    return bound
        self.expression(node.value, bound)
        return bound

    def _arguments(self, node: ast.Call, bound: set[str]) -> None:
        for arg in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.expression(arg, bound)

    def _on_assign(self, node: ast.Assign, bound: set[str]) -> set[str]:
        if isinstance(node.value, ast.Lambda) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            return self._definition(node, bound, node.targets[0].id, at_once=False)
        self.expression(node.value, bound)
        for target in node.targets:
            self.target(target, bound)
        return bound

    def _on_augassign(self, node: ast.AugAssign, bound: set[str]) -> set[str]:
        self.expression(node.value, bound)
        if isinstance(node.target, ast.Name):
            self.load(node.target.id, bound)
        self.target(node.target, bound)
        return bound

    def _on_annassign(self, node: ast.AnnAssign, bound: set[str]) -> set[str]:
        self.expression(node.annotation, bound)
        if node.value is not None:
            self.expression(node.value, bound)
            self.target(node.target, bound)
        if node.simple:
            self.text.stores.add("__annotations__")
        return bound

    def _on_delete(self, node: ast.Delete, bound: set[str]) -> set[str]:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.load(target.id, bound)
                self.text.deletes.add(target.id)
                bound.discard(target.id)
            else:
                self.target(target, bound)
        return bound

    def _on_if(self, node: ast.If, bound: set[str]) -> set[str]:
        self.expression(node.test, bound)
        return self.block(node.body, set(bound)) & self.block(node.orelse, set(bound))

    def _on_for(self, node: ast.For | ast.AsyncFor, bound: set[str]) -> set[str]:
        self.expression(node.iter, bound)
        inner = set(bound)
        self.target(node.target, inner)
        self.block(node.body, inner)
        self.block(node.orelse, set(bound))
        return bound

    _on_asyncfor = _on_for

    def _on_while(self, node: ast.While, bound: set[str]) -> set[str]:
        self.expression(node.test, bound)
        self.block(node.body, set(bound))
        self.block(node.orelse, set(bound))
        return bound

    def _on_try(self, node: ast.Try, bound: set[str]) -> set[str]:
        done = self.block(node.orelse, self.block(node.body, set(bound)))
        ways = [done]
        for handler in node.handlers:
            inner = set(bound)
            if handler.type is not None:
                self.expression(handler.type, inner)
            if handler.name:
                self.text.stores.add(handler.name)
                inner.add(handler.name)
            after = self.block(handler.body, inner)
            if not isinstance(handler.body[-1], ast.Raise):
                ways.append(after - {handler.name or ""})
        result = set.intersection(*ways)
        return result | self.block(node.finalbody, set(bound))

    _on_trystar = _on_try

    def _on_with(self, node: ast.With | ast.AsyncWith, bound: set[str]) -> set[str]:
        safe = True
        for item in node.items:
            self.expression(item.context_expr, bound)
            if item.optional_vars is not None:
                self.target(item.optional_vars, bound)
            call = item.context_expr
            chain = chain_of(call.func) if isinstance(call, ast.Call) else ()
            safe = safe and bool(chain) and chain[-1] in _SAFE_CONTEXTS
        after = self.block(node.body, set(bound))
        return after if safe else bound

    _on_asyncwith = _on_with

    def _on_match(self, node: ast.Match, bound: set[str]) -> set[str]:
        self.expression(node.subject, bound)
        for case in node.cases:
            inner = set(bound)
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(part, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
                    self.text.stores.add(name)
                    inner.add(name)
                elif isinstance(part, ast.expr):
                    self.expression(part, bound)
            if case.guard is not None:
                self.expression(case.guard, inner)
            self.block(case.body, inner)
        return bound

    def _on_import(self, node: ast.Import, bound: set[str]) -> set[str]:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.text.imports.add(alias.name)
            self.text.aliases[name] = alias.name if alias.asname else name
            self.bind(name, bound)
        return bound

    def _on_importfrom(self, node: ast.ImportFrom, bound: set[str]) -> set[str]:
        module = "." * node.level + (node.module or "")
        self.text.future |= module == "__future__"
        self.text.imports.add(module)
        for alias in node.names:
            if alias.name == "*":
                self.text.star = True
                continue
            self.text.imports.add(f"{module}.{alias.name}")
            self.text.aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
            self.bind(alias.asname or alias.name, bound)
        return bound

    def _on_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bound: set[str]) -> set[str]:
        plain = all((chain_of(_callee(d)) or ("",))[-1] in _INERT_DECORATORS for d in node.decorator_list)
        at_once = not plain or (isinstance(node, ast.ClassDef) and bool(node.keywords))
        return self._definition(node, bound, node.name, at_once=at_once)

    _on_asyncfunctiondef = _on_functiondef
    _on_classdef = _on_functiondef

    def _definition(self, node: ast.stmt, bound: set[str], name: str, *, at_once: bool) -> set[str]:
        """Bind a function or class: what its statement runs is read now, its body's names when the name is used."""
        now, later, stores, words, texts = _definition_names(node)
        for read in now:
            self.load(read, bound)
        self.text.words |= words
        self.text.later |= later
        self.text.texts.extend(texts)
        self.text.stores |= stores
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute | ast.Subscript):
                note_chain(self.text, part)
            elif isinstance(part, ast.Call):
                note_call(self.text, part, inner=True)
        self.bind(name, bound)
        self.deferred[name] = later - {name}
        if at_once:
            for read in later:
                self.load(read, bound)
        return bound

    # -- names and expressions

    def bind(self, name: str, bound: set[str]) -> None:
        self.text.stores.add(name)
        self.deferred.pop(name, None)
        bound.add(name)

    def target(self, node: ast.AST, bound: set[str]) -> None:
        if isinstance(node, ast.Name):
            self.bind(node.id, bound)
        elif isinstance(node, ast.Tuple | ast.List):
            for part in node.elts:
                self.target(part, bound)
        elif isinstance(node, ast.Starred):
            self.target(node.value, bound)
        elif (name := namespace_item(node)) is not None:
            self.text.stores.add(name)
        else:
            if chain := chain_of(node):
                self.text.changed.add(chain)
            self._plain(node, bound)

    def load(self, name: str, bound: set[str], seen: frozenset[str] = frozenset()) -> None:
        for inner in self.local:
            if name in inner:
                return
        if name in self.deferred and name not in seen:
            for later in tuple(self.deferred[name]):
                self.load(later, bound, seen | {name})
        if name in bound:
            return
        note_history(self.text, name)
        known = self.text.reads.get(name)
        self.text.reads[name] = frozenset(bound) if known is None else known & bound

    def expression(self, node: ast.AST, bound: set[str]) -> None:
        if isinstance(node, ast.Name):
            self.load(node.id, bound)
            self.text.dynamic_all |= node.id in CODE_CALLS  # handed on: ``map(eval, texts)``
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                self.text.texts.append(node.value)
        elif isinstance(node, ast.Lambda):
            self._lambda(node, bound)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            self._comprehension(node, bound)
        elif isinstance(node, ast.NamedExpr):
            self.expression(node.value, bound)
            self.bind(node.target.id, bound)
        elif isinstance(node, ast.Call):
            self._call(node, bound)
        else:
            if isinstance(node, ast.Attribute | ast.Subscript):
                note_chain(self.text, node)
                if (name := namespace_item(node)) is not None:
                    self.load(name, bound)
                    return
                if isinstance(node, ast.Subscript) and is_history_item(node):  # of one entry, not the whole history
                    self.expression(node.slice, bound)
                    return
            if isinstance(node, ast.IfExp | ast.BoolOp):  # a walrus in a branch may not run
                bound = set(bound)
            self._plain(node, bound)

    def _lambda(self, node: ast.Lambda, bound: set[str]) -> None:
        now, later, _, words, _ = _definition_names(ast.copy_location(ast.Expr(node), node))
        self.text.later |= later
        self.text.words |= words
        for name in now | later:
            self.load(name, bound)
        for part in ast.walk(node.body):
            if isinstance(part, ast.Call):
                note_call(self.text, part, inner=True)

    def _comprehension(self, node: ast.AST, bound: set[str]) -> None:
        generators = getattr(node, "generators", [])
        self.expression(generators[0].iter, bound)
        names = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.local.append(names)
        for index, generator in enumerate(generators):
            if index:
                self.expression(generator.iter, bound)
            for test in generator.ifs:
                self.expression(test, set(bound))
        for part in ("elt", "key", "value"):
            if (child := getattr(node, part, None)) is not None:
                self.expression(child, set(bound))
        self.local.pop()
        walrus = {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
        self.text.stores |= walrus

    def _call(self, node: ast.Call, bound: set[str]) -> None:
        command = parse_command(node)
        if command is not None:
            self._command(command, bound)
            for arg in node.args:  # written out, a magic's text may come from a name
                if not isinstance(arg, ast.Constant):
                    self.expression(arg, bound)
                    self.text.dynamic.update(part.id for part in ast.walk(arg) if isinstance(part, ast.Name))
        else:
            note_call(self.text, node, inner=False)
            if isinstance(node.func, ast.Name) and node.func.id in CODE_CALLS:
                self.load(node.func.id, bound)
                self._arguments(node, bound)
            else:
                self._plain(node, bound)
        self.called_yet = True

    def _command(self, command: Command, bound: set[str]) -> None:
        self.text.commands.append(command)
        for name in command.interpolated():
            self.load(name, bound)
        self.text.texts.extend(command.words())
        code = command.code()
        if code:
            try:
                tree = ast.parse(code)
            except (SyntaxError, ValueError):
                return
            inner = set(bound) if command.name in ("timeit", "memit") else bound
            self.block(tree.body, inner)
        elif command.kind == "cell" and command.name not in ("writefile", "file", "html", "markdown", "latex"):
            self.text.dynamic_words |= set(re.findall(r"[A-Za-z_]\w*", command.body))
        elif command.name in (
            "rerun",
            "macro",
            "recall",
            "rep",
            "save",
            "who_ls",
        ):  # what was typed before is run, or offered to be
            self.text.all_inputs = True
            self.text.dynamic_all |= command.name in ("rerun", "who_ls")
        elif command.name == "sql" or (command.name == "run" and "-i" in command.line.split()):
            self.text.dynamic_all |= command.name == "run"
            self.text.dynamic_words |= set(re.findall(r"[A-Za-z_]\w*", command.line))


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _at_once(code: CodeType) -> Iterator[CodeType]:
    """`code`, and what is nested in it that runs with it."""
    yield code
    for inner in code.co_consts:
        if type(inner) is CodeType and (inner.co_name in _AT_ONCE or not inner.co_flags & inspect.CO_NEWLOCALS):
            yield from _at_once(inner)


def _definition_names(node: ast.stmt) -> tuple[set[str], set[str], set[str], set[str], list[str]]:
    """Names loaded when a definition runs, names loaded by its bodies later, stores, words, texts."""
    module = ast.Module([node], [])
    try:
        code = compile(module, "<cell>", "exec", flags=TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):  # cannot happen in a cell that ran
        return set(), set(), set(), set(), []
    now: set[str] = set()
    later: set[str] = set()
    whole = names_of(code)
    for inner in _at_once(code):  # class bodies, and comprehensions among defaults, decorators and in class bodies
        now |= body_loads(inner)
    for inner in nested(code):
        if inner is not code:
            later |= names_of(inner).loads
    return now, later, set(whole.stores), set(whole.words), sorted(whole.texts)
