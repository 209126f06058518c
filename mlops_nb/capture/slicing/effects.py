"""Reads and writes of process-wide resources by one execution, from their states before and after and from its text."""

from __future__ import annotations

import random
import re
import sys
import types
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from mlops_nb.capture.slicing.bytecode import CodeNames
from mlops_nb.capture.slicing.idle import DRAWING
from mlops_nb.capture.slicing.layout import is_local, module_name
from mlops_nb.capture.slicing.ledger import Execution, Ledger
from mlops_nb.capture.slicing.mentions import CellText
from mlops_nb.capture.slicing.resources import RANDOM, has_drawn, relevant

_SETTING = re.compile(
    r"^(set($|_|[A-Z])|enable|disable|register|unregister|use($|_)|config|init($|_|ialize)|login|install|activate|patch"
    r"|download|setup|add_|theme)"
)
_FOLLOWED = frozenset(
    {"numpy", "pandas", "matplotlib", "random", "os", "warnings", "decimal", "locale", "logging", "torch"}
)
"""Packages whose settings are compared, so that a call that looks like one is not needed as evidence."""

_BY_IMPORT: dict[str, frozenset[str]] = {
    "@warnings": frozenset({"warnings", "filterwarnings", "simplefilter", "resetwarnings", "captureWarnings"}),
    "@logging": frozenset({"logging", "setLevel", "basicConfig", "addHandler", "getLogger", "dictConfig"}),
    "@environ": frozenset({"environ", "putenv", "load_dotenv", "setdefault", "unsetenv"}),
    "@sys.path": frozenset({"path", "syspath_prepend", "addsitedir"}),
    "@locale": frozenset({"setlocale"}),
    "@interpreter": frozenset({"setrecursionlimit", "set_int_max_str_digits", "setswitchinterval", "displayhook"}),
    "@decimal": frozenset({"getcontext", "setcontext"}),
    "@copyreg": frozenset({"copyreg"}),
}
"""Importing a library changes these too; what an execution must say for the change to count as its own."""

_BY_USE: dict[str, frozenset[str]] = {
    "@matplotlib.interactive": frozenset({"ion", "ioff", "interactive", "rcParams", "rc", "rc_context", "rcdefaults"}),
}
"""A library's first use changes these, too."""

_CONFIGURING = frozenset(
    "rcParams rc set_option options style use set set_theme seterr set_printoptions set_config rcdefaults"
    " set_style".split()
)


def record_states(
    ledger: Ledger,
    entry: Execution,
    text: CellText,
    states: tuple[Mapping[str, Hashable], Mapping[str, Hashable], Mapping[str, Hashable]],
    *,
    packages: frozenset[str],
    words: frozenset[str],
    facts: frozenset[str],
    grew: bool,
    fresh: frozenset[str],
) -> None:
    """Make `entry` depend on the resources that it may have read, then note those that it changed.

    Parameters
    ----------
    ledger, entry, text
        The log, the execution, its text.
    states : tuple of mapping
        States of resources before it, after it, and when following began.
    packages, words, facts : frozenset of str
        As for `resources.relevant`.
    grew : bool
        It loaded modules.
    fresh : frozenset of str
        Random resources that it seeded before it drew from them.
    """
    before, after, baseline = states
    changed = {name for name, state in after.items() if _has_changed(name, before, state, text, words, grew)}
    for name in list(ledger.writers):
        if name in RANDOM or not name.startswith("@") or name.startswith(("@file:", "@seeded", "@steering", "@magic:")):
            continue
        if name == "@pyplot" or not (name in changed or relevant(name, packages, words, facts)):
            continue
        # What a finaliser did stays when it is gone.
        weak = name in baseline and before.get(name) == baseline[name] and name != "@finalisers"
        ledger.read(entry, name, weak=weak)
    for name in changed - RANDOM - {"@pyplot"}:
        ledger.change(entry, name)
    changed -= {name for name in changed & RANDOM if _is_unused(ledger, name, text, packages, facts)}
    _record_random(ledger, entry, text, changed, packages, words, fresh)


def _has_changed(
    name: str, before: Mapping[str, Hashable], state: Hashable, text: CellText, words: frozenset[str], grew: bool
) -> bool:
    if name not in before:  # its library was loaded just now: its defaults are no change
        if name in RANDOM:
            return not text.imports_only and has_drawn(name, state)
        return not text.imports_only and bool(_CONFIGURING & words) and name != "@pyplot"
    if before[name] == state or (name in _BY_USE and not _BY_USE[name] & words):
        return False
    return not (grew and name in _BY_IMPORT and not _BY_IMPORT[name] & words and not text.commands)


