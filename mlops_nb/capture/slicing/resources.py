"""What belongs to the process and not to a name: random state, folder, environment, options, figures, registries.

Each is a pseudo-name (``@cwd``, ``@numpy.random``), with a cheap state that is compared before and after an execution.
"""

from __future__ import annotations

import builtins
import copyreg
import decimal
import io
import locale
import logging
import marshal
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import xxhash

from mlops_nb.capture.slicing.endings import finalisers_of, hooks_of
from mlops_nb.capture.slicing.standing import called_by_shell, own_threads, pending_tasks, warning_hooks

RANDOM = frozenset({"@random", "@numpy.random", "@torch.random"})
"""The process's generators, which the record of random state can restore."""

_PURE_PACKAGES = frozenset(
    "numpy pandas matplotlib pyplot sklearn scipy math random json re collections itertools functools datetime"
    " statistics"
    " time string copy typing dataclasses decimal seaborn statsmodels builtins fractions enum abc operator cmath heapq"
    " bisect numbers patsy pytz dateutil _io types contextlib textwrap pprint hashlib _random pyarrow _thread"
    " threading".split()
)
"""Packages whose results do not come from environment variables, save for those that steer threads and back ends."""

_FILE_WORDS = frozenset(
    "open Path getcwd chdir walk isfile isdir exists mkdir makedirs listdir glob iglob rglob scandir remove unlink"
    " rename"
    " imread imsave savefig connect loadtxt genfromtxt savetxt fromfile tofile memmap copyfile copytree rmtree".split()
)
_FILE_PREFIXES = (
    "read_",
    "load",
    "save",
    "dump",
    "write_",
    "to_csv",
    "to_p",
    "to_json",
    "to_excel",
    "to_hdf",
    "fetch_",
)


def snapshot() -> dict[str, Hashable]:
    """The state of each resource that exists in this process now.

    Returns
    -------
    dict
        From pseudo-name to a value that differs when the state does. Libraries that are not loaded have none.

    Examples
    --------
    >>> before = snapshot()
    >>> import os; os.environ["SLICING_EXAMPLE"] = "1"
    >>> before["@environ"] == snapshot()["@environ"]
    False
    >>> del os.environ["SLICING_EXAMPLE"]
    """
    states: dict[str, Hashable] = {}
    for name, (module, read) in _RESOURCES.items():
        if module and module not in sys.modules:
            continue
        try:
            states[name] = read()
        except Exception:  # half-imported or changed library: the resource is then not followed
            states[name] = None
    return states


def relevant(name: str, packages: frozenset[str], words: frozenset[str], facts: frozenset[str]) -> bool:
    """Whether an execution could be influenced by a resource.

    Parameters
    ----------
    name : str
        Of the resource.
    packages : frozenset of str
        Top-level packages of everything that the execution reads.
    words : frozenset of str
        Names and attributes that its code, and the notebook's functions that it may call, mention.
    facts : frozenset of str
        Of ``files`` (it touched files), ``shell``, ``imports``, ``foreign`` (imports beyond the standard library),
        ``threads`` (the environment steers a library's threads or back end).

    Returns
    -------
    bool

    Examples
    --------
    >>> relevant("@pandas.options", frozenset({"pandas"}), frozenset(), frozenset())
    True
    >>> relevant("@pandas.options", frozenset(), frozenset(), frozenset())
    False
    """
    if name.startswith("@lib:"):
        by_files = name == "@lib:os" and bool(facts & {"files", "shell"})
        return name[5:] in packages or name[5:] in ("builtins", "sys", "codecs") or by_files
    if name == "@decimal.flags":
        return bool(words & {"flags", "clear_flags"})
    if name == "@stdin":
        return bool(words & {"stdin", "input", "readline", "fileinput", "getpass"})
    if name == "@descriptors":
        return "os" in packages and bool(words & {"read", "write", "lseek", "open", "close", "dup", "fdopen"})
    if name == "@cwd":
        return bool(facts & {"files", "shell"}) or _mentions_files(words)
    if name == "@environ":
        others = packages - _PURE_PACKAGES
        return bool(others) or "shell" in facts or bool({"environ", "getenv"} & words) or {"threads"} <= facts
    if name in ("@install", "@sys.path"):
        return "foreign" in facts or ("shell" in facts and name == "@install") or bool({"sys"} & packages & words)
    if name == "@shell":
        return bool(facts & {"files", "shell", "foreign"}) or _mentions_files(words)
    wanted = _READERS.get(name)
    return wanted is None or bool(wanted & packages)


def _mentions_files(words: frozenset[str]) -> bool:
    return bool(words & _FILE_WORDS) or any(word.startswith(_FILE_PREFIXES) for word in words)


