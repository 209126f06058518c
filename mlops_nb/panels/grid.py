"""The panel of runs: thousands of rows that sort, filter and compare, in any notebook front end, offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from mlops_nb.entities import Run
from mlops_nb.errors import MlopsError
from mlops_nb.panels.card import Card
from mlops_nb.panels.columns import ATTRIBUTES, choose_columns, column_label
from mlops_nb.panels.compare_record import compare_record
from mlops_nb.panels.format import better_direction, elide, plain_json, show_text
from mlops_nb.panels.pages import run_page
from mlops_nb.panels.sampling import curve, thin
from mlops_nb.panels.source import RunsSource
from mlops_nb.panels.tables import STATIC_ROWS, runs_table
from mlops_nb.panels.widget import Panel, script

PAGE = 1000
"""Runs a message: the first are on screen while the others are read."""

LOADED = 5000
"""Runs that are held in the browser; beyond them the store sorts and filters."""

SPARK_POINTS = 40
_ORDER = {"name": "attributes.run_name", "run_id": "attributes.run_id", "experiment": "attributes.experiment_id"}


class RunsPanel(Panel):
    """The history of runs as a table that one can sort, filter and compare.

    Parameters
    ----------
    source : RunsSource
        Where the runs come from.
    filter : str
        In the product's filter language; what the box holds at first.
    order_by : sequence of str
        How the runs are ordered until a column's head is clicked, as for ``runs --order-by``; by default the newest
        first.
    columns : sequence of str, optional
        Names like ``metrics.acc``; by default what tells the runs apart.
    height : int
        Of the table, in pixels.

    Attributes
    ----------
    selected : list of str
        Ids of the runs that are ticked, in the order of ticking; may be read and set from code.

    Examples
    --------
    >>> class NoRuns:
    ...     def page(self, filter, order_by, limit, token): return [], None
    >>> panel = RunsPanel(NoRuns())
    >>> panel.static_bundle()["text/plain"]
    'No runs yet. Put %%track on top of a cell and run it.'
    """

    _esm = script("elements", "plot", "compare", "grid", "runs_panel")
    filter = traitlets.Unicode("").tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    height = traitlets.Int(400).tag(sync=True)

    def __init__(
        self,
        source: RunsSource,
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        columns: Sequence[str] | None = None,
        height: int = 400,
    ) -> None:
        self._source = source
        self._order_by = tuple(order_by)
        self._columns = columns
        super().__init__(filter=filter, height=height)

    def static_bundle(self) -> dict[str, Any]:
        """The first rows as static HTML, plain text and JSON.

        Examples
        --------
        >>> class NoRuns:
        ...     def page(self, filter, order_by, limit, token): return [], None
        >>> sorted(RunsPanel(NoRuns()).static_bundle())
        ['application/vnd.mlops-nb.runs+json', 'text/html', 'text/plain']
        """
        runs, token = self._source.page(self.filter, self._order_by, STATIC_ROWS, None)
        which = "first" if self._order_by else "newest"
        note = f"The {which} {len(runs)} runs; run the cell again for all of them." if token else ""
        return runs_table(runs, self._columns, title=note)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end: query, curves, open, compare."""
        kind = message.get("type")
        if kind == "query":
            self._query(message)
        elif kind == "curves":
            key, run_ids = str(message["key"]), [str(run_id) for run_id in message["run_ids"]]
            curves = {run_id: self._spark(run_id, key) for run_id in run_ids[:200]}
            self.reply({"type": "curves", "curves": curves})
        elif kind == "open":
            view = self._source.view(str(message["run_id"]))
            self.reply({"type": "page", "html": page_of(self._source, view.run.run_id)["text/html"]})
        elif kind == "compare":
            record = compare_record(self._source, [str(run_id) for run_id in message["run_ids"]])
            self.reply({"type": "compare", "record": record})

    def _query(self, message: Mapping[str, Any]) -> None:
        number, filter_ = message.get("query"), str(message.get("filter", ""))
        order = [_order(str(column)) for column in message.get("order_by") or ()] or self._order_by
        loaded, token, first = 0, None, True
        try:
            while first or (token and loaded < LOADED):
                runs, token = self._source.page(filter_, order, PAGE, token)
                loaded += len(runs)
                self._send_rows(number, runs, first=first, complete=token is None)
                first = False
        except MlopsError as error:
            self.reply({"type": "refused", "query": number, "message": str(error)})

    def _send_rows(self, number: Any, runs: Sequence[Run], *, first: bool, complete: bool) -> None:
        rows = run_columns(runs)
        shown = list(self._columns) if self._columns is not None else choose_columns(runs)
        metrics = {key for run in runs for key in run.metrics}
        offered = dict.fromkeys([*ATTRIBUTES, *shown, *(name for name in rows if "." in name)])
        curve_key = next((name.partition(".")[2] for name in shown if name.startswith("metrics.")), None)
        self.reply(
            {
                "type": "rows",
                "query": number,
                "first": first,
                "complete": complete,
                "columns": [
                    {"name": name, "label": show_text(column_label(name))} for name in offered if name != "name"
                ],
                "shown": [name for name in shown if name != "status"],  # the status stands in front of the name
                "curve": curve_key,
                "directions": {key: better_direction(key) for key in metrics},
            },
            [json.dumps(plain_json(rows), separators=(",", ":")).encode()],
        )

    def _spark(self, run_id: str, key: str) -> list[float]:
        return list(thin(curve(self._source.history(run_id, key)), SPARK_POINTS).ys)


