"""What a cell displayed, as nbformat outputs within size budgets."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_nb.capture.streams import StreamText, cut_middle

_MAX_OUTPUTS = 1_000
_METADATA_LIMIT = 65_536
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_CUTTABLE = ("text/plain", "text/markdown", "text/latex")


@dataclass(slots=True)
class _Entry:
    """One output: a stream that still grows, or the finished parts of another."""

    output: dict[str, Any]
    stream: StreamText | None = None
    display_id: str | None = None
    size: int = 0


class OutputCollector:
    """Turns Jupyter messages into nbformat outputs, in bounded memory. Any thread may call any method.

    Streams keep head and tail, with a mark between; progress bars keep their last state. A text that is too long is
    cut in its middle, other content that is too large is replaced by a note. If there are too many outputs, the first
    and the last ones stay, and a note says how many are missing.

    Parameters
    ----------
    per_output : int
        Budget of one output, in characters (base64 for images).
    total : int
        Budget of all of them.
    max_outputs : int
        How many outputs are kept.

    Examples
    --------
    >>> collector = OutputCollector()
    >>> collector.add("stream", {"name": "stdout", "text": "hello "})
    >>> collector.add("stream", {"name": "stdout", "text": "world"})
    >>> collector.outputs()
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'hello world'}]
    """

    def __init__(
        self, *, per_output: int = 1_048_576, total: int = 10_485_760, max_outputs: int = _MAX_OUTPUTS
    ) -> None:
        self._per_output = min(per_output, total)
        self._total = total
        self._max_outputs = max(2, max_outputs)
        self._lock = threading.RLock()
        self._reset()

    def _reset(self) -> None:
        self._entries: list[_Entry] = []
        self._gap: int | None = None  # where outputs were left out
        self._left_out = 0
        self._size = 0
        self._clear_next = False

    def add(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take one message.

        Parameters
        ----------
        kind : str
            The message's type: ``stream``, ``display_data``, ``update_display_data``, ``execute_result``, ``error`` or
            ``clear_output``; others are ignored.
        content : mapping
            Its content, as the kernel sends it.

        Examples
        --------
        >>> collector = OutputCollector()
        >>> collector.add("display_data", {"data": {"text/plain": "1"}, "transient": {"display_id": "a"}})
        >>> collector.add("update_display_data", {"data": {"text/plain": "2"}, "transient": {"display_id": "a"}})
        >>> collector.outputs()[0]["data"]
        {'text/plain': '2'}
        """
        with self._lock:
            if kind == "clear_output":
                if content.get("wait"):
                    self._clear_next = True
                else:
                    self._reset()
            elif kind == "update_display_data":
                self._update(content)
            elif kind == "stream":
                self._write(_text(content.get("name")) or "stdout", _text(content.get("text")))
            elif kind in ("display_data", "execute_result"):
                self._append(_Entry(self._rich(kind, content), display_id=_display_id(content)))
            elif kind == "error":
                self._append(_Entry(_error(content, self._per_output)))

    def _before_output(self) -> None:
        if self._clear_next:
            self._reset()

    def _write(self, name: str, text: str) -> None:
        if not text:
            return
        self._before_output()
        last = self._entries[-1] if self._entries else None
        if last is None or last.stream is None or last.output["name"] != name:
            stream = StreamText(self._per_output)
            last = _Entry({"output_type": "stream", "name": name, "text": ""}, stream)
            self._entries.append(last)
        assert last.stream is not None  # it was made or tested above
        last.stream.write(text)
        self._measure(last, len(last.stream))

    def _rich(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        output: dict[str, Any] = {
            "output_type": kind,
            "data": _bounded_bundle(content.get("data"), self._per_output),
            "metadata": _bounded_metadata(content.get("metadata")),
        }
        if kind == "execute_result":
            output["execution_count"] = content.get("execution_count")
        return output

    def _append(self, entry: _Entry) -> None:
        self._before_output()
        self._entries.append(entry)
        self._measure(entry, _size_of(entry.output))

    def _update(self, content: Mapping[str, Any]) -> None:
        display_id = _display_id(content)
        if display_id is None:
            return
        for entry in [entry for entry in self._entries if entry.display_id == display_id]:
            made = self._rich("display_data", content)
            entry.output.update(data=made["data"], metadata=made["metadata"])
            self._measure(entry, _size_of(entry.output))

    def _measure(self, entry: _Entry, size: int) -> None:
        """Note an output's size, and leave out the oldest of the middle while there is too much."""
        self._size += size - entry.size
        entry.size = size
        while len(self._entries) > self._max_outputs or (self._size > self._total and len(self._entries) > 1):
            if self._gap is None:
                self._gap = len(self._entries) // 2
            self._gap = min(self._gap, len(self._entries) - 2)
            self._size -= self._entries.pop(self._gap).size
            self._left_out += 1

    def outputs(self) -> list[dict[str, Any]]:
        """The outputs so far, as nbformat 4 writes them.

        Returns
        -------
        list of dict
            New ones with every call; what they hold is shared and not to be changed.

        Examples
        --------
        >>> OutputCollector().outputs()
        []
        """
        with self._lock:
            made = []
            for place, entry in enumerate(self._entries):
                if self._left_out and place == self._gap:
                    made.append(_note(f"… {self._left_out:,} outputs left out …"))
                output = dict(entry.output)
                if entry.stream is not None:
                    output["text"] = entry.stream.text()
                made.append(output)
            return made


def _note(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


def _text(value: object) -> str:
    """A text that may have been written as a list of lines."""
    if isinstance(value, str):
        return value
    return "".join(line for line in value if isinstance(line, str)) if isinstance(value, list) else ""


def _display_id(content: Mapping[str, Any]) -> str | None:
    transient = content.get("transient")
    found = transient.get("display_id") if isinstance(transient, Mapping) else None
    return found if isinstance(found, str) else None


def _bounded_bundle(data: object, limit: int) -> dict[str, Any]:
    """A mime bundle within a budget: texts are cut, the rest is replaced by a note in ``text/plain``."""
    if not isinstance(data, Mapping):
        return {}
    kept: dict[str, Any] = {}
    notes: list[str] = []
    left = limit
    values = {str(mime): _plain_value(value) for mime, value in list(data.items())}
    for mime in sorted(values, key=lambda mime: (mime not in _CUTTABLE, _length(values[mime]))):
        value = values[mime]
        if mime in _CUTTABLE and isinstance(value, str):
            value = cut_middle(value, max(limit // 4, 1))
        if _length(value) <= left:
            kept[mime] = value
            left -= _length(value)
        else:
            notes.append(f"[{mime} of {_length(value):,} characters left out: more than the {limit:,} that are kept]")
    if notes:
        plain = kept.get("text/plain")
        kept["text/plain"] = "\n".join([*([plain] if isinstance(plain, str) else []), *notes])
    return {mime: kept[mime] for mime in [*values, "text/plain"] if mime in kept}


def _plain_value(value: object) -> Any:
    """Bytes as the base64 that nbformat has; a list of lines as text; JSON as it is."""
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    try:
        return len(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return 1 << 62  # no JSON: it could not be stored


def _bounded_metadata(metadata: object) -> dict[str, Any]:
    return dict(metadata) if isinstance(metadata, Mapping) and _length(dict(metadata)) <= _METADATA_LIMIT else {}


def _error(content: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """An error output; a traceback that is too long keeps the first and the last frames."""
    lines = content.get("traceback")
    lines = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    if sum(map(len, lines)) > limit:
        lines = cut_middle("\n".join(lines), limit).split("\n")
    return {
        "output_type": "error",
        "ename": cut_middle(_text(content.get("ename")), 1_000),
        "evalue": cut_middle(_text(content.get("evalue")), limit // 4),
        "traceback": lines,
    }


def _size_of(output: Mapping[str, Any]) -> int:
    if output["output_type"] == "error":
        return len(output["evalue"]) + sum(map(len, output["traceback"]))
    return sum(map(_length, output["data"].values())) + _length(output["metadata"])


def text_of(outputs: Iterable[Mapping[str, Any]]) -> str:
    """What outputs say, as plain text: for search, for comparison and for a terminal.

    Parameters
    ----------
    outputs : iterable of mapping
        nbformat outputs.

    Returns
    -------
    str
        Streams and plain representations, one after another, without colours; an image is its mime type.

    Examples
    --------
    >>> text_of([{"output_type": "stream", "name": "stdout", "text": "a\\n"},
    ...          {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}])
    'a\\nValueError: no'
    """
    parts = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            text = _text(output.get("text"))
        elif kind == "error":
            text = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
        else:
            text = _text_of_bundle(output.get("data"))
        if text:
            parts.append(_ANSI.sub("", text).rstrip("\n"))
    return "\n".join(parts)


def _text_of_bundle(data: object) -> str:
    if not isinstance(data, Mapping):
        return ""
    for mime in _CUTTABLE:
        if mime in data:
            return _text(data[mime])
    if "text/html" in data:
        return " ".join(_TAG.sub(" ", _text(data["text/html"])).split())
    return "".join(f"[{mime}]" for mime in list(data)[:1])