_READERS: dict[str, frozenset[str]] = {
    "@pandas.options": frozenset({"pandas"}),
    "@numpy.options": frozenset({"numpy", "pandas", "scipy", "sklearn"}),
    "@matplotlib.rc": frozenset({"matplotlib", "pyplot", "seaborn"}),
    "@matplotlib.interactive": frozenset({"pyplot"}),
    "@sklearn.config": frozenset({"sklearn"}),
    "@decimal": frozenset({"decimal"}),
    "@torch.options": frozenset({"torch"}),
    "@copyreg": frozenset({"copy", "copyreg", "pickle", "joblib", "multiprocessing"}),
    "@logging": frozenset({"logging"}),
    "@threads": frozenset(),
    "@tasks": frozenset(),
    "@lib:duckdb": frozenset({"duckdb"}),
}
"""Resources not listed here (warning filters, locale, the interpreter's limits) can matter to anything."""


def figures() -> frozenset[Any]:
    """Marks of the open pyplot figures, as `buffers` and `fingerprint` give them to what is drawn on them.

    Examples
    --------
    >>> isinstance(figures(), frozenset)
    True
    """
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return frozenset()
    try:
        return frozenset(("figure", id(manager.canvas.figure)) for manager in helpers.Gcf.figs.values())
    except (AttributeError, RuntimeError):  # closing at this moment
        return frozenset()


def variables() -> frozenset[tuple[Any, Any]]:
    """The environment as the process holds it: decoding every variable costs more than all else that is looked at.

    Examples
    --------
    >>> variables() == variables()
    True
    """
    return frozenset(dict.items(vars(os.environ)["_data"]))


def has_changed_steering(before: Iterable[tuple[Any, Any]], after: Iterable[tuple[Any, Any]]) -> bool:
    """Whether environment variables differ that steer a library's threads, devices or back end.

    Examples
    --------
    >>> has_changed_steering([], [(b"OMP_NUM_THREADS", b"1")]), has_changed_steering([], [(b"MODE", b"fast")])
    (True, False)
    """
    return any(os.fsdecode(name).startswith(_STEERING) for name, _ in set(before) ^ set(after))


_STEERING = (
    "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR", "CUDA", "PYTHON", "TZ", "MPL", "TF_", "TORCH", "JAX_", "XLA_", "LC_",
    "LANG",
    "PANDAS", "SKLEARN", "JOBLIB", "NUMBA",
)  # fmt: skip


def _digest(value: Any) -> int:
    return xxhash.xxh3_64(marshal.dumps(value, 2)).intdigest()


def _environ() -> Hashable:
    return variables()


def _random() -> Hashable:
    return hash(random.getstate())


def _numpy_random() -> Hashable:
    state = sys.modules["numpy.random"].mtrand._rand.get_state(legacy=False)
    inner = state["state"]
    if "key" not in inner:
        return repr(state)
    return (inner["key"].tobytes(), inner["pos"], state["has_gauss"], state["gauss"])


def _torch_random() -> Hashable:
    return bytes(sys.modules["torch"].get_rng_state().numpy())


def has_drawn(name: str, state: Hashable) -> bool:
    """Whether numbers were drawn from a generator since its library was loaded, or since it was seeded.

    Examples
    --------
    >>> has_drawn("@numpy.random", (b"", 623, 0, 0.0)), has_drawn("@numpy.random", (b"", 5, 0, 0.0))
    (False, True)
    """
    if name == "@torch.random":
        torch = sys.modules["torch"]
        fresh = torch.Generator().manual_seed(torch.initial_seed()).get_state()
        return bytes(fresh.numpy()) != state
    return isinstance(state, tuple) and (state[1] not in (623, 624) or bool(state[2]))


def _numpy_options() -> Hashable:
    numpy = sys.modules["numpy"]
    return repr((numpy.get_printoptions(), numpy.geterr(), id(numpy.geterrcall())))


def _pandas_options() -> Hashable:
    found: list[Any] = []
    waiting: list[Any] = [sys.modules["pandas._config.config"]._global_config]
    while waiting:
        for key, value in waiting.pop().items():
            if type(value) is dict:
                waiting.append(value)
            else:
                found.append((key, value if type(value) in (int, float, str, bool) else id(value)))
    return tuple(found)


def _matplotlib_rc() -> Hashable:
    """By value; told from the identities of the last time, and from the lists, which can be changed in place, if these
    are the same: to write down all three hundred is what costs most of what is looked at."""
    values = dict(dict.items(sys.modules["matplotlib"].rcParams))
    for key in ("backend", "interactive"):  # the first figure in a kernel sets both
        values.pop(key, None)
    lists = [list(value) for value in values.values() if type(value) is list]
    seen = (tuple(map(id, values.values())), lists)
    if _rc_seen[:1] != [seen]:
        digest = _digest([(k, v if type(v) in _PLAIN else repr(v)) for k, v in values.items()])
        _rc_seen[:] = [seen, digest, list(values.values())]  # held, so that no identity is used twice
    state: int = _rc_seen[1]
    return state


def _interactive() -> Hashable:
    return bool(dict.get(sys.modules["matplotlib"].rcParams, "interactive"))


_PLAIN = (int, float, str, bool, type(None))
_rc_seen: list[Any] = []


def _pyplot() -> Hashable:
    helpers = sys.modules["matplotlib._pylab_helpers"]
    return tuple((number, id(manager)) for number, manager in helpers.Gcf.figs.items())