def _record_random(
    ledger: Ledger,
    entry: Execution,
    text: CellText,
    changed: set[str],
    packages: frozenset[str],
    words: frozenset[str],
    fresh: frozenset[str],
) -> None:
    for name in RANDOM:
        seeded = name in fresh
        root = name[1:].partition(".")[0]
        looks = root in packages and bool({"getstate", "get_state", "get_rng_state"} & words)
        if not (seeded or name in changed or looks):
            continue
        writers = ledger.writers.get(name, ())
        if not seeded:
            entry.random = True
            entry.reads.add(name)
            if writers and _is_seeded(ledger, name):
                entry.random_needs.update(w for w in writers if w != entry.index)
            else:
                entry.unseeded = True
        if seeded:
            ledger.bind(entry, name)
            ledger.writers["@seeded" + name] = (entry.index,)
        elif name in changed and _is_seeded(ledger, name):
            ledger.change(entry, name)
        elif name in changed:
            entry.writes.add(name)


def _is_unused(ledger: Ledger, name: str, text: CellText, packages: frozenset[str], facts: frozenset[str]) -> bool:
    """Whether it was a library that drew, while it was loaded or for nothing: what it made of that is in no result."""
    if _is_seeded(ledger, name):  # later draws are others by that
        return False
    if name == "@numpy.random" and "idle" in facts:
        return True
    if text.imports_only:
        return not any(is_local(module, "") for module in text.imports)
    return name == "@random" and "rich" in facts and "random" not in packages


def _is_seeded(ledger: Ledger, name: str) -> bool:
    return "@seeded" + name in ledger.writers


def lasting_effects(text: CellText, codes: Iterable[CodeNames], namespace: Mapping[str, Any]) -> set[str]:
    """Pseudo-names of what a cell changes for good where no state is compared: magics, library settings, registrations.

    Parameters
    ----------
    text : CellText
        The cell.
    codes : iterable of CodeNames
        Of the notebook's functions that it may call.
    namespace : mapping
        After it ran.

    Returns
    -------
    set of str

    Examples
    --------
    >>> import sqlite3
    >>> from mlops_nb.capture.slicing.syntax import read_cell
    >>> sorted(lasting_effects(read_cell("sqlite3.register_adapter(A, f)"), [], {"sqlite3": sqlite3}))
    ['@lib:sqlite3']
    """
    found = {effect for command in text.commands if (effect := command.standing_effect())}
    codes = list(codes)
    for chain in {*text.called, *(chain for code in codes for chain in code.called)}:
        package = _package_of(chain[0], text, namespace)
        parts = chain[1:] or chain
        if package and package not in _FOLLOWED and any(_SETTING.match(part) for part in parts):
            found.add(f"@lib:{package}")
    for chain in text.chains.union(*(code.chains for code in codes)):
        package = _package_of(chain[0], text, namespace)
        last = chain[-1]
        if package and (last.startswith("register_") or f"{package}.{last}" in _LASTING):
            found.add(f"@lib:{package}")
        elif package == "duckdb" and len(chain) == 2 and last not in ("connect", "typing") and last.islower():
            found.add("@lib:duckdb")  # on the connection that the module keeps
        elif package == "tqdm" and last == "pandas":  # it gives frames a method
            found.add("@lib:pandas")
        elif package == "os" and last in _ON_DESCRIPTORS:
            found.add("@descriptors")
    return found


_LASTING = frozenset(
    "os.umask os.nice os.putenv os.unsetenv time.tzset threading.stack_size tracemalloc.start tracemalloc.stop"
    " gc.freeze sys.settrace sys.setprofile threading.settrace threading.setprofile numpy.setbufsize"
    " logging.addLevelName logging.setLogRecordFactory logging.setLoggerClass matplotlib.register".split()
)
"""Functions that change the process or a library for good, and whose names do not say so."""

_ON_DESCRIPTORS = frozenset(
    "open read write lseek pipe pipe2 dup dup2 close pread pwrite ftruncate sendfile openpty memfd_create".split()
)
"""Functions of `os` on numbers of files, pipes and sockets: the state is the kernel's."""


def _package_of(name: str, text: CellText, namespace: Mapping[str, Any]) -> str:
    """The library that a name's value is from, where that is a module, a function or a class of one; else empty."""
    value = namespace.get(name)
    kind = type(value)
    if kind is types.ModuleType:
        home = value.__dict__.get("__name__")
    elif kind in (types.FunctionType, types.BuiltinFunctionType):
        home = value.__module__ or ""
    elif issubclass(kind, type):
        home = module_name(value)
    else:
        home = text.aliases.get(name) if value is None else ""
    if type(home) is not str or is_local(home, str(namespace.get("__name__", "__main__"))):
        return ""
    return home.partition(".")[0].removeprefix("_")


