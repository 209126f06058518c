"""The panel that compares runs: differences, curves over each other, parallel coordinates, code, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from mlops_nb.comparison import compare_runs
from mlops_nb.panels.compare_record import AROUND, check_count, compare_record, metric_keys
from mlops_nb.panels.comparison import comparison_table
from mlops_nb.panels.source import RunsSource
from mlops_nb.panels.widget import Panel, script


class ComparePanel(Panel):
    """Runs side by side, the first being what the others are measured against.

    Parameters
    ----------
    source : RunsSource
        Where the runs come from.
    run_ids : sequence of str
        2 to 50 ids.

    Raises
    ------
    InvalidInput
        If there are fewer or more.

    Examples
    --------
    >>> ComparePanel(None, ["1"])
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: A comparison takes 2 to 50 runs, not 1. ...
    """

    _esm = script("elements", "plot", "compare", "compare_panel")
    run_ids = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, source: RunsSource, run_ids: Sequence[str]) -> None:
        check_count(run_ids)
        self._source = source
        super().__init__(run_ids=list(run_ids))

    def static_bundle(self) -> dict[str, Any]:
        """The differences and curves as static HTML and plain text."""
        views = [self._source.view(run_id) for run_id in self.run_ids]
        comparison = compare_runs(views)
        runs = [view.run for view in views]
        curves: dict[str, dict[str, Any]] = {}
        for key in metric_keys(runs):
            lines = {run.run_id: self._source.history(run.run_id, key) for run in runs if key in run.metrics}
            curves |= {key: lines} if any(len(points) > 1 for points in lines.values()) else {}
        return comparison_table(
            runs, sections=comparison.sections(*AROUND), code_diff=comparison.code_diff, curves=curves
        )

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end."""
        if message.get("type") == "compare":
            self.reply({"type": "compare", "record": compare_record(self._source, self.run_ids)})
