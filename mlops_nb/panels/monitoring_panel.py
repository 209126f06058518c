"""The panel of monitoring: a report that can be asked for again, over another time, and answered by retraining."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from mlops_nb.errors import InvalidInput
from mlops_nb.monitoring import Report, Retraining
from mlops_nb.panels.monitoring_views import monitoring_view, retraining_view
from mlops_nb.panels.widget import Panel, script

SPANS = ("", "1h", "24h", "7d")
PARAMS = 50


class MonitoringPanel(Panel):
    """A report, and what follows from it.

    Parameters
    ----------
    report : Report
        The first one.
    look : callable
        Judges again; given how long ago answers begin (``24h``), or None for all.
    retrain : callable
        Given words such as ``data=@log``, the column of the truth or None, whether to promote, and the report's run.

    Examples
    --------
    >>> panel = MonitoringPanel(Report("models:/churn/1"), lambda since: Report("models:/churn/1"), print)
    >>> panel.static_bundle()["text/plain"]
    '? could not judge: models:/churn/1'
    """

    _esm = script("elements", "monitoring_panel")
    subject = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        report: Report,
        look: Callable[[str | None], Report],
        retrain: Callable[[Sequence[str], str | None, bool, str], Retraining],
    ) -> None:
        self._report = report
        self._look = look
        self._retrain = retrain
        super().__init__(subject=report.model)

    def static_bundle(self) -> dict[str, Any]:
        """The newest report as static HTML and plain text."""
        return monitoring_view(self._report)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end."""
        kind = message.get("type")
        if kind == "show":
            self._show()
        elif kind == "look":
            since = message.get("since")
            if since not in SPANS:
                raise InvalidInput(f"{str(since)[:20]!r} is no time that the panel offers.")
            self._report = self._look(since or None)
            self._show()
        elif kind == "retrain":
            words, target = message.get("params"), message.get("target")
            if not isinstance(words, list) or len(words) > PARAMS or not all(isinstance(each, str) for each in words):
                raise InvalidInput("Parameters are written as name=value.")
            promote = message.get("promote") is True
            made = self._retrain(words, str(target) if target else None, promote, self._report.run_id)
            self.reply({"type": "retrained", "html": retraining_view(made)["text/html"]})

    def _show(self) -> None:
        self.reply({"type": "report", "html": monitoring_view(self._report)["text/html"]})
