"""A sweep as static HTML and plain text: where it stands, the best points, parallel coordinates, importance."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from mlops_nb.panels.charts import bar_chart, parallel_coordinates
from mlops_nb.panels.columns import show_param
from mlops_nb.panels.format import elide, short_id, short_ids, show_column, show_duration, show_number, show_text
from mlops_nb.panels.markup import number_cell, picture, table, tag, text
from mlops_nb.projects.parameters import recordable
from mlops_nb.projects.sweeps.board import Board, Point, Trial

SHOWN_POINTS = 12
"""Best points in the table; all trials are runs, and listed as such."""

DRAWN_POINTS = 400
"""Lines of the plot: the best, and the rest thinned out evenly by rank."""

AXES = 8
WORDS = {"finished": "done", "running": "running", "waiting": "to go", "failed": "failed", "killed": "killed",
         "stopped": "stopped early"}  # fmt: skip
TONES = {"finished": "finished", "running": "running", "failed": "failed", "killed": "killed", "stopped": "killed"}


def summary(board: Board) -> list[tuple[str, str]]:
    """What stands in the head: (state, words) of each part, those that are nothing left out.

    Examples
    --------
    >>> summary(Board("s", ["a"], 4, trials={0: Trial(0, 0, {"a": 1}, state="finished", seconds=2.0)}))
    [('finished', '1 done'), ('waiting', '3 to go'), ('left', 'about 6.0 s left')]
    """
    counts = board.counts()
    parts = [(state, f"{counts[state]:,} {word}") for state, word in WORDS.items() if counts[state]]
    left = board.seconds_left()
    if board.state == "running" and left:
        parts.append(("left", f"about {_rough(left)} left"))
    if board.state == "interrupted":
        parts.append(("killed", "interrupted"))
    if board.state == "failed":
        parts.append(("failed", "stopped by an error"))
    return parts


def _rough(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else show_duration(round(seconds) * 1000).replace(".0 s", " s")


def sweep_rows(board: Board, points: Sequence[Point]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of points, as text.

    Examples
    --------
    >>> trial = Trial(0, 0, {"a": 1}, state="finished", metrics={"acc": 0.5}, run_id="ab", seconds=1.5)
    >>> sweep_rows(board := Board("s", ["a"], 1, "acc", trials={0: trial}), board.points())
    (['trial', 'a', 'acc', 'time', 'run'], [['0', '1', '0.5', '1.50 s', 'ab']])
    """
    seeded = board.seeds > 1
    header = ["point" if seeded else "trial", *map(show_text, board.axes)]
    columns = [[str(point.index if seeded else point.trials[0].number) for point in points]]
    columns += [[show_param(recordable(point.values.get(name)), 40) for point in points] for name in board.axes]
    if board.metric is not None:
        header.append(show_text(board.metric))
        columns.append(show_column([point.mean for point in points]))
    if seeded:
        header += ["± std", "seeds"]
        columns.append([show_number(p.std, 2) if p.std is not None else "" for p in points])
        columns.append([f"{sum(t.state == 'finished' for t in p.trials)}/{board.seeds}" for p in points])
    header += ["time", "run"]
    columns.append([_time(point) for point in points])
    runs = [_run_of(board, point) for point in points]
    ids = short_ids(runs)  # trials that begin in the same millisecond differ only behind it
    columns.append([ids[run] for run in runs])
    return header, [list(row) for row in zip(*columns, strict=True)]


def _time(point: Point) -> str:
    spent = [trial.seconds for trial in point.trials if trial.seconds is not None]
    return show_duration(sum(spent) * 1000) if spent else ""


def _run_of(board: Board, point: Point) -> str:
    known = [trial for trial in point.trials if board.objective(trial) is not None] or list(point.trials)
    return known[0].run_id


def shown_points(board: Board, limit: int = SHOWN_POINTS) -> list[Point]:
    """The best points, or without a metric the latest ones.

    Examples
    --------
    >>> trials = {n: Trial(n, n, {"a": n}, state="finished") for n in range(20)}
    >>> [point.index for point in shown_points(Board("s", ["a"], 20, trials=trials), 2)]
    [19, 18]
    """
    ranked = board.ranked()
    if ranked:
        return ranked[:limit]
    return [point for point in reversed(board.points()) if any(t.state != "waiting" for t in point.trials)][:limit]


def parallel_svg(board: Board) -> str:
    """The points as lines over the parameters that vary and the metric; the best one stands out. "" if there are few.

    Examples
    --------
    >>> trials = {n: Trial(n, n, {"a": n}, state="finished", metrics={"acc": n}) for n in range(3)}
    >>> parallel_svg(Board("s", ["a"], 3, "acc", trials=trials)).count("<path")
    3
    """
    ranked = board.ranked()
    if board.metric is None or len(ranked) < 2:
        return ""
    half = DRAWN_POINTS // 2
    if len(ranked) > DRAWN_POINTS:
        rest = ranked[half:]
        ranked = ranked[:half] + rest[:: max(1, math.ceil(len(rest) / half))]
    axes = [*board.axes[: AXES - 1], board.metric]
    rows: list[tuple[str, dict[str, object]]] = []
    for point in reversed(ranked):  # the best is drawn last, over the others
        shown = {name: _drawable(point.values.get(name)) for name in board.axes}
        rows.append((_tip(board, point), {**shown, board.metric: point.mean}))
    svg = parallel_coordinates(rows, axes, width=max(520, min(1000, 150 * len(axes))), height=250)
    indices = [point.index for point in reversed(ranked)]
    svg = re.sub(r'data-run="(\d+)"', lambda found: f'{found[0]} data-point="{indices[int(found[1])]}"', svg)
    marked = f'data-run="{len(rows) - 1}"'
    before, found, after = svg.partition(marked)
    head, _, last = before.rpartition('class="ln pc ')
    return f'{head}class="ln pc top {last}{found}{after}' if found else svg