def patched_packages(text: CellText, namespace: Mapping[str, Any]) -> set[str]:
    """Packages of library modules and classes on which the cell stores attributes or items.

    Parameters
    ----------
    text : CellText
        The cell.
    namespace : mapping
        After it ran, so that what it imported is there.

    Returns
    -------
    set of str

    Examples
    --------
    >>> import json
    >>> from mlops_nb.capture.slicing.syntax import read_cell
    >>> patched_packages(read_cell("json.JSONEncoder.default = f"), {"json": json})
    {'json'}
    """
    found: set[str] = set()
    filled = {chain[:-1] for chain in text.called if len(chain) > 2 and chain[-1] in _FILLING}
    for chain in text.changed | filled:
        if chain[-1] in _COMPARED:
            continue
        value = namespace.get(chain[0])
        owner = value
        for part in chain[1:-1]:
            if type(value) is not types.ModuleType:
                break
            owner, value = value, value.__dict__.get(part)
        home: Any = None
        if type(value) is types.ModuleType:
            home = value.__dict__.get("__name__")
        elif type(value) is type:
            home = value.__module__
        elif value is not None and type(owner) is types.ModuleType and not _COMPARED & set(chain):  # an object of it
            home = owner.__dict__.get("__name__")
        if type(home) is str and home != "__main__":
            found.add(home.partition(".")[0])
    return found


def seeded_first(text: CellText, namespace: Mapping[str, Any], after: Mapping[str, Hashable]) -> frozenset[str]:
    """Random resources that the cell seeds before anything in it can have drawn from them.

    Parameters
    ----------
    text : CellText
        The cell.
    namespace : mapping
        After it ran.
    after : mapping
        States of resources after it.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> import random
    >>> from mlops_nb.capture.slicing.syntax import read_cell
    >>> sorted(seeded_first(read_cell("random.seed(3)\\nx = random.random()"), {"random": random}, {}))
    ['@random']
    """
    found: set[str] = set()
    for chain in text.seeds_first:
        dotted = ".".join((_module_path(chain[0], text, namespace), *chain[1:]))
        if dotted in _SEEDERS:
            found.add(_SEEDERS[dotted])
        elif len(chain) == 1 and type(value := namespace.get(chain[0])) is types.FunctionType:
            found |= _seeded_by(value, after)
    said = {chain for chain in {*text.chains, *text.called} if chain[-1] in DRAWING}
    if not any(chain[-1] != "random" or chain[-2:-1] == ("random",) for chain in said):
        found |= {name for chain in text.called if (name := _seeded_last(chain, text, namespace, after))}
    return frozenset(found)


def _seeded_last(
    chain: tuple[str, ...], text: CellText, namespace: Mapping[str, Any], after: Mapping[str, Hashable]
) -> str:
    """The resource that a cell seeds after other calls (``sns.set_theme()``) and has not drawn from since; or empty."""
    name = _SEEDERS.get(".".join((_module_path(chain[0], text, namespace), *chain[1:])), "")
    if name == "@random":
        return name if random.getstate()[1][-1] == 624 else ""
    state = after.get(name)
    return name if state is not None and not has_drawn(name, state) else ""


_SEEDERS = {
    "random.seed": "@random",
    "random.setstate": "@random",
    "numpy.random.seed": "@numpy.random",
    "numpy.random.set_state": "@numpy.random",
    "torch.manual_seed": "@torch.random",
    "torch.set_rng_state": "@torch.random",
}


_FILLING = frozenset({"append", "extend", "insert", "remove", "clear", "add", "discard", "update", "pop", "setdefault"})
"""Methods that change what a library's module holds: ``sys.meta_path.append(finder)``."""

_COMPARED = frozenset({"environ", "rcParams", "path", "options"})
"""Items of libraries whose states are compared anyway."""


def _module_path(name: str, text: CellText, namespace: Mapping[str, Any], unknown: str | None = None) -> str:
    if name in text.aliases:
        return text.aliases[name]
    value = namespace.get(name)
    if type(value) is types.ModuleType:
        return str(value.__dict__.get("__name__", name))
    if isinstance(value, types.BuiltinFunctionType | types.MethodType):  # from numpy.random import seed
        own, owner = getattr(value, "__name__", ""), type(getattr(value, "__self__", None)).__module__
        return f"numpy.random.{own}" if owner.startswith("numpy.random") else f"{owner}.{own}"
    return name if unknown is None else unknown


def _seeded_by(function: types.FunctionType, after: Mapping[str, Hashable]) -> set[str]:
    """Generators that a notebook's own ``seed_everything`` seeded: only where the state is still fresh."""
    found: set[str] = set()
    names = function.__code__.co_names
    if "seed" in names:
        state = after.get("@numpy.random")
        if isinstance(state, tuple) and state[1] == 624 and not state[2]:
            found.add("@numpy.random")
        if "random" in sys.modules and sys.modules["random"].getstate()[1][-1] == 624:
            found.add("@random")
    if "manual_seed" in names:
        found.add("@torch.random")
    return found
