"""The panel of a running service: requests a second, latency, errors, drift, and a button that stops it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidState
from mlops_nb.monitoring import LiveDrift
from mlops_nb.panels.live_drift import DriftWatch
from mlops_nb.panels.markup import document, style_sheet, table, tag, text
from mlops_nb.panels.widget import Panel, script
from mlops_nb.serving.background import BackgroundService
from mlops_nb.serving.board import BOUNDS


class ServicePanel(Panel):
    """A service, live.

    Parameters
    ----------
    service : BackgroundService

    Examples
    --------
    >>> ServicePanel(service).static_bundle()["text/plain"]  # doctest: +SKIP
    'Service of churn version 3 at http://127.0.0.1:41507'
    """

    _esm = script("elements", "live_drift", "service_panel")
    _css = Panel._css + style_sheet("service")

    def __init__(self, service: BackgroundService) -> None:
        self._service = service
        space = workspaces.current()
        self._drift = DriftWatch(
            lambda uri, minutes: LiveDrift(uri, str(service.folder), space=space, minutes=minutes)
        )
        super().__init__()

    def static_bundle(self) -> dict[str, Any]:
        """What was started where, as static HTML and plain text."""
        return service_view(self._service)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end: poll, or stop."""
        service = self._service
        if message.get("type") == "stop":
            service.stop()
        about = {"url": service.url, "bounds": list(BOUNDS), "time": time.monotonic()}
        if not service.is_running:
            self.reply({"type": "stopped", **about, "model": service.model})
            return
        try:
            status = service.status()
        except InvalidState as error:
            self.reply({"type": "failed", "message": str(error)})
            return
        self.reply({"type": "status", **about, **status, "drift": self._drift_of(status, message.get("minutes"))})

    def _drift_of(self, status: Mapping[str, Any], minutes: Any) -> dict[str, Any]:
        """Drift of what is the champion now; what cannot be told says why."""
        if not status.get("log"):
            return {"verdict": "unknown", "why": "Nothing is logged, so there is nothing to compare with training."}
        uri = next(each["uri"] for each in status["models"] if each["role"] == "champion")
        return self._drift.latest(uri, minutes if isinstance(minutes, int) else 0)


def service_view(service: BackgroundService) -> dict[str, Any]:
    """A service as static HTML and plain text."""
    model = service.model
    facts = [
        ("model", model["uri"]),
        ("address", service.url),
        ("request log", service.folder or "none"),
        ("state", "running" if service.is_running else "stopped"),
    ]
    rows = [[tag("th", name, scope="row"), tag("td", text(value, 200))] for name, value in facts]
    return {"text/html": document(table(["", ""], rows), cls="page"), "text/plain": repr(service).strip("<>")}
