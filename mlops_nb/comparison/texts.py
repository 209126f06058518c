"""Text and code: the same after masking, the same but for close numbers, or different; and how it differs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_nb.comparison.masks import Window, mask_text
from mlops_nb.comparison.values import Level, compare_numbers
from mlops_nb.comparison.views import Tolerance

__all__ = ["Aligned", "Pair", "align_sources", "compare_texts", "diff_code", "side_by_side", "summarise"]

_NUMBER = r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])|(?<![\w.])[-+]?(?:nan|inf|NaN|Infinity)(?!\w)"
_TOKEN = re.compile(rf"(?P<number>{_NUMBER})|[-=─━_*]{{3,}}|\w+|[^\w\s]")
_LINE_LIMIT = 4_000
"""Lines beyond which aligning, which is quadratic, gives way to comparing by position."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of two texts side by side: `op` is ``equal``, ``changed``, ``removed`` or ``added``; numbers from 1."""

    op: str
    left_number: int | None
    left: str
    right_number: int | None
    right: str


@dataclass(frozen=True, slots=True)
class Aligned:
    """A cell of two notebooks side by side: `op` as in `Pair`; positions from 0; `diff` of a changed one."""

    op: str
    left: int | None
    right: int | None
    diff: str = ""


def compare_texts(
    expected: str,
    actual: str,
    tolerance: Tolerance,
    windows: tuple[Window | None, Window | None] = (None, None),
) -> Level:
    """How much two printed texts differ: not at all after masking, only in close numbers, or really.

    Examples
    --------
    >>> compare_texts("<A at 0x7f0011aa>", "<A at 0x7f0022bb>", Tolerance()).name
    'SAME'
    >>> compare_texts("loss 0.30000000000000004", "loss 0.3", Tolerance()).name
    'CLOSE'
    >>> compare_texts("loss 0.3", "loss 0.4", Tolerance()).name
    'FAR'
    """
    if expected == actual:
        return Level.SAME
    one, other = mask_text(expected, windows[0]), mask_text(actual, windows[1])
    if one == other:
        return Level.SAME
    left, right = list(_TOKEN.finditer(one)), list(_TOKEN.finditer(other))
    if len(left) != len(right):
        return Level.FAR
    worst = Level.SAME
    for a, b in zip(left, right, strict=True):
        if a[0] == b[0] or (a[0][0] == b[0][0] and len(set(a[0] + b[0])) == 1):  # rules are as wide as their numbers
            continue
        if a["number"] is None or b["number"] is None:
            return Level.FAR
        worst = max(worst, Level.CLOSE, compare_numbers(_number(a[0]), _number(b[0]), tolerance))
        if worst is Level.FAR:
            break
    return worst


def _number(token: str) -> float:
    return int(token) if re.fullmatch(r"[-+]?\d{1,4000}", token) else float(token)


def diff_code(expected: str, actual: str, names: tuple[str, str] = ("original", "other"), *, context: int = 3) -> str:
    """A unified diff; empty if the code is the same but for blanks at the ends of lines.

    Examples
    --------
    >>> print(diff_code("x = 1", "x = 2"))
    --- original
    +++ other
    @@ -1 +1 @@
    -x = 1
    +x = 2
    """
    left, right = _lines(expected), _lines(actual)
    if left == right:
        return ""
    if max(len(left), len(right)) > _LINE_LIMIT:
        return f"--- {names[0]}\n+++ {names[1]}\n({len(left):,} and {len(right):,} lines: too long to align)"
    return "\n".join(difflib.unified_diff(left, right, *names, lineterm="", n=context))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").rstrip().split("\n")]


def side_by_side(expected: str, actual: str) -> list[Pair]:
    """Two texts line by line, aligned; a changed line stands beside what it became.

    Examples
    --------
    >>> [(p.op, p.left, p.right) for p in side_by_side("a\\nb", "a\\nc\\nd")]
    [('equal', 'a', 'a'), ('changed', 'b', 'c'), ('added', '', 'd')]
    """
    left, right = _lines(expected), _lines(actual)
    pairs: list[Pair] = []
    for op, i1, i2, j1, j2 in _opcodes(left, right):
        for offset in range(max(i2 - i1, j2 - j1)):
            i, j = i1 + offset, j1 + offset
            has_left, has_right = i < i2, j < j2
            name = (
                "equal"
                if op == "equal"
                else "changed"
                if has_left and has_right
                else "removed"
                if has_left
                else "added"
            )
            pairs.append(
                Pair(
                    name,
                    i + 1 if has_left else None,
                    left[i] if has_left else "",
                    j + 1 if has_right else None,
                    right[j] if has_right else "",
                )
            )
    return pairs


def _opcodes(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(left), len(right)) > _LINE_LIMIT:
        return [("replace", 0, len(left), 0, len(right))]
    return list(difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes())


def align_sources(expected: Sequence[str], actual: Sequence[str]) -> list[Aligned]:
    """The cells of two notebooks or slices, aligned: equal ones first, then each changed one beside its likest.

    Examples
    --------
    >>> [(c.op, c.left, c.right) for c in align_sources(["import a", "x = 1"], ["import a", "y()", "x = 2"])]
    [('equal', 0, 0), ('added', None, 1), ('changed', 1, 2)]
    """
    left, right = ["\n".join(_lines(text)) for text in expected], ["\n".join(_lines(text)) for text in actual]
    found: list[Aligned] = []
    for op, i1, i2, j1, j2 in _opcodes(left, right):
        if op == "equal":
            found += [Aligned("equal", i1 + k, j1 + k) for k in range(i2 - i1)]
        else:
            found += _align_block(left, right, range(i1, i2), range(j1, j2))
    return found


def _align_block(left: Sequence[str], right: Sequence[str], rows: range, columns: range) -> list[Aligned]:
    """Cells that are not equal, each beside the first likely one, in order."""
    found: list[Aligned] = []
    start = columns.start
    for i in rows:
        likest = max(
            (j for j in range(start, min(columns.stop, start + 20))),
            key=lambda j: _likeness(left[i], right[j]),
            default=-1,
        )
        if likest < 0 or _likeness(left[i], right[likest]) < 0.5:
            found.append(Aligned("removed", i, None))
            continue
        found += [Aligned("added", None, j) for j in range(start, likest)]
        found.append(Aligned("changed", i, likest, diff_code(left[i], right[likest])))
        start = likest + 1
    return found + [Aligned("added", None, j) for j in range(start, columns.stop)]


def _likeness(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one[:4_000], other[:4_000], autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= 0.5 and matcher.quick_ratio() >= 0.5 else 0.0


def summarise(text: str, limit: int = 300) -> str:
    """A text short enough to be shown in a list of differences.

    Examples
    --------
    >>> summarise("a" * 1000, 10)
    'aaaaaaaaa…'
    """
    text = text.strip("\n")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