def _warnings() -> Hashable:
    filters = [
        (action, str(text), str(kind), str(module), line) for action, text, kind, module, line in warnings.filters
    ]
    return (*filters, *map(id, warning_hooks()))


def _logging() -> Hashable:
    root = logging.getLogger()
    rest = [
        (name, logger.level, _handlers(logger), logger.propagate, logger.disabled)
        for name, logger in list(root.manager.loggerDict.items())
        if type(logger) is logging.Logger
        and (logger.level or logger.handlers or logger.filters or not logger.propagate or logger.disabled)
    ]
    return (root.level, _handlers(root), root.manager.disable, tuple(rest))


def _handlers(logger: logging.Logger) -> Hashable:
    parts = [(id(each), each.level, id(each.formatter), *map(id, each.filters)) for each in logger.handlers]
    return (*parts, *map(id, logger.filters))


def _decimal() -> Hashable:
    context = decimal.getcontext()
    traps = tuple(signal.__name__ for signal, is_on in context.traps.items() if is_on)
    return (context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps)


def _decimal_flags() -> Hashable:
    return tuple(map(bool, decimal.getcontext().flags.values()))


def _interpreter() -> Hashable:
    digits = sys.get_int_max_str_digits() if hasattr(sys, "get_int_max_str_digits") else 0
    return (sys.getrecursionlimit(), digits, sys.displayhook is sys.__displayhook__, sys.getswitchinterval())


def _builtins() -> Hashable:
    """Names that code finds everywhere; IPython's own come and go with each cell."""
    parts = dict(vars(builtins))
    for name in _PASSING:
        parts.pop(name, None)
    return (*parts, *map(id, parts.values()))


_PASSING = frozenset({"_", "exit", "quit", "get_ipython", "display", "__IPYTHON__"})


def _signals() -> Hashable:
    """What the user may have set; SIGINT is the kernel's own."""
    names = ("SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE")
    return tuple(id(signal.getsignal(getattr(signal, name))) for name in names if hasattr(signal, name))


def _shell() -> Hashable:
    """What stands between the text of a cell and its execution."""
    shell = sys.modules["IPython.core.interactiveshell"].InteractiveShell._instance
    if shell is None:
        return None
    parts = (shell.ast_transformers, shell.input_transformers_cleanup, shell.input_transformers_post)
    own = [id(function) for _, function in called_by_shell(shell.user_ns)]
    return (*(tuple(map(id, part)) for part in parts), tuple(map(id, hooks_of(shell.user_ns))), *own)


def _finalisers() -> Hashable:
    shell = sys.modules["IPython.core.interactiveshell"].InteractiveShell._instance
    return finalisers_of(shell.user_ns) if shell is not None else None


def _stdin() -> Hashable:
    """Where a text stands that was put in the place of the keyboard."""
    stream = sys.stdin
    return (id(stream), stream.tell() if type(stream) is io.StringIO and not stream.closed else 0)


def _torch_options() -> Hashable:
    torch = sys.modules["torch"]
    precise = (torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision())
    return (str(torch.get_default_dtype()), torch.is_grad_enabled(), torch.get_num_threads(), *precise)


def _sklearn() -> Hashable:
    return repr(sys.modules["sklearn"].get_config())


_RESOURCES: dict[str, tuple[str, Callable[[], Hashable]]] = {
    "@cwd": ("", os.getcwd),
    "@environ": ("", _environ),
    "@sys.path": ("", lambda: tuple(sys.path)),
    "@random": ("", _random),
    "@numpy.random": ("numpy.random.mtrand", _numpy_random),
    "@torch.random": ("torch", _torch_random),
    "@numpy.options": ("numpy", _numpy_options),
    "@pandas.options": ("pandas._config.config", _pandas_options),
    "@matplotlib.rc": ("matplotlib", _matplotlib_rc),
    "@matplotlib.interactive": ("matplotlib", _interactive),
    "@pyplot": ("matplotlib._pylab_helpers", _pyplot),
    "@sklearn.config": ("sklearn._config", _sklearn),
    "@warnings": ("", _warnings),
    "@logging": ("", _logging),
    "@decimal": ("", _decimal),
    "@decimal.flags": ("", _decimal_flags),
    "@builtins": ("", _builtins),
    "@copyreg": ("", lambda: tuple(map(id, copyreg.dispatch_table))),
    "@signals": ("", _signals),
    "@socket": ("socket", lambda: sys.modules["socket"].getdefaulttimeout()),
    "@finalisers": ("IPython.core.interactiveshell", _finalisers),
    "@torch.options": ("torch", _torch_options),
    "@shell.hooks": ("IPython.core.interactiveshell", _shell),
    "@stdin": ("", _stdin),
    "@threads": ("", lambda: tuple(each.ident for each in own_threads())),
    "@tasks": ("asyncio", pending_tasks),
    "@locale": ("", lambda: locale.setlocale(locale.LC_ALL)),
    "@interpreter": ("", _interpreter),
}
