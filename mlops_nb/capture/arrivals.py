"""Call back when a library is imported, without importing it.

Hooks on pyarrow, seeds for torch, the entropy log of NumPy: all must be in place before the user's first call, also
when the import and the call stand in the same cell. Polling `sys.modules` between cells is too late for that.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["forget", "when_imported"]

Callback = Callable[[ModuleType], None]

_LOCK = threading.RLock()
_WAITING: dict[str, list[Callback]] = {}


def when_imported(name: str, callback: Callback) -> bool:
    """Call `callback` with the module `name`: now if it is imported, else right after its import.

    An exception of the callback never reaches the import: tracking must not break ``import``.

    Parameters
    ----------
    name : str
        Dotted name of the module.
    callback : callable
        Gets the module; called once.

    Returns
    -------
    bool
        True if the module was there and the callback has run.

    Examples
    --------
    >>> import json
    >>> seen = []
    >>> when_imported("json", lambda module: seen.append(module.__name__)), seen
    (True, ['json'])
    """
    with _LOCK:
        module = sys.modules.get(name)
        if not _is_ready(module):
            _WAITING.setdefault(name, []).append(callback)
            if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
                sys.meta_path.insert(0, _Finder())
            return False
    assert module is not None
    _call(callback, module)
    return True


def forget(name: str, callback: Callback) -> None:
    """Take back a callback that has not run yet; nothing happens if it has.

    Examples
    --------
    >>> forget("no_such_module", print)
    """
    with _LOCK, contextlib.suppress(ValueError):
        _WAITING.get(name, []).remove(callback)


def _is_ready(module: ModuleType | None) -> bool:
    """Whether a module has been executed to its end (during its import it is already in `sys.modules`)."""
    if module is None:
        return False
    spec = getattr(module, "__spec__", None)
    return not getattr(spec, "_initializing", False)


def _call(callback: Callback, module: ModuleType) -> None:
    # The import belongs to the user: a hook that does not fit this version of the library is simply not there.
    with contextlib.suppress(Exception):
        callback(module)


class _Finder:
    """Stands first on `sys.meta_path`; finds nothing itself, only marks the loader of a module that is waited for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _WAITING:
            return None
        for finder in list(sys.meta_path):
            if isinstance(finder, _Finder) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                _mark(spec)
                return spec
        return None


def _mark(spec: ModuleSpec) -> None:
    """Let the loader of `spec` tell us when it has executed the module."""
    loader: Any = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def exec_module(module: ModuleType) -> None:
        with contextlib.suppress(AttributeError):
            del loader.exec_module  # the instance's attribute: the loader is as it was
        execute(module)
        with _LOCK:
            callbacks = _WAITING.pop(spec.name, [])
        for callback in callbacks:
            _call(callback, module)

    with contextlib.suppress(AttributeError, TypeError):  # a loader with slots: polling at the next cell has to do
        loader.exec_module = exec_module
