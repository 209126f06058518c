"""A process that has imported what kernels need, and forks: each fork is a fresh kernel, ready in a moment.

Nothing can leak from one trial to the next, since each runs in a child of a process in which no notebook ever ran.
It is asked through a socket, a line of JSON each time, and ends with whoever holds the other end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import warnings
from collections.abc import Iterable
from typing import Any

__all__ = ["main"]

ALWAYS = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "matplotlib_inline.backend_inline",
    "tornado.platform.asyncio", "tornado.locks", "tornado.queues", "IPython.core.oinspect", "IPython.core.completerlib",
    "IPython.core.logger", "IPython.core.magics.extension", "IPython.extensions.storemagic", "encodings.idna",
    "mlops_nb.magics.session", "mlops_nb.magics.lines", "mlops_nb.magics.tracked", "mlops_nb.magics.following",
    "mlops_nb.magics.taps", "mlops_nb.magics.cards", "mlops_nb.panels.card", "mlops_nb.panels.record",
    "mlops_nb.store.runs", "mlops_nb.store.peek", "mlops_nb.artifacts.storage", "mlops_nb.journal", "mlops_nb.tracking",
    "mlops_nb.tracking.shapes", "mlops_nb.capture.environment", "mlops_nb.capture.git", "mlops_nb.capture.randomness",
    "mlops_nb.capture.data.digests", "mlops_nb.capture.data.frames", "mlops_nb.capture.outputs",
    "mlops_nb.capture.resources", "mlops_nb.capture.estimators", "psutil", "threadpoolctl", "inotify_simple",
    "ctypes.util", "mlops_nb.projects.witness", "IPython.core.debugger", "importlib.resources.readers",
    "encodings.ascii", "faulthandler", "code",
)  # fmt: skip
"""What every kernel of ours imports sooner or later; what is not there is passed over."""

KNOWN_AHEAD = (
    ("mlops_nb.capture.randomness.threads", "process_facts", ()),
    ("mlops_nb.panels.markup", "style_sheet", ("static",)),
)
"""What kernels keep in mind once they have asked for it, and is the same in all of them."""


def main(descriptor: int, modules: Iterable[str]) -> None:
    """Import, then fork on request; returns in no process but the end of this one.

    Examples
    --------
    >>> main(3, ["numpy"])  # doctest: +SKIP
    """
    door = socket.socket(fileno=descriptor)
    for name in (*ALWAYS, *modules):
        with contextlib.suppress(Exception):  # the kernel itself will say what cannot be imported
            importlib.import_module(name)
    _leave_the_debugger_out()
    for module, function, arguments in KNOWN_AHEAD:
        with contextlib.suppress(Exception):  # then each kernel finds out by itself
            getattr(importlib.import_module(module), function)(*arguments)
    gc.collect()
    gc.freeze()  # what the children share is not touched by their collections
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = _serve(door)
    if request is not None:
        _become_kernel(request)


def _leave_the_debugger_out() -> None:
    """Nobody debugs a trial, and every kernel would spend more time on importing debugpy than on all the rest."""
    if "debugpy" in sys.modules:
        return
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # None makes its import fail, as if absent
    with contextlib.suppress(Exception):
        importlib.import_module("ipykernel.debugger")
    del sys.modules["debugpy"]  # the user's own `import debugpy` works


def _serve(door: socket.socket) -> dict[str, Any] | None:
    """Answer requests; in a forked child the request to become a kernel is returned."""
    children: set[int] = set()
    with door, door.makefile("rwb", buffering=0) as lines:
        for line in iter(lines.readline, b""):
            request = json.loads(line)
            if request["do"] == "fork":
                pid = os.fork()
                if pid == 0:
                    return dict(request)
                children.add(pid)
                answer: Any = pid
            else:
                answer = _status(request["pid"], children)
            lines.write(json.dumps(answer).encode() + b"\n")
    for pid in children:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    return None


def _status(pid: int, children: set[int]) -> int | None:
    """The exit status of a child, negative for a signal; None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    if not found:
        return None
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _become_kernel(request: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    os.chdir(request["cwd"])
    _seed_anew()
    sys.argv = ["ipykernel_launcher.py", *request["words"]]
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    # The class has read the environment when it was imported, before there was this parent to watch.
    parent = os.getppid()
    if len(request["words"]) == 2 and request["words"][0] == "-f":
        from traitlets.config import Config

        # Spares every kernel the parser of some hundred options, of which there is one.
        given = Config(IPKernelApp={"connection_file": request["words"][1], "parent_handle": parent})
        app.parse_command_line = lambda argv=None: app.update_config(given)
    app.initialize([*request["words"], f"--IPKernelApp.parent_handle={parent}"])
    _show_figures()
    app.start()


def _show_figures() -> None:
    """As in a kernel that was started: figures are shown as pictures.

    What matplotlib asks of its environment it has asked when it was imported, and so did its backend for its shell:
    before there was this kernel.
    """
    sys.modules.pop("matplotlib_inline.backend_inline", None)  # imported again with the first figure
    matplotlib, backend = sys.modules.get("matplotlib"), os.environ.get("MPLBACKEND")
    if matplotlib is not None and backend:
        matplotlib.rcParams["backend"] = backend


def _seed_anew() -> None:
    """As in a process that was started: no two kernels draw the same numbers."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")  # not there: it will draw its first seed from the system itself
    if numpy_random is not None:
        numpy_random.seed()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(",") if sys.argv[2] else [])
