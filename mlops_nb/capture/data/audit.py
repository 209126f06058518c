"""The audit hook: what Python itself opens, renames, removes, connects to and starts.

An audit hook can never be taken away again, and Python calls it for every event in the process; so it leaves after one
dict lookup and one truth test unless an execution is running.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from typing import Any

from mlops_nb.capture.data.accesses import ACTIVE, Collector, absolute, current
from mlops_nb.capture.data.urls import redact_url, request_url

__all__ = ["WORDS_SEEN", "connection_path", "install"]

WORDS_SEEN: list[Callable[[Collector, list[str]], None]] = []
"""Called with the words of a command line before the child process starts (the folder watch looks for paths in it)."""

_INSTALLED: list[bool] = []
_CONNECTIONS: dict[int, str] = {}
_OPENING: dict[str, str] = {}


def install() -> None:
    """Install the hook, once in the life of the process.

    Examples
    --------
    >>> install(); install()
    """
    if _INSTALLED:
        return
    _INSTALLED.append(True)
    find = _HANDLERS.get

    def mlops_nb_audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
        handler = find(event)
        if handler is None or not ACTIVE:
            return
        try:
            handler(arguments)
        except Exception:
            # Raising here would fail the user's open(). What is lost is one access, which the folder watch may see.
            return

    sys.addaudithook(mlops_nb_audit_hook)


def connection_path(connection: object) -> str | None:
    """The file behind a `sqlite3.Connection` that was opened while an execution ran; None if it is not known.

    Examples
    --------
    >>> connection_path(object()) is None
    True
    """
    return _CONNECTIONS.get(id(connection))


def _opened(arguments: tuple[Any, ...]) -> None:
    name, mode, flags = arguments
    if type(name) is int or (collector := current()) is None:
        return
    path = absolute(name)
    if path is not None:
        collector.note(path, _operation(mode, flags), "audit")


def _operation(mode: str | None, flags: int) -> str:
    if mode is None:
        if not flags & (os.O_WRONLY | os.O_RDWR):
            return "r"
        if flags & os.O_TRUNC:
            return "w"
        if flags & os.O_APPEND:
            return "a"
        # Without O_TRUNC old bytes stay in the file: what it holds afterwards depends on what it held before
        return "+" if not flags & os.O_EXCL else "w"
    if "r" in mode:
        return "+" if "+" in mode else "r"
    return "a" if "a" in mode else "w"


def _pair(first: str, second: str) -> Callable[[tuple[Any, ...]], None]:
    """A handler of an event with two paths: what happens to the first and to the second."""

    def handle(arguments: tuple[Any, ...]) -> None:
        if (collector := current()) is None:
            return
        for name, operation in ((arguments[0], first), (arguments[1], second)):
            path = absolute(name)
            if path is not None:
                collector.note(path, operation, "audit")

    return handle


def _single(operation: str) -> Callable[[tuple[Any, ...]], None]:
    def handle(arguments: tuple[Any, ...]) -> None:
        if (collector := current()) is not None and (path := absolute(arguments[0])) is not None:
            collector.note(path, operation, "audit")

    return handle


def _connecting(arguments: tuple[Any, ...]) -> None:
    name = os.fsdecode(arguments[0]) if isinstance(arguments[0], bytes) else arguments[0]
    _OPENING.pop("path", None)
    if (collector := current()) is None:
        return
    if isinstance(name, str) and name.startswith("file:"):
        name = name[len("file:") :].partition("?")[0]
        name = "/" + name.lstrip("/") if name.startswith("//") else name
    if name in ("", ":memory:") or (path := absolute(name)) is None:
        return
    _OPENING["path"] = path
    collector.note_database(path)


def _connected(arguments: tuple[Any, ...]) -> None:
    path = _OPENING.pop("path", None)
    if path is not None:
        if len(_CONNECTIONS) > 1000:
            _CONNECTIONS.clear()
        _CONNECTIONS[id(arguments[0])] = path


def _requested(arguments: tuple[Any, ...]) -> None:
    url, data, _headers, method = arguments
    if (collector := current()) is None or type(url) is not str:
        return
    mode = "read" if method in ("GET", "HEAD", None) and data is None else "write"
    collector.note_remote("url", redact_url(url), mode, "audit")


def _sent(arguments: tuple[Any, ...]) -> None:
    connection, data = arguments
    if type(data) is not bytes or (collector := current()) is None:
        return
    found = request_url(connection, data)
    if found is not None:
        method, url = found
        collector.note_remote("url", redact_url(url), "read" if method in ("GET", "HEAD") else "write", "audit")


def _started(arguments: tuple[Any, ...]) -> None:
    """A child process: its command line names the folders that are worth watching."""
    if (collector := current()) is None:
        return
    words: list[str] = []
    for argument in arguments[:2]:
        if isinstance(argument, bytes):
            argument = os.fsdecode(argument)
        if isinstance(argument, str):
            words += _split(argument)
        elif isinstance(argument, list | tuple):
            for word in argument:
                if isinstance(word, bytes):
                    word = os.fsdecode(word)
                if isinstance(word, str):
                    words += [word, *_split(word)]
    for see in WORDS_SEEN:
        see(collector, words)


def _forked(arguments: tuple[Any, ...]) -> None:
    if (collector := current()) is not None:
        collector.interprets = True


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command.replace(">", " ").replace("<", " ").replace(";", " ").replace("|", " "))[:200]
    except ValueError:  # an open quote: a here-document or a regular expression
        return command.split()[:200]


_HANDLERS: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "open": _opened,
    "os.rename": _pair("d", "w"),
    "os.link": _pair("r", "w"),
    "os.remove": _single("d"),
    "os.rmdir": _single("d"),
    "os.truncate": _single("+"),
    "sqlite3.connect": _connecting,
    "sqlite3.connect/handle": _connected,
    "urllib.Request": _requested,
    "http.client.send": _sent,
    "subprocess.Popen": _started,
    "os.system": _started,
    "os.posix_spawn": _started,
    "pty.spawn": _started,
    "os.fork": _forked,
}
