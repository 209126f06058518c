"""Handing the active run to threads and executors, as tasks inherit it by themselves.

`threading.Thread.start` and `ThreadPoolExecutor.submit` are wrapped once, when the first run of the process starts.
A thread
keeps the run of the place that started it; a task of a pool the run of the place that submitted it, since pool threads
are reused. Workers of `multiprocessing.pool.ThreadPool` (joblib's threading backend) get their tasks through a queue
that
carries no context: they log to the run that is active in the process.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mlops_nb.tracking import active

_installed = False


def install() -> None:
    """Wrap thread and executor starts; the second call does nothing.

    Examples
    --------
    >>> install()
    """
    global _installed
    if _installed:
        return
    _installed = True
    _wrap_thread_start()
    _wrap_submit()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    from mlops_nb import workspace

    before = workspace.replace_current(None)
    if before is not None:
        before.forget_connections()
        workspace.replace_current(before)
    active.reset_after_fork()


def _is_pool_worker(thread: threading.Thread) -> bool:
    if thread.name == "mlops_nb-drain":
        return True
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", None) in ("concurrent.futures.thread", "multiprocessing.pool")


def _wrap_thread_start() -> None:
    start = threading.Thread.start

    @functools.wraps(start)
    def start_with_run(self: threading.Thread) -> None:
        run = active.current_run()
        if run is not None and not _is_pool_worker(self) and "run" not in vars(self):
            original = self.run

            def run_in_run() -> None:
                # The instance's attribute made a cycle through the thread: break it as soon as it has served.
                vars(self).pop("run", None)
                active.bound.set(run)
                original()

            self.run = run_in_run  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = start_with_run  # type: ignore[method-assign]


def _wrap_submit() -> None:
    submit = ThreadPoolExecutor.submit

    @functools.wraps(submit)  # type: ignore[arg-type]
    def submit_with_run(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        run = active.current_run()
        if run is None:
            return submit(self, fn, *args, **kwargs)
        return submit(self, _Bound(fn, run), *args, **kwargs)

    ThreadPoolExecutor.submit = submit_with_run  # type: ignore[method-assign, assignment]


class _Bound:
    """A call with the run that it was submitted in."""

    __slots__ = ("fn", "run")

    def __init__(self, fn: Callable[..., Any], run: Any) -> None:
        self.fn = fn
        self.run = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = active.bound.set(self.run)
        try:
            return self.fn(*args, **kwargs)
        finally:
            active.bound.reset(token)
