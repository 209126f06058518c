"""Hooks on libraries that read and write below Python's sight: marked, thin, and only in libraries that are imported.

Each replaced function carries ``__mlops_nb_hook__`` (the library's name) and ``__wrapped__`` (the original).
A hook notes the path that the call was given and calls the original; it never looks at data.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from glob import iglob
from itertools import islice
from pathlib import PurePath
from types import ModuleType
from typing import Any

from mlops_nb.capture.arrivals import when_imported
from mlops_nb.capture.data.accesses import ACTIVE, Collector, absolute, current
from mlops_nb.capture.data.urls import is_url, redact_statement, redact_url, statement_mode

__all__ = ["Hook", "install_hooks", "note_paths", "note_statement"]

PATHS_LIMIT = 10_000
"""Paths that are noted of one call that is given a list or a pattern."""

Noter = Callable[[Collector, str, tuple[Any, ...], dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a library reads or writes: `module` and `name` (``function`` or ``Class.method``), and what to note.

    `position` and `keyword` say which argument is the path (a method's first argument is `self`, position 0).
    `mode` is ``r`` or ``w``, or a function that gets the arguments. `note` replaces all of that.
    """

    module: str
    name: str
    position: int = 0
    keyword: str = "source"
    mode: str | Callable[[tuple[Any, ...], dict[str, Any]], str] = "r"
    note: Noter | None = None

    @property
    def library(self) -> str:
        """The library's short name, as it stands in the record."""
        return self.module.partition(".")[0]


def install_hooks(hooks: tuple[Hook, ...], listeners: Mapping[str, Callable[[ModuleType], None]]) -> None:
    """Put hooks into the libraries that are imported, and into others when they are.

    Parameters
    ----------
    hooks : tuple of Hook
        What to replace.
    listeners : mapping
        Module name to a function that registers a listener by the library's own means.

    Examples
    --------
    >>> install_hooks((), {})
    """
    by_module: dict[str, list[Hook]] = {}
    for hook in hooks:
        by_module.setdefault(hook.module, []).append(hook)
    for name, wanted in by_module.items():
        when_imported(name, functools.partial(_replace_all, wanted))
    for name, register in listeners.items():
        when_imported(name, register)


def _replace_all(hooks: list[Hook], module: ModuleType) -> None:
    for hook in hooks:
        owner_name, _, member = hook.name.rpartition(".")
        owner: Any = vars(module).get(owner_name) if owner_name else module
        if owner is None:
            continue
        original = vars(owner).get(member)
        if not callable(original) or hasattr(original, "__mlops_nb_hook__"):
            continue
        try:
            _replace(owner, member, original, _wrapped(original, hook))
        except (AttributeError, TypeError):  # an extension type that may not be changed: the folder watch is left
            continue


def _replace(owner: Any, member: str, original: Any, wrapper: Any) -> None:
    """Set the wrapper wherever the library shows the same function, so that pickling by name still finds it."""
    setattr(owner, member, wrapper)
    if not isinstance(owner, ModuleType):
        return
    top = owner.__name__.partition(".")[0]
    for name in {top, getattr(original, "__module__", None) or top, owner.__name__.rpartition(".")[0] or top}:
        module = sys.modules.get(name)
        if module is not None and vars(module).get(member) is original:
            setattr(module, member, wrapper)


def _wrapped(original: Callable[..., Any], hook: Hook) -> Callable[..., Any]:
    via = f"hook:{hook.library}"

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves the frame out of the user's traceback
        if ACTIVE:
            _note(hook, via, args, kwargs)
        return original(*args, **kwargs)

    hooked.__mlops_nb_hook__ = hook.library  # type: ignore[attr-defined]
    return hooked


def _note(hook: Hook, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        collector = current()
        if collector is None:
            return
        if hook.note is not None:
            hook.note(collector, via, args, kwargs)
            return
        value = kwargs.get(hook.keyword) if len(args) <= hook.position else args[hook.position]
        mode = hook.mode if isinstance(hook.mode, str) else hook.mode(args, kwargs)
        note_paths(collector, via, value, mode)
    except Exception:
        return  # the library's call is the user's: whatever is odd about its arguments, the library says it


def note_paths(collector: Collector, via: str, value: object, mode: str) -> None:
    """Note a path, a URL, a pattern, or a list of these; open files and buffers were seen when they were opened.

    Examples
    --------
    >>> c = Collector("cell"); note_paths(c, "hook:x", ["/data/a.csv", "s3://bucket/b"], "r")
    >>> list(c.files), [entry[1] for entry in c.remote]
    ([('/data/a.csv', 'r', 'hook:x')], ['s3://bucket/b'])
    """
    if type(value) in (list, tuple):
        for item in islice(value, PATHS_LIMIT):  # type: ignore[call-overload]
            note_paths(collector, via, item, mode)
        return
    if not isinstance(value, str | bytes | PurePath):
        return
    text = os.fsdecode(value) if isinstance(value, bytes) else str.__str__(value) if isinstance(value, str) else None
    if text is not None and is_url(text):
        if text.startswith("file://"):
            value = text.removeprefix("file://")
        else:
            collector.note_remote("url", redact_url(text), "read" if mode == "r" else "write", via)
            return
    path = absolute(value)
    if path is None or (text is not None and "\n" in text):  # JSON or CSV given as text
        return
    if mode == "r" and any(sign in path for sign in "*?[") and not os.path.lexists(path):
        for match in islice(iglob(path, recursive=True), PATHS_LIMIT):
            collector.note(match, mode, via)
        return
    collector.note(path, mode, via)


_QUOTED = re.compile(r"(\bto\s+)?'([^'\n]{1,1000})'", re.IGNORECASE)
_FILE_LIKE = re.compile(r"(?i)\.(csv|tsv|txt|json|jsonl|ndjson|parquet|pq|arrow|feather|db|duckdb|sqlite|xlsx)(\.\w{2,3})?$|\*|://")


def note_statement(collector: Collector, via: str, address: str, statement: str, *, files: bool = False) -> None:
    """Note a statement; with `files`, also the files that stand in it as quoted text (DuckDB, Polars).

    Examples
    --------
    >>> c = Collector("cell"); note_statement(c, "hook:duckdb", "duckdb:", "select * from '/d/a.csv'", files=True)
    >>> list(c.files), len(c.remote)
    ([('/d/a.csv', 'r', 'hook:duckdb')], 1)
    """
    collector.note_remote("sql", redact_url(address), statement_mode(statement), via, redact_statement(statement))
    if files:
        for target, text in _QUOTED.findall(statement):
            if _FILE_LIKE.search(text):
                note_paths(collector, via, text, "w" if target else "r")
