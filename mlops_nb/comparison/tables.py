"""Tables out of HTML, and how two of them differ cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from mlops_nb.comparison.masks import Window
from mlops_nb.comparison.texts import compare_texts
from mlops_nb.comparison.values import Leaf, Level
from mlops_nb.comparison.views import MISSING, Tolerance

__all__ = ["Table", "compare_tables", "read_tables", "read_text"]

Table = list[list[str]]
"""Rows of cells, as text; a cell that spans several stands in each."""

_SPAN_LIMIT = 1_000
_SILENT = frozenset({"style", "script"})


class _Reader(HTMLParser):
    """Collects the tables, and the text outside of them, of an HTML fragment."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self.text: list[str] = []
        self._open: list[Table] = []
        self._cell: list[str] | None = None
        self._spans = (1, 1)
        self._pending: dict[tuple[int, int], str] = {}
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._end_cell()
            self._open.append([])
            self.tables.append(self._open[-1])
        elif self._open and tag == "tr":
            self._end_cell()
            self._open[-1].append([])
        elif self._open and tag in ("td", "th"):
            self._end_cell()
            if not self._open[-1]:
                self._open[-1].append([])
            given = dict(attrs)
            self._spans = (_span(given.get("rowspan")), _span(given.get("colspan")))
            self._cell = []
        elif tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in ("td", "th", "tr"):
            self._end_cell()
        elif tag == "table" and self._open:
            self._end_cell()
            self._open.pop()
            self._pending.clear()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            (self.text if self._cell is None else self._cell).append(data)

    def close(self) -> None:
        super().close()
        self._end_cell()  # HTML may leave every end tag out

    def _end_cell(self) -> None:
        if self._cell is None or not self._open:
            return
        value, self._cell = " ".join("".join(self._cell).split()), None
        table, (down, across) = self._open[-1], self._spans
        row = table[-1]
        self._fill(row, len(table) - 1)
        for _ in range(across):
            for below in range(1, down):
                self._pending[len(table) - 1 + below, len(row)] = value
            row.append(value)
        self._fill(row, len(table) - 1)

    def _fill(self, row: list[str], number: int) -> None:
        while (number, len(row)) in self._pending:
            row.append(self._pending.pop((number, len(row))))


def _span(text: str | None) -> int:
    return max(1, min(_SPAN_LIMIT, int(text))) if text and text.isascii() and text.isdigit() and len(text) < 6 else 1


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def read_tables(html: str) -> list[Table]:
    """The tables of an HTML fragment, empty ones left out.

    Examples
    --------
    >>> read_tables("<table><tr><th>a<th>b<tr><td colspan=2>1</table>")
    [[['a', 'b'], ['1', '1']]]
    """
    tables = [[row for row in table if row] for table in _read(html).tables]
    return [table for table in tables if table]


def read_text(html: str) -> str:
    """What an HTML fragment says outside of its tables, blanks collapsed.

    Examples
    --------
    >>> read_text("<style>b {}</style><p>5 rows</p><table><tr><td>1</table>")
    '5 rows'
    """
    return " ".join("".join(_read(html).text).split())


def compare_tables(
    expected: Table,
    actual: Table,
    tolerance: Tolerance,
    windows: tuple[Window | None, Window | None] = (None, None),
) -> Iterator[Leaf]:
    """The cells in which two tables differ, each named by its row and column.

    A row is named by its first cell, a column by its header. A table of another shape is one difference.

    Examples
    --------
    >>> a = [["", "x"], ["total", "1.5"]]
    >>> [(leaf.path, leaf.expected) for leaf in compare_tables(a, [["", "x"], ["total", "2.5"]], Tolerance())]
    [('[total, x]', '1.5')]
    """
    shapes = [(len(table), max(map(len, table), default=0)) for table in (expected, actual)]
    if shapes[0] != shapes[1]:
        before, after = (f"{rows} rows x {columns} columns" for rows, columns in shapes)
        yield Leaf(" shape", before, after, Level.FAR)
        return
    header = expected[0] if expected else []
    for number, (left, right) in enumerate(zip(expected, actual, strict=True)):
        for column in range(max(len(left), len(right))):
            one = left[column] if column < len(left) else None
            other = right[column] if column < len(right) else None
            if one == other:
                continue
            where = f"[{left[0] if left and left[0] and column else number}, {_column(header, column)}]"
            if one is None or other is None:
                yield Leaf(where, MISSING if one is None else one, MISSING if other is None else other, Level.FAR)
                continue
            level = compare_texts(one, other, tolerance, windows)
            if level is not Level.SAME:
                yield Leaf(where, one, other, level)


def _column(header: list[str], column: int) -> str:
    return header[column] if column < len(header) and header[column] else str(column)
