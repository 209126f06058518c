"""Listening to what a cell shows, on its way to the front end; nothing of it is changed or held up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]
"""``listener(msg_type, content)``, with Jupyter's message types."""


class Tap:
    """Connects the streams, displays and results of a shell to a listener, while one is set.

    In a kernel the messages themselves are seen, in the threads that send them; the user's `sys.stdout` is not touched.
    In a terminal shell the streams are wrapped while a cell runs.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.listener: Listener | None = None
        self._parent = ""
        self._installed: set[int] = set()
        self._displayed_by: Any = None
        self._wrapped: list[tuple[str, Any, _Tee]] = []

    def start(self, listener: Listener) -> None:
        """Begin to listen; called before a cell, in the cell's thread."""
        self._install()
        self._parent = _parent_id(sys.stdout)
        self.listener = listener
        if not hasattr(sys.stdout, "pub_thread"):
            self._wrap_streams(listener)

    def stop(self) -> None:
        """Let streams arrive, and listen no more."""
        _flush_streams()
        self._unwrap_streams()
        self.listener = None

    def _install(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            thread = getattr(stream, "pub_thread", None)
            if thread is not None and hasattr(stream, "register_hook") and id(stream) not in self._installed:
                self._installed.add(id(stream))
                ready = threading.Event()
                thread.schedule(_registration(stream, self._stream_message, ready))  # hooks are per thread
                ready.wait(1.0)
        publisher = self.shell.display_pub
        if hasattr(publisher, "register_hook") and id(publisher) not in self._installed:
            self._installed.add(id(publisher))
            publisher.register_hook(self._display_message)
        elif id(publisher) not in self._installed and hasattr(publisher, "publish"):
            self._installed.add(id(publisher))
            self._wrap_publish(publisher)
        hook = self.shell.displayhook
        if id(hook) not in self._installed and hasattr(hook, "write_format_data"):
            self._installed.add(id(hook))
            self._wrap_results(hook)

    def _stream_message(self, message: dict[str, Any]) -> dict[str, Any]:
        listener = self.listener
        if listener is not None:
            parent = message.get("parent_header") or {}
            if not self._parent or parent.get("msg_id") == self._parent:
                _tell(listener, "stream", message["content"])
        return message

    def _display_message(self, message: dict[str, Any]) -> dict[str, Any]:
        listener = self.listener
        if listener is not None:
            _tell(listener, message["header"]["msg_type"], message["content"])
        return message

    def _wrap_publish(self, publisher: Any) -> None:
        original = publisher.publish

        def publish(data: Any, metadata: Any = None, **options: Any) -> Any:
            listener = self.listener
            if listener is not None:
                kind = "update_display_data" if options.get("update") else "display_data"
                content = {"data": data, "metadata": metadata or {}, "transient": options.get("transient") or {}}
                _tell(listener, kind, content)
            return original(data, metadata, **options)

        publisher.publish = publish

    def _wrap_results(self, hook: Any) -> None:
        original = hook.write_format_data

        def write_format_data(format_dict: Any, md_dict: Any = None) -> Any:
            listener = self.listener
            if listener is not None:
                _flush_streams()  # the shell does so itself a moment later: what was printed before comes before
                content = {"data": dict(format_dict), "metadata": md_dict or {}, "execution_count": hook.prompt_count}
                _tell(listener, "execute_result", content)
            return original(format_dict, md_dict)

        hook.write_format_data = write_format_data

    def _wrap_streams(self, listener: Listener) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            tee = _Tee(stream, name, listener)
            self._wrapped.append((name, stream, tee))
            setattr(sys, name, tee)

    def _unwrap_streams(self) -> None:
        for name, stream, tee in self._wrapped:
            if getattr(sys, name) is tee:  # else the cell has put a stream of its own there
                setattr(sys, name, stream)
        self._wrapped.clear()


class _Tee:
    """A text stream that also tells what is written; everything else is the stream's own."""

    def __init__(self, stream: Any, name: str, listener: Listener) -> None:
        self._stream = stream
        self._name = name
        self._listener = listener

    def write(self, text: str) -> Any:
        _tell(self._listener, "stream", {"name": self._name, "text": text})
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _flush_streams() -> None:
    thread = getattr(sys.stdout, "pub_thread", None)
    if thread is not None and _flush_together(thread):
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # a stream of the user's own: its faults are not ours
            continue


def _flush_together(thread: Any) -> bool:
    """Both streams of a kernel in one errand of the thread that sends them; their own `flush` takes two each."""
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    alive = getattr(getattr(thread, "thread", None), "is_alive", bool)()
    if not alive or thread.thread is threading.current_thread():
        return False
    if not all(type(each).__module__ == "ipykernel.iostream" and hasattr(each, "_flush") for each in streams):
        return False
    done = threading.Event()

    def flush() -> None:
        try:
            for each in streams:
                each._flush()
        finally:
            done.set()

    thread.schedule(flush)
    return done.wait(10.0)


def _registration(stream: Any, hook: Any, ready: threading.Event) -> Callable[[], None]:
    def register() -> None:
        stream.register_hook(hook)
        ready.set()

    return register


def _parent_id(stream: Any) -> str:
    header = getattr(stream, "parent_header", None) or {}
    return str(header.get("msg_id", "")) if isinstance(header, dict) else ""


def _tell(listener: Listener, kind: str, content: dict[str, Any]) -> None:
    try:
        listener(kind, content)
    except Exception:
        pass
