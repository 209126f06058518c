"""What a cell's text says, as plain data, and what its expressions give away besides the names that they load."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from mlops_nb.capture.slicing.commands import Command

_NAMESPACE_CALLS = frozenset({"globals", "locals", "vars", "dir"})
_OUTS, _INS = ("Out", "_oh"), ("In", "_ih")
CODE_CALLS = frozenset({"exec", "eval", "compile", "execfile", "runfile"})
_SHELL_CALLS = frozenset({"run_cell", "run_cell_async", "ex", "ev", "safe_execfile"})
_TEXT_QUERIES = frozenset(
    "query eval sql execute read_sql read_sql_query from_formula ols glm gls wls logit probit poisson mixedlm quantreg"
    " rlm gee dmatrix dmatrices evaluate".split()
)
"""Calls whose string argument may name variables: ``df.query("a > @x")``, formulas, SQL over frames."""


_SQL = re.compile(r"\b(?i:select|insert|update|delete|from)\b")
_PROFILERS = frozenset({"timeit", "cProfile", "profile", "pdb"})
_STATEMENT_CALLS = frozenset({"timeit", "repeat", "runctx", "Timer"})
"""Calls whose texts are statements: ``timeit.timeit("f()", "from __main__ import f")``."""


@dataclass(slots=True)
class CellText:
    """What a cell's text says.

    `reads` maps each name that may be loaded before the cell binds it to the names surely bound at each such load;
    `sure` are names that the cell surely binds; `stores` all that it may bind, `deletes` unbind; `later` are names that
    the bodies of its functions load. `chains` are dotted uses (``("np", "random", "seed")``), `changed` dotted stores,
    `called` dotted calls as statements. `dynamic` are names whose text is run as code
    (`evaluated`: all of it), `dynamic_all` says that anything may be read.
    """

    reads: dict[str, frozenset[str]] = field(default_factory=dict)
    stores: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    chains: set[tuple[str, ...]] = field(default_factory=set)
    changed: set[tuple[str, ...]] = field(default_factory=set)
    called: list[tuple[str, ...]] = field(default_factory=list)
    seeds_first: set[tuple[str, ...]] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    outputs: set[int] = field(default_factory=set)
    inputs: set[int] = field(default_factory=set)
    all_outputs: bool = False
    all_inputs: bool = False
    dynamic: set[str] = field(default_factory=set)
    evaluated: set[str] = field(default_factory=set)
    dynamic_words: set[str] = field(default_factory=set)
    dynamic_all: bool = False
    star: bool = False
    future: bool = False
    asks: bool = False
    imports_only: bool = False
    broken: bool = False


def chain_of(node: ast.AST) -> tuple[str, ...]:
    """``a.b.c`` as a tuple, also through calls and subscripts at the end; empty if the root is no name.

    Examples
    --------
    >>> chain_of(ast.parse("np.random.seed", mode="eval").body)
    ('np', 'random', 'seed')
    """
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Name):
            return (node.id, *reversed(parts))
        else:
            return ()


def namespace_item(node: ast.AST) -> str | None:
    """The name that ``globals()["x"]`` means, or None.

    Examples
    --------
    >>> namespace_item(ast.parse("globals()['x']", mode="eval").body)
    'x'
    """
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call) and isinstance(node.slice, ast.Constant):
        func = node.value.func
        if isinstance(func, ast.Name) and func.id in _NAMESPACE_CALLS and not node.value.args:
            return node.slice.value if isinstance(node.slice.value, str) else None
    return None


def is_history_item(node: ast.AST) -> bool:
    """Whether this is an item of IPython's histories, ``Out[3]`` or ``In[3]``.

    Examples
    --------
    >>> is_history_item(ast.parse("Out[3]", mode="eval").body)
    True
    """
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in (*_OUTS, *_INS)


def note_history(text: CellText, name: str) -> None:
    """Take down that a whole history of IPython's is read (``len(In)``, ``Out.get(3)``), or one input (``_i3``).

    Examples
    --------
    >>> text = CellText(); note_history(text, "_i3"); text.inputs
    {3}
    """
    text.all_outputs |= name in _OUTS
    text.all_inputs |= name in _INS
    if name.startswith("_i") and name[2:].isdecimal():
        text.inputs.add(int(name[2:]))


def note_chain(text: CellText, node: ast.Attribute | ast.Subscript) -> None:
    """Take down a dotted use, or an item of ``Out`` or ``In``.

    Examples
    --------
    >>> text = CellText(); note_chain(text, ast.parse("Out[3]", mode="eval").body); text.outputs
    {3}
    """
    if isinstance(node, ast.Attribute):
        text.words.add(node.attr)
        if isinstance(node.value, ast.Name | ast.Attribute) and (chain := chain_of(node)):
            text.chains.add(chain)
        return
    if is_history_item(node):
        assert isinstance(node.value, ast.Name)
        number = node.slice.value if isinstance(node.slice, ast.Constant) else None
        outs = node.value.id in _OUTS
        if isinstance(number, int):
            (text.outputs if outs else text.inputs).add(number)
        elif outs:
            text.all_outputs = True
        else:
            text.all_inputs = True


def note_call(text: CellText, node: ast.Call, *, inner: bool) -> None:
    """Take down what a call may do besides reading its names: run text as code, ask, look names up in strings.

    Examples
    --------
    >>> text = CellText()
    >>> note_call(text, ast.parse("eval('a + 1')", mode="eval").body, inner=False)
    >>> text.dynamic_words
    {'a'}
    """
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    text.words.add(name)
    text.asks |= name in ("input", "getpass") and isinstance(node.func, ast.Name)
    parts = [part for arg in node.args for part in ast.walk(arg)]
    if name in _NAMESPACE_CALLS and not node.args and isinstance(node.func, ast.Name):
        text.dynamic_all |= not inner or name != "locals"
    elif name in ("get_objects", "get_referrers"):
        text.dynamic_all = True
    elif (name in CODE_CALLS and isinstance(node.func, ast.Name)) or name in _SHELL_CALLS:
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                text.dynamic_words |= set(re.findall(r"[A-Za-z_]\w*", part.value))
            elif isinstance(part, ast.Name):
                text.dynamic.add(part.id)
        # A text that is only put together now may say anything.
        text.dynamic_all |= any(not isinstance(arg, ast.Constant | ast.Name) for arg in node.args[:1])
        text.evaluated.update(arg.id for arg in node.args[:1] if isinstance(arg, ast.Name) and not inner)
    elif name == "testmod" or chain_of(node.func) == ("unittest", "main"):
        text.dynamic_all = True
    elif name in _STATEMENT_CALLS or chain_of(node.func)[:1] in {(each,) for each in _PROFILERS}:
        everything = [*parts, *(keyword.value for keyword in node.keywords)]
        said = [part.value for part in everything if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        text.dynamic_words |= {word for each in said for word in re.findall(r"[A-Za-z_]\w*", each)}
    elif name in _TEXT_QUERIES and isinstance(node.func, ast.Attribute | ast.Name):
        everything = [*parts, *(part for keyword in node.keywords for part in ast.walk(keyword.value))]
        for part in everything:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                of_frame = name in ("query", "eval") and chain_of(node.func)[:1] not in (("pd",), ("pandas",))
                of_frame = of_frame and not _SQL.search(part.value)
                wanted = r"@([A-Za-z_]\w*)" if of_frame else r"[A-Za-z_]\w*"
                text.dynamic_words |= set(re.findall(wanted, part.value))
            elif isinstance(part, ast.Name) and isinstance(node.func, ast.Attribute):
                text.dynamic.add(part.id)
