"""Text as a terminal would leave it, in constant memory: a progress bar's last state, head and tail of the rest."""

from __future__ import annotations

import re
from collections import deque

_CONTROL = re.compile(r"\r\n|[\r\n\b]|\x1b\[\d*[AK]")
_SPECIAL = re.compile(r"[\r\b]|\x1b\[\d*[AK]")
_SCREEN_LINES = 25
_LINE_LIMIT = 8_192
_PART = 8_192


def cut_middle(text: str, limit: int) -> str:
    """Cut a text that is too long in its middle, with a mark that says by how much.

    Parameters
    ----------
    text : str
        Any text.
    limit : int
        Characters that may stay; the mark comes on top.

    Returns
    -------
    str
        The text, or its head, the mark and its tail.

    Examples
    --------
    >>> cut_middle("abcdefghij", 4)
    'ab\\n… 6 characters left out …\\nij'
    """
    if len(text) <= limit:
        return text
    head, tail = limit - limit // 2, limit // 2
    return f"{text[:head]}{_mark(len(text) - limit)}{text[len(text) - tail :]}"


def _mark(count: int) -> str:
    return f"\n… {count:,} characters left out …\n"


class HeadTail:
    """Keeps the beginning and the end of a text that grows without end.

    Parameters
    ----------
    limit : int
        Characters that are kept, half of them from either end.

    Examples
    --------
    >>> kept = HeadTail(4)
    >>> for letter in "abcdefgh": kept.append(letter)
    >>> kept.text()
    'ab\\n… 4 characters left out …\\ngh'
    """

    def __init__(self, limit: int) -> None:
        self._head_left = limit - limit // 2
        self._tail_limit = limit // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._loose: list[str] = []  # small pieces, joined before they become many
        self._loose_size = 0
        self._dropped = 0

    def append(self, text: str) -> None:
        """Add to the end."""
        self._loose.append(text)
        self._loose_size += len(text)
        if self._loose_size >= _PART:
            self._settle()

    def _settle(self) -> None:
        text = "".join(self._loose)
        self._loose.clear()
        self._loose_size = 0
        if self._head_left > 0:
            self._head.append(text[: self._head_left])
            text, self._head_left = text[self._head_left :], self._head_left - len(self._head[-1])
        if not text:
            return
        if len(text) > self._tail_limit:
            cut = len(text) - self._tail_limit
            self._dropped += self._tail_size + cut
            self._tail.clear()
            self._tail_size = 0
            text = text[cut:]
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= self._tail_limit and len(self._tail) > 1:
            self._tail_size -= len(self._tail[0])
            self._dropped += len(self._tail.popleft())

    def __len__(self) -> int:
        return sum(map(len, self._head)) + self._tail_size + self._loose_size

    def text(self, ending: str = "") -> str:
        """What is kept, with a mark where something is not; `ending` stands behind it, within the limit."""
        self._settle()
        tail = "".join(self._tail) + ending
        if self._head_left > 0:
            whole = "".join(self._head) + tail
            return cut_middle(whole, sum(map(len, self._head)) + self._head_left + self._tail_limit)
        cut = max(0, len(tail) - self._tail_limit)
        dropped = self._dropped + cut
        return "".join(self._head) + (_mark(dropped) if dropped else "") + tail[cut:]


class StreamText:
    """A stream's text with carriage returns, backspaces and "cursor up" carried out, as progress bars need.

    Parameters
    ----------
    limit : int
        Characters that are kept, half of them from either end.

    Examples
    --------
    >>> stream = StreamText(1000)
    >>> for done in ("10%", "50%", "100%"): stream.write(f"\\rfit {done}")
    >>> stream.write("\\nready")
    >>> stream.text()
    'fit 100%\\nready'
    """

    def __init__(self, limit: int) -> None:
        self._kept = HeadTail(limit)
        self._screen = [""]  # the last lines, which may still be written over
        self._row = 0
        self._column = 0

    def write(self, text: str) -> None:
        """Add a chunk; chunks may end anywhere."""
        if self._row == len(self._screen) - 1 and self._column == len(self._screen[-1]) and not _SPECIAL.search(text):
            first, *rest = text.split("\n")
            self._screen[-1] += first
            self._screen.extend(rest)
            self._row, self._column = len(self._screen) - 1, len(self._screen[-1])
        else:
            self._write_over(text)
        self._scroll()

    def _write_over(self, text: str) -> None:
        start = 0
        for control in _CONTROL.finditer(text):
            self._put(text[start : control.start()])
            self._obey(control[0])
            start = control.end()
        self._put(text[start:])

    def _put(self, text: str) -> None:
        """Write over what stands right of the cursor; a line with colour codes is replaced whole."""
        if not text:
            return
        line = self._screen[self._row]
        if self._column == 0 and ("\x1b" in line or "\x1b" in text):
            line = ""
        self._screen[self._row] = line[: self._column] + text + line[self._column + len(text) :]
        self._column += len(text)

    def _obey(self, control: str) -> None:
        if control in ("\n", "\r\n"):
            self._row += 1
            self._column = 0
            if self._row == len(self._screen):
                self._screen.append("")
        elif control == "\r":
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)
        elif control[-1] == "A":
            self._row = max(0, self._row - min(int(control[2:-1] or 1), _SCREEN_LINES))
            self._column = min(self._column, len(self._screen[self._row]))
        elif control in ("\x1b[K", "\x1b[0K"):
            self._screen[self._row] = self._screen[self._row][: self._column]
        elif control == "\x1b[2K":
            self._screen[self._row] = ""
            self._column = 0

    def _scroll(self) -> None:
        """Hand over lines that are out of reach of the cursor, and the beginning of a line that never ends."""
        gone = len(self._screen) - _SCREEN_LINES
        if gone > 0:
            self._kept.append("\n".join(self._screen[:gone]) + "\n")
            del self._screen[:gone]
            self._row = max(0, self._row - gone)
        line = self._screen[-1]
        if len(line) > 2 * _LINE_LIMIT and self._row == len(self._screen) - 1:
            above = "".join(f"{other}\n" for other in self._screen[:-1])
            self._kept.append(above + line[:-_LINE_LIMIT])
            self._screen = [line[-_LINE_LIMIT:]]
            self._row, self._column = 0, max(0, self._column - len(line) + _LINE_LIMIT)

    def __len__(self) -> int:
        return len(self._kept) + sum(map(len, self._screen))

    def text(self) -> str:
        """The text as it stands."""
        return self._kept.text("\n".join(self._screen))
