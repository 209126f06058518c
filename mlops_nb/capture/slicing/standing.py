"""What may run beside a cell without being named: threads, tasks, and functions that somebody is to call back."""

from __future__ import annotations

import builtins
import functools
import gc
import io
import logging
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from mlops_nb.capture.slicing.layout import is_local, module_name

_SYSTEM = frozenset(
    "ipykernel IPython zmq tornado mlops_nb debugpy _pydevd_bundle pydevd asyncio jupyter_client traitlets anyio"
    " concurrent multiprocessing tqdm".split()
)
"""Packages whose threads are not the notebook's."""


def standing(namespace: Mapping[str, Any], written: Collection[str]) -> Iterator[tuple[str, object]]:
    """What may run during the next execution, each with the pseudo-name of where it was set up.

    Parameters
    ----------
    namespace : mapping
        Of the session.
    written : collection of str
        Pseudo-names that the session has changed: nothing is looked for elsewhere.

    Yields
    ------
    tuple of str and object
        The object is not run, only walked.

    Examples
    --------
    >>> {place for place, _ in standing({}, ())} <= {"@threads", "@tasks"}
    True
    """
    yield from _threads(namespace)
    if "asyncio" in sys.modules:
        yield from _tasks(namespace)
    for place, found in _CALLED_BACK.items():
        if place in written:
            for function in found():
                if _is_own(function, namespace):
                    yield place, function


def own_threads() -> list[threading.Thread]:
    """Threads that are not the kernel's, a library's pool or ours.

    Examples
    --------
    >>> threading.main_thread() in own_threads()
    False
    """
    main = threading.main_thread()
    return [each for each in threading.enumerate() if each is not main and _package(each) not in _SYSTEM]


def _package(thread: threading.Thread) -> str:
    target = thread.__dict__.get("_target")
    function = target.__func__ if type(target) is types.MethodType else target
    if type(function) is types.FunctionType:
        return str(function.__globals__.get("__name__", "")).partition(".")[0]
    kind = type(target.__self__) if type(target) is types.MethodType else type(thread)
    return module_name(kind).partition(".")[0]


def _threads(namespace: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if threading.active_count() == 1:
        return
    for thread in own_threads():
        own = thread.__dict__
        yield "@threads", [own.get(key) for key in ("_target", "_args", "_kwargs", "function", "args", "kwargs")]
        if is_local(module_name(type(thread)), str(namespace.get("__name__", "__main__"))):
            yield "@threads", thread
    me = threading.get_ident()
    for ident, frame in sys._current_frames().items():
        above: types.FrameType | None = frame
        for _ in range(100 if ident != me else 0):
            if above is None:
                break
            if above.f_globals is namespace:
                yield "@threads", types.FunctionType(above.f_code, above.f_globals, closure=_cells(above.f_code))
            above = above.f_back


def _cells(code: types.CodeType) -> tuple[types.CellType, ...] | None:
    return tuple(types.CellType() for _ in code.co_freevars) or None


def _tasks(namespace: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Tasks of the notebook's that are not over, and calls that a loop is to make later."""
    tasks = sys.modules["asyncio"].tasks
    known: Any = getattr(tasks, "_scheduled_tasks", None) or getattr(tasks, "_all_tasks", ())
    loops = set()
    for task in list(known):
        if task.done():
            continue
        loops.add(task.get_loop())
        coroutine = task.get_coro()
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and frame.f_globals is namespace:
            yield "@tasks", coroutine
    loops.add(getattr(sys.modules.get("IPython.core.async_helpers"), "_asyncio_event_loop", None))
    for loop in loops:
        for handle in [*getattr(loop, "_scheduled", ()), *getattr(loop, "_ready", ())]:
            callback = getattr(handle, "_callback", None)
            if _is_own(callback, namespace) or type(callback) in (types.BuiltinFunctionType, functools.partial):
                yield "@tasks", (callback, getattr(handle, "_args", ()))


def pending_tasks() -> tuple[int, ...]:
    """Marks of what the notebook's loops have still to do.

    Examples
    --------
    >>> pending_tasks()
    ()
    """
    if "asyncio" not in sys.modules or "IPython" not in sys.modules:
        return ()
    shell = getattr(sys.modules["IPython.core.interactiveshell"].InteractiveShell, "_instance", None)
    return tuple(id(each) for _, each in _tasks(shell.user_ns)) if shell is not None else ()


def called_by_shell(namespace: Mapping[str, Any]) -> list[tuple[str, object]]:
    """The notebook's own functions that IPython calls for errors, and to show objects.

    Examples
    --------
    >>> called_by_shell({})
    []
    """
    return [("@shell.hooks", each) for each in _of_the_shell() if _is_own(each, namespace)]


def _is_own(function: object, namespace: Mapping[str, Any]) -> bool:
    inner = function.__func__ if type(function) is types.MethodType else function
    if type(inner) is types.FunctionType:
        held = [cell.cell_contents for cell in inner.__closure__ or () if cell != types.CellType()]
        functions = [inner, *(each for each in held if type(each) is types.FunctionType)]
        return any(each.__globals__ is namespace for each in functions)
    if type(inner) in (io.StringIO, io.BytesIO):
        return True
    if type(inner) is types.BuiltinFunctionType:
        return not isinstance(inner.__self__, types.ModuleType) and inner.__self__ is not None
    return is_local(module_name(type(inner)), str(namespace.get("__name__", "__main__")))


def _signal_handlers() -> Iterator[object]:
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and number != signal.SIGINT:
            yield handler


def _log_handlers() -> Iterator[object]:
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for logger in [each for each in loggers if isinstance(each, logging.Logger)]:
        yield from logger.filters
        for handler in logger.handlers:
            yield handler
            yield from handler.filters
            yield getattr(handler, "stream", None)
    yield logging.getLogRecordFactory()


def warning_hooks() -> tuple[object, ...]:
    """What warnings are shown with.

    Examples
    --------
    >>> len(warning_hooks())
    3
    """
    return (warnings.showwarning, warnings.formatwarning, getattr(warnings, "_showwarnmsg_impl", None))


def _of_the_interpreter() -> Iterator[object]:
    yield from (sys.excepthook, sys.unraisablehook, sys.gettrace(), sys.getprofile(), sys.stdin, sys.displayhook)


def _of_the_shell() -> Iterator[object]:
    home = sys.modules.get("IPython.core.interactiveshell")
    shell = getattr(getattr(home, "InteractiveShell", None), "_instance", None)
    yield getattr(shell, "CustomTB", None)
    for formatter in getattr(getattr(shell, "display_formatter", None), "formatters", {}).values():
        yield from list(formatter.type_printers.values())


_CALLED_BACK: dict[str, Callable[[], Iterable[object]]] = {
    "@signals": _signal_handlers,
    "@logging": _log_handlers,
    "@warnings": lambda: iter(warning_hooks()),
    "@lib:gc": lambda: iter(list(gc.callbacks)),
    "@lib:sys": _of_the_interpreter,
    "@lib:threading": lambda: iter((threading.excepthook,)),
    "@numpy.options": lambda: iter((sys.modules["numpy"].geterrcall(),)),
    "@shell.hooks": _of_the_shell,
    "@builtins": lambda: iter([each for each in vars(builtins).values() if type(each) is types.FunctionType]),
}
"""Where functions are kept that are called when something happens, by the pseudo-name that setting them changes."""