def run_columns(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Turn runs into columns for the browser; text is made safe to show and cut at 200 characters.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run_columns([Run("1", "fit", "0", "e", Status.FINISHED, 0, 5, params={"lr": 0.1})])["params.lr"]
    [0.1]
    """
    columns: dict[str, list[Any]] = {
        "run_id": [run.run_id for run in runs],
        "name": [_short(run.name) for run in runs],
        "status": [run.status.value for run in runs],
        "experiment": [_short(run.experiment) for run in runs],
        "start_time": [run.start_time for run in runs],
        "duration": [run.duration_ms for run in runs],
        "revision": [run.revision for run in runs],
        "notebook": [_short(run.notebook or "") for run in runs],
        "user": [_short(run.user) for run in runs],
        "stage": [_short(run.stage or "") for run in runs],
    }
    for kind in ("metrics", "params", "tags"):
        held: list[dict[str, Any]] = [getattr(run, kind) for run in runs]
        for key in dict.fromkeys(key for values in held for key in values):
            columns[f"{kind}.{key}"] = [_cell(values[key]) if key in values else None for values in held]
    return columns


def _cell(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return _short(value if isinstance(value, str) else json.dumps(plain_json(value), ensure_ascii=False))


def _short(text: str) -> str:
    return elide(show_text(elide(text, 400)), 200)


def _order(column: str) -> str:
    """A column and direction of the grid in the store's words."""
    name, _, direction = column.rpartition(" ")
    kind, dot, key = name.partition(".")
    if dot and kind in ("metrics", "params", "tags"):
        return f"{kind}.`{key}` {direction}"
    return f"{_ORDER.get(name, f'attributes.{name}')} {direction}"


def page_of(source: RunsSource, run_id: str) -> dict[str, Any]:
    """Make the page of a run from a source.

    Raises
    ------
    NotFound
        If there is no such run.

    Examples
    --------
    >>> from mlops_nb.comparison import RunView
    >>> from mlops_nb.entities import Points, Status
    >>> class OneRun:
    ...     def view(self, run_id): return RunView(Run(run_id, "fit", "0", "e", Status.FINISHED, 0, 5))
    ...     def history(self, run_id, key): return Points()
    >>> page_of(OneRun(), "1")["text/plain"]
    '✓ fit · e · 5 ms · 1'
    """
    view = source.view(run_id)
    history = {key: source.history(run_id, key) for key in list(view.run.metrics)[:20]}
    card = Card(
        curves=history,
        models=view.facts.get("models") or (),
        data=view.data,
        badge=view.facts.get("restart_run_all"),
        error=view.facts.get("error"),
    )
    code = str(view.facts.get("code") or "")
    return run_page(
        view.run, card=card, history=history, facts=view.facts, artifacts=view.artifacts, data=view.data, code=code
    )