def _drawable(value: Any) -> object:
    value = recordable(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value)
    return value if isinstance(value, int | float) else str(value)


def _tip(board: Board, point: Point) -> str:
    given = ", ".join(f"{name}={show_param(recordable(point.values.get(name)), 24)}" for name in board.axes)
    return f"{given}: {board.metric} {show_number(point.mean)}" if point.mean is not None else given


def importance_svg(board: Board) -> str:
    """Bars of the parameters' importance; "" if it is not known."""
    shares = board.importance.get("shares") or {}
    return bar_chart(dict(list(shares.items())[:10]), width=360) if shares else ""


def sweep_html(board: Board, *, inline: bool = False) -> str:
    """The body of the view; charts inline, in the theme's colours, or as pictures that survive everywhere."""
    chart = (lambda svg: svg) if inline else picture
    parts = [_head_html(board), _bar_html(board), _best_html(board)]
    points = shown_points(board)
    if points:
        parts.append(tag("div", _table_html(board, points), cls="scroll"))
        count = len(board.points())
        if count > len(points) >= SHOWN_POINTS:  # else the others have no value (yet), which the head says
            which = "best" if board.best() is not None else "latest"
            parts.append(tag("p", f"the {len(points)} {which} of {count:,} points", cls="mute"))
    pair = []
    svg = parallel_svg(board)
    if svg:
        pair.append(tag("div", tag("h4", "Parameters and metric"), tag("div", chart(svg), cls="scroll")))
    bars = importance_svg(board)
    if bars:
        method = text(str(board.importance.get("method", "")), 80)
        pair.append(tag("div", tag("h4", "What matters ", tag("span", method, cls="mute w")), chart(bars)))
    return "".join([*parts, tag("div", *pair, cls="pair") if pair else "", _failures_html(board)])


def _head_html(board: Board) -> str:
    shown = [tag("span", text(board.name, 60), cls="name")]
    for state, words in summary(board):
        shown.append(tag("span", words, cls=f"st-{TONES[state]}" if state in TONES else "mute"))
    use = f" · {board.busy:.0%} busy" if board.busy is not None else ""
    places = f"{board.workers} worker{'s' if board.workers != 1 else ''} · {board.engine}{use}"
    shown.append(tag("span", text(places, 80), cls="mute id"))
    return tag("div", *shown, cls="head")


def _bar_html(board: Board) -> str:
    counts, total = board.counts(), max(1, board.total)
    pieces = [
        tag("i", cls=f"b-{state}", style=f"width:{100 * counts[state] / total:.3f}%")
        for state in ("finished", "stopped", "failed", "killed", "running")
        if counts[state]
    ]
    label = ", ".join(words for _, words in summary(board))
    return tag("div", *pieces, cls="meter", role="img", aria_label=label)


def _best_html(board: Board) -> str:
    best = board.best()
    if best is None or best.mean is None or board.metric is None:
        return ""
    deviation = f" ± {show_number(best.std, 2)}" if best.std is not None else ""
    chips = [tag("code", text(f"{name} = {show_param(recordable(value), 40)}")) for name, value in best.values.items()]
    word = "best so far" if board.state == "running" else "best"
    value = tag("b", text(f"{show_number(best.mean)}{deviation}"))
    return tag("div", tag("span", f"{word} {text(board.metric, 40)} ", value, cls="k"), *chips, cls="chips best-line")


def _table_html(board: Board, points: Sequence[Point]) -> str:
    header, rows = sweep_rows(board, points)
    names = set(board.axes)
    best = board.best()
    body = []
    for point, row in zip(points, rows, strict=True):
        cells = []
        for title, cell in zip(header, row, strict=True):
            if title == board.metric and best is not None and point.mean == best.mean and point.complete:
                cells.append(number_cell(text(cell), "best"))
            elif title == "run":
                cells.append(tag("td", tag("code", text(cell))))
            elif title in names and not _is_number(cell):
                cells.append(tag("td", text(cell, 40)))
            else:
                cells.append(number_cell(text(cell)))
        cells[0] = tag("td", row[0], cls="num", data_point=point.index)
        body.append(cells)
    heads = [tag("th", text(title, 30), cls="" if title == "run" else "num", scope="col") for title in header]
    return table(heads, body, row_headers=False)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


def _failures_html(board: Board) -> str:
    failed = [trial for trial in board.trials.values() if trial.state in ("failed", "killed") and trial.error]
    if not failed:
        return ""
    lines = [tag("p", text(_failure(trial), 240), cls="error") for trial in failed[:3]]
    more = [tag("p", f"and {len(failed) - 3} more", cls="mute")] if len(failed) > 3 else []
    return "".join([tag("h4", "Failed"), *lines, *more])


def _failure(trial: Trial) -> str:
    return f"#{trial.number} {trial.error} (run {short_id(trial.run_id)})"


def failures(board: Board, limit: int = 3) -> list[str]:
    """One line for each of the first trials that failed."""
    failed = [trial for trial in board.trials.values() if trial.state in ("failed", "killed") and trial.error]
    return [elide(_failure(trial), 240) for trial in failed[:limit]]
