"""The same views in a terminal, through rich: fitted to its width, plain where there is no terminal or no colour."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import IO, Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Column, Table
from rich.text import Text

from mlops_nb.comparison import MISSING
from mlops_nb.entities import Run, Status
from mlops_nb.panels.card import Card, card_remarks, card_text
from mlops_nb.panels.columns import best_rows, choose_columns, column_label, column_texts, is_numeric
from mlops_nb.panels.comparison import NONE, Sections, comparison_rows, comparison_texts, differs, same_parts
from mlops_nb.panels.format import (
    STATUS_SYMBOLS,
    elide,
    short_ids,
    show_age,
    show_lines,
    show_text,
    show_value,
)

STATUS_STYLES = {
    Status.FINISHED: "green",
    Status.FAILED: "red",
    Status.KILLED: "yellow",
    Status.RUNNING: "blue",
    Status.SCHEDULED: "blue",
}
REMARK_STYLES = {"ok": "green", "warn": "yellow", "": "dim"}
PIPE_WIDTH = 240
"""Width where there is no terminal: the reader of a pipe cuts for itself."""
_GAP = 2


def make_console(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """Make a console that is plain when its output is not a terminal or ``NO_COLOR`` is set.

    Parameters
    ----------
    file : text stream, optional
        Instead of standard output.
    stderr : bool
        Write to standard error.

    Returns
    -------
    rich.console.Console
        Colours and width as the terminal has them; no colour and 240 columns in a pipe.

    Examples
    --------
    >>> import io
    >>> make_console(io.StringIO()).width
    240
    """
    make = functools.partial(
        Console, file=file, stderr=stderr, highlight=False, markup=False, emoji=False, force_jupyter=False
    )
    console = make()
    if console.no_color:
        console = make(color_system=None)  # not bold either
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def print_runs(
    runs: Sequence[Run],
    console: Console | None = None,
    *,
    columns: Sequence[str] | None = None,
    total: int | None = None,
    now: int | None = None,
) -> None:
    """Print a table of runs that fits the terminal: the columns that do not fit are left out, and named.

    Parameters
    ----------
    runs : sequence of Run
        In the order to show.
    console : Console, optional
        From `make_console`.
    columns : sequence of str, optional
        Names like ``metrics.acc`` and ``params.lr``; all of them are shown then.
    total : int, optional
        How many there are in all.
    now : int, optional
        Milliseconds since the epoch: times are shown as ages then.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> run = Run("0198c2f4a1b27cde", "fit", "1", "churn", Status.FINISHED, 0, 1200, metrics={"acc": 0.9})
    >>> print_runs([run], make_console(out), now=60_000); print(out.getvalue().rstrip())
    id            name   started    acc  duration
    0198c2f4a1b2  ✓ fit  1 min ago  0.9    1.20 s
    """
    console = console or make_console()
    if not runs:
        console.print(Text("No runs found.", "dim"))
        return
    wanted = list(columns) if columns is not None else _chosen(runs)
    # The status is shown as the symbol in front of the name.
    name_limit = 32 if console.width >= 100 else 24
    fitted = [
        _run_column(runs, c, now, name_limit) for c in ["run_id", *(c for c in wanted if c not in ("run_id", "status"))]
    ]
    hidden = [] if columns is not None else _fit(fitted, console.width)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim" if console.is_terminal else "")
    for label, _, numeric in fitted:
        table.add_column(label, justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis")
    for row in zip(*(cells for _, cells, _ in fitted), strict=True):
        table.add_row(*row)
    console.print(table)
    count = max(len(runs), total or 0)
    notes = [f"{count - len(runs):,} more runs"] if count > len(runs) else []
    notes += [f"not shown for width: {elide(', '.join(hidden), max(20, console.width - 40))}"] if hidden else []
    if notes:
        console.print(Text(" · ".join(notes), "dim"))


def _chosen(runs: Sequence[Run]) -> list[str]:
    """The usual columns with the duration behind the metrics: in a narrow terminal those matter more."""
    chosen = choose_columns(runs, metrics=8, params=12)
    chosen.remove("duration")
    place = sum(1 for column in chosen if not column.startswith("params."))
    return [*chosen[:place], "duration", *chosen[place:]]


_Fitted = tuple[str, list[Text], bool]


def _run_column(runs: Sequence[Run], column: str, now: int | None, name_limit: int) -> _Fitted:
    label = elide(show_text(column_label(column)), 24)
    if column == "run_id":
        ids = short_ids(run.run_id for run in runs)
        return label, [Text(ids[run.run_id], "dim") for run in runs], False
    if column == "name":
        return label, [_marked_name(run, name_limit) for run in runs], False
    if column == "start_time" and now is not None:
        return label, [Text(show_age(run.start_time, now), "dim") for run in runs], False
    best = best_rows(runs, column)
    texts = column_texts(runs, column, limit=24)
    return label, [Text(t, "bold green" if i in best else "") for i, t in enumerate(texts)], is_numeric(runs, column)


def _marked_name(run: Run, limit: int = 32) -> Text:
    mark = Text(f"{STATUS_SYMBOLS[run.status]} ", STATUS_STYLES[run.status])
    word = "" if run.status is Status.FINISHED else f" {run.status.value.lower()}"
    return mark + Text(show_value(run.name, limit), "bold") + Text(word, STATUS_STYLES[run.status])


def _fit(columns: list[_Fitted], width: int) -> list[str]:
    """Take columns off the right end until the rest fits; returns the labels of those taken."""
    widths = [max(Text(label).cell_len, *(cell.cell_len for cell in cells)) + _GAP for label, cells, _ in columns]
    hidden: list[str] = []
    while len(columns) > 2 and sum(widths) - _GAP > width:
        widths.pop()
        hidden.insert(0, columns.pop()[0])
    return hidden


def print_run(
    run: Run,
    console: Console | None = None,
    *,
    card: Card | None = None,
    sections: Mapping[str, Sequence[tuple[str, Any]]] | None = None,
    code: str = "",
) -> None:
    """Print one run: its card, all params and metrics, what else is known, its code.

    Parameters
    ----------
    run : Run
        The run.
    console : Console, optional
        From `make_console`.
    card : Card, optional
        What stands beside the run on its card.
    sections : mapping, optional
        Title (``environment``, ``git``, ``artifacts``) -> rows of (name, value).
    code : str
        The cell.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> run = Run("0198c2f4a1b27cde", "fit", "1", "churn", Status.FINISHED, 0, 1200, params={"lr": 0.1})
    >>> print_run(run, make_console(out)); print(out.getvalue().splitlines()[0])
    ✓ fit · churn · 1.20 s · 0198c2f4a1b2
    """
    console = console or make_console()
    head = card_text(run, Card()).split("\n")[0]
    console.print(Text(head[:1], STATUS_STYLES[run.status]) + Text(head[1:], "bold"), soft_wrap=True)
    if card and card.error_line:
        console.print(Text(f"  {show_value(card.error_line, 400)}", "red"), soft_wrap=True)
    for words, kind in card_remarks(card or Card()):
        console.print(Text(f"  {words}", REMARK_STYLES[kind]), soft_wrap=True)
    parts: dict[str, Sequence[tuple[str, Any]]] = {
        "metrics": list(run.metrics.items()),
        "params": list(run.params.items()),
        "tags": list(run.tags.items()),
        **(sections or {}),
    }
    for title, rows in parts.items():
        if rows:
            console.print(_section(title, [(name, show_value(value, 400)) for name, value in rows]))
    if code:
        console.print(Text("code", "bold"))
        console.print(code_block(indent(code.rstrip("\n"), "  "), console), soft_wrap=True)


def _section(title: str, rows: Sequence[tuple[str, str]]) -> Group:
    table = Table(box=None, show_header=False, padding=(0, _GAP, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True, max_width=40, overflow="ellipsis")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(show_text(name)), Text(value))
    return Group(Text(show_value(title), "bold"), Padding(table, (0, 0, 0, 2), expand=False))


def code_block(code: str, console: Console, lexer: str = "python") -> Syntax | Text:
    """Colour code for a terminal; plain where there is none.

    Examples
    --------
    >>> import io
    >>> str(code_block("x = 1", make_console(io.StringIO())))
    'x = 1'
    """
    if not console.is_terminal or console.no_color:
        return Text(show_lines(code))
    return Syntax(show_lines(code), lexer, theme="ansi_dark", background_color="default", word_wrap=True)


def print_compare(
    runs: Sequence[Run],
    console: Console | None = None,
    *,
    sections: Sections | None = None,
    code_diff: str = "",
    differences_only: bool = True,
) -> None:
    """Print runs side by side; the first is what the others are measured against.

    Parameters
    ----------
    runs, sections, code_diff, differences_only
        As for `comparison.comparison_table`.
    console : Console, optional
        From `make_console`.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> a = Run("1a", "a", "0", "e", Status.FINISHED, 0, 1, params={"lr": 0.1})
    >>> b = Run("2b", "b", "0", "e", Status.FINISHED, 0, 1, params={"lr": 0.2})
    >>> print_compare([a, b], make_console(out)); print(out.getvalue().rstrip())
            ✓ a  ✓ b
    params
      lr    0.1  0.2
    """
    console = console or make_console()
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="")
    table.add_column("", max_width=36, overflow="ellipsis", no_wrap=True)
    for run in runs:
        table.add_column(_marked_name(run), overflow="fold")
    chosen = comparison_rows(runs, sections, differences_only=differences_only)
    for title, shown, same in chosen:
        if not shown:
            continue
        note = Text(f" ({same} the same)" if same else "", "dim")
        table.add_row(Text(show_value(title), "bold") + note)
        for name, values in shown:
            table.add_row(Text(f"  {show_value(name, 40)}", "dim"), *_compared(title, name, values))
    if table.row_count:
        console.print(table)
    alike = same_parts(chosen)
    if alike:
        console.print(Text(show_value(alike, 400), "dim"))
    if code_diff:
        console.print(Text("code", "bold"))
        console.print(code_block(code_diff.rstrip("\n"), console, "diff"))


def _compared(title: str, name: str, values: Sequence[Any]) -> list[Text]:
    cells = []
    for value, words in zip(values, comparison_texts(title, name, values), strict=True):
        changed = title != "metrics" and differs([value, values[0]])
        cells.append(Text(NONE if value is MISSING else words, "yellow" if changed else ""))
    return cells


def make_progress(console: Console) -> Progress:
    """Make a progress bar over cells or trials; it draws nothing where there is no terminal.

    Parameters
    ----------
    console : Console
        From `make_console`; standard error is the place for it.

    Returns
    -------
    rich.progress.Progress
        To be used as a context manager; ``add_task(description, total=n)``, ``advance``, ``update``.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> with make_progress(make_console(out)) as progress:
    ...     progress.advance(progress.add_task("cells", total=3))
    >>> out.getvalue()
    ''
    """
    return Progress(
        SpinnerColumn(style="blue"),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=28, complete_style="blue", finished_style="green"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=False,
        disable=not console.is_terminal,
    )
