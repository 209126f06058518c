"""Which globals a code object reads and writes, from its bytecode: exact about scopes, and never runs anything."""

from __future__ import annotations

import dis
import re
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_EXTENDED = dis.opmap["EXTENDED_ARG"]
_LOAD_GLOBAL = dis.opmap["LOAD_GLOBAL"]
_READS = {dis.opmap[n] for n in ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") if n in dis.opmap}
_WRITES = {dis.opmap[n] for n in ("STORE_GLOBAL", "DELETE_GLOBAL")}
_LOCAL_WRITES = {dis.opmap["STORE_NAME"]}
_IMPORT = dis.opmap["IMPORT_NAME"]
_ATTRIBUTES = {dis.opmap[n] for n in ("LOAD_ATTR", "LOAD_METHOD") if n in dis.opmap}
_ATTRIBUTE_WRITES = {dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"]}
_CALLS = {code for name, code in dis.opmap.items() if name.startswith("CALL")}
_SILENT = {dis.opmap[n] for n in ("CACHE", "NOP", "PUSH_NULL", "PRECALL", "RESUME") if n in dis.opmap}
_LOAD_ATTR = dis.opmap["LOAD_ATTR"]
_ENDS = {code for name, code in dis.opmap.items() if name.startswith(("STORE_", "RETURN_", "POP_JUMP", "JUMP_"))}
_POP, _SHIFTED = dis.opmap["POP_TOP"], sys.version_info >= (3, 12)
_RUNNERS = frozenset(
    "exec eval compile globals run_cell execute sql read_sql from_formula evaluate user_ns f_globals __globals__"
    " _getframe currentframe".split()
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_LOCAL = re.compile(r"@([A-Za-z_]\w*)")
_MODE = re.compile(r"^[rwax][bt]?\+?[bt]?$")


@dataclass(frozen=True, slots=True, eq=False)
class CodeNames:
    """Names of a code object and of all code nested in it.

    `loads` and `stores` are globals; `words` is every name and attribute that it mentions; `imports` are modules that
    it imports when it runs; `texts` are its short string constants; `hints` are words of texts that it may run as code.
    `chains` are dotted uses of globals, `changed` those that it stores an attribute on, `called` those that stand as
    statements: ``("csv", "register_dialect")``.
    """

    loads: frozenset[str]
    stores: frozenset[str]
    words: frozenset[str]
    imports: frozenset[str]
    texts: frozenset[str]
    hints: frozenset[str]
    chains: frozenset[tuple[str, ...]] = frozenset()
    changed: frozenset[tuple[str, ...]] = frozenset()
    called: frozenset[tuple[str, ...]] = frozenset()


_cache: dict[int, tuple[weakref.ref[CodeType], CodeNames]] = {}


def names_of(code: CodeType) -> CodeNames:
    """The names that `code`, and what is nested in it, may touch when it runs.

    Parameters
    ----------
    code : CodeType
        Of a function, a class body, a module, a generator.

    Returns
    -------
    CodeNames
        Cached for as long as `code` lives.

    Examples
    --------
    >>> def f(a):
    ...     global total
    ...     total = [scale * x for x in a]
    >>> found = names_of(f.__code__)
    >>> sorted(found.loads), sorted(found.stores)
    (['scale'], ['total'])
    """
    kept = _cache.get(id(code))
    if kept is not None and kept[0]() is code:
        return kept[1]
    loads: set[str] = set()
    stores: set[str] = set()
    words: set[str] = set()
    imports: set[str] = set()
    texts: set[str] = set()
    hints: set[str] = set()
    chains: set[tuple[str, ...]] = set()
    changed: set[tuple[str, ...]] = set()
    called: set[tuple[str, ...]] = set()
    for inner in nested(code):
        _scan(inner, loads, stores, imports)
        _scan_chains(inner, chains, changed, called)
        words.update(inner.co_names)
        texts.update(c for c in inner.co_consts if type(c) is str and len(c) < 200)
        hints |= _hints(inner)
    words.update("mode " + text for text in texts if _MODE.match(text))
    found = CodeNames(
        loads=frozenset(loads),
        stores=frozenset(stores),
        words=frozenset(words),
        imports=frozenset(imports),
        texts=frozenset(texts),
        hints=frozenset(hints),
        chains=frozenset(chains),
        changed=frozenset(changed),
        called=frozenset(called),
    )
    if len(_cache) > 20_000:  # a session that makes functions in a loop must not grow without end
        _cache.clear()
    _cache[id(code)] = (weakref.ref(code), found)
    return found


def nested(code: CodeType) -> Iterator[CodeType]:
    """`code` and every code object among its constants, outermost first.

    Examples
    --------
    >>> [c.co_name for c in nested((lambda: (lambda: 1)).__code__)]
    ['<lambda>', '<lambda>']
    """
    waiting = [code]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(c for c in current.co_consts if type(c) is CodeType)


def body_loads(code: CodeType) -> set[str]:
    """Names that the statements of `code` itself load before they bind them (for module and class bodies).

    Examples
    --------
    >>> sorted(body_loads(compile("a = b; c = a", "cell", "exec")))
    ['b']
    """
    found: set[str] = set()
    bound: set[str] = set()
    for op, arg in _instructions(code):
        if op in _READS:
            name = code.co_names[arg]
            if name not in bound:
                found.add(name)
        elif op == _LOAD_GLOBAL:
            found.add(code.co_names[arg >> 1])
        elif op in _LOCAL_WRITES:
            bound.add(code.co_names[arg])
    return found


def _hints(code: CodeType) -> set[str]:
    """Names that texts may mean which the code hands to ``exec``, ``query`` and their like."""
    if _RUNNERS.isdisjoint(code.co_names):
        pattern = _LOCAL if "query" in code.co_names else None
    else:
        pattern = _WORD
    if pattern is None:
        return set()
    return {word for c in code.co_consts if type(c) is str for word in pattern.findall(c[:100_000])}


def _scan(code: CodeType, loads: set[str], stores: set[str], imports: set[str]) -> None:
    names = code.co_names
    for op, arg in _instructions(code):
        if op == _LOAD_GLOBAL:
            loads.add(names[arg >> 1])  # the lowest bit says whether NULL is pushed (3.11 and later)
        elif op in _READS:
            loads.add(names[arg])
        elif op in _WRITES:
            stores.add(names[arg])
        elif op == _IMPORT:
            imports.add(names[arg])


def _scan_chains(
    code: CodeType,
    chains: set[tuple[str, ...]],
    changed: set[tuple[str, ...]],
    called: set[tuple[str, ...]],
) -> None:
    names = code.co_names
    chain: tuple[str, ...] = ()
    first: tuple[str, ...] = ()  # of the statement
    last = -1
    for op, arg in _instructions(code):
        if op in _SILENT:
            continue
        if op == _LOAD_GLOBAL or op in _READS:
            chain = (names[arg >> 1 if op == _LOAD_GLOBAL else arg],)
            first = first or chain
        elif chain and op in _ATTRIBUTES:
            longer = (*chain, names[arg >> 1 if _SHIFTED and op == _LOAD_ATTR else arg])
            first = longer if first == chain else first
            chain = longer
            chains.add(chain)
        elif chain and op in _ATTRIBUTE_WRITES:
            changed.add((*chain, names[arg]))
            chain = first = ()
        else:
            chain = ()
            if op == _POP and last in _CALLS and first:
                called.add(first)
            if op == _POP or op in _ENDS:
                first = ()
        last = op


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    raw = code.co_code
    extended = 0
    for position in range(0, len(raw), 2):
        op, arg = raw[position], raw[position + 1] | extended
        if op == _EXTENDED:
            extended = arg << 8
            continue
        extended = 0
        yield op, arg
