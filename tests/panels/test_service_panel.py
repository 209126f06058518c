"""The panel of a running service: what it tells of drift, without making anybody wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_nb.errors import InvalidState
from mlops_nb.monitoring import ColumnFinding, Report
from mlops_nb.panels.live_drift import DriftWatch, plain_report
from mlops_nb.panels.service_panel import ServicePanel
from tests.monitoring.served import Old, people, register, serve

EVIL = "<img src=x onerror=alert(1)>"


class Running:
    """A service as its panel sees it."""

    url, is_running = "http://127.0.0.1:1", True
    model = {"uri": "models:/churn/1", "name": "churn", "version": "1"}

    def __init__(self, folder: str | None) -> None:
        self.folder = folder

    def status(self) -> dict[str, Any]:
        """Its counters."""
        return {"models": [{"role": "champion", **self.model}], "log": self.folder}


class Listened(ServicePanel):
    """A panel whose answers are kept."""

    def __init__(self, service: Any) -> None:
        self.said: list[dict[str, Any]] = []
        super().__init__(service)

    def reply(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Keep it."""
        self.said.append(dict(message))

    def poll(self, minutes: Any = 15) -> dict[str, Any]:
        """What it tells of drift."""
        self._receive(None, {"type": "poll", "minutes": minutes}, None)
        found: dict[str, Any] = self.said[-1]["drift"]
        return found


def settled(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The first answer that is one."""
    deadline = time.monotonic() + 60
    while not (found := ask())["verdict"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_drift_is_told_by_column() -> None:
    register()
    asked = people(800, seed=3, older=14).drop(columns="left")
    folder = serve(asked, Old().predict(asked).tolist(), hours=0.1)
    panel = Listened(Running(str(folder)))
    assert panel.poll()["verdict"] == "", "nobody waits for the first look"
    found = settled(panel.poll)
    assert found["verdict"] == "drift" and found["rows"] == 800 and found["minutes"] == 15
    columns = {each["name"]: each for each in found["columns"]}
    assert columns["age"]["verdict"] == "drift" and columns["income"]["verdict"] == "same"
    assert abs(sum(columns["age"]["now"]) - 1) < 0.01 and len(columns["age"]["labels"]) == len(columns["age"]["now"])
    assert max(value for value in found["over_time"] if value is not None) > found["limit"]
    assert panel.poll(60)["why"] == "looking …" and settled(lambda: panel.poll(60))["minutes"] == 60
    assert settled(lambda: panel.poll("1 or 1=1"))["minutes"] == 15


def test_what_cannot_be_told_says_why() -> None:
    assert "Nothing is logged" in Listened(Running(None)).poll()["why"]
    found = settled(Listened(Running("nowhere")).poll)
    assert found["verdict"] == "unknown" and "no registered model" in found["why"]


def test_a_look_that_takes_long_is_not_begun_twice() -> None:
    go_on, begun = threading.Event(), []

    class Slow:
        def look(self) -> Report:
            begun.append(1)
            go_on.wait(30)
            if len(begun) > 1:
                raise InvalidState("The disk is gone.")
            return Report("models:/churn/1", "no drift", ["3 columns as in training"])

    watch = DriftWatch(lambda uri, minutes: Slow())  # type: ignore[arg-type,return-value]
    for _ in range(50):
        assert watch.latest("models:/churn/1", 15)["verdict"] == ""
    go_on.set()
    assert settled(lambda: watch.latest("models:/churn/1", 15))["why"] == "3 columns as in training"
    assert len(begun) == 1 and watch.latest("models:/churn/1", 15)["verdict"] == "no drift" and len(begun) == 1
    assert settled(lambda: watch.latest("models:/churn/2", 15))["why"] == "The disk is gone."


def test_names_travel_as_text() -> None:
    bins = {"labels": [EVIL, "(other)", "(new)"], "reference": [5, 0, 0], "current": [1, 0, 8]}
    found = plain_report(Report(EVIL, columns=[ColumnFinding(EVIL, "input", "categorical", bins=bins)]))
    assert found["columns"][0]["labels"][0] == EVIL and found["columns"][0]["now"] == [0.1111, 0.8889]
    source = "".join(ServicePanel._esm.split())
    assert "innerHTML" not in source
