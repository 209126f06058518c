"""The panel of monitoring and its views: what a click gives, and what names that mean harm cannot do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mlops_nb.monitoring import ColumnFinding, Report, Retraining
from mlops_nb.panels.drift_charts import then_and_now, time_chart
from mlops_nb.panels.monitoring_panel import MonitoringPanel
from mlops_nb.panels.monitoring_views import monitoring_page, monitoring_view, retraining_view
from mlops_nb.registry.checking import Checked
from tests.panels.markup_reader import read_markup

EVIL = "<img src=x onerror=alert(1)>"


def report(name: str = "age", verdict: str = "drift") -> Report:
    """A report with one column of each kind of bins."""
    numbers = {"test": "KS", "psi": 0.4, "p": 0.0, "mean": 1.0, "mean_reference": 2.0}
    bins = {"edges": [0.0, 1.0, 2.0, 4.0], "reference": [5, 5, 5], "current": [9, 3, 3]}
    words = {"labels": [EVIL, "b", "(other)", "(new)"], "reference": [5, 5, 0, 0], "current": [1, 2, 3, 4]}
    columns = [
        ColumnFinding(
            name, "input", "numeric", verdict, "moved", numbers, "fault", "bad", {}, bins, [0.1, None, 0.4], 9
        ),
        ColumnFinding("city", "input", "categorical", "same", EVIL, numbers, bins=words, over_time=[0.1, 0.2, 0.3]),
        ColumnFinding("gone", "input", "numeric", "unknown", "is not in the log"),
    ]
    service = {
        "requests": 9, "errors": 1, "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": None},
        "over_time": {"requests": [3, 3, 3], "errors": [0.0, None, 0.3], "p50": [1.0, 1.0, 2.0], "p95": [None] * 3,
                      "p99": [None] * 3},
    }  # fmt: skip
    performance = {
        "kind": "classifier", "rows": 9, "verdict": "worse", "why": "accuracy fell", "metrics": {"accuracy_score": 0.5},
        "baseline": {"accuracy_score": 0.9}, "over_time": [0.9, None, 0.5],
    }  # fmt: skip
    windows = [f"2026-11-28T0{hour}:00:00Z" for hour in range(3)]
    return Report(
        f"models:/{name}/1", verdict, [f"{name} moved"], 9, windows[0], windows[-1], {"source": name, "rows": 15},
        columns, performance, service, windows, ["a note"], {"alpha": 0.01, "psi": 0.2, "blind": 0.3, "quality": 0.01},
    )  # fmt: skip


@pytest.mark.parametrize("verdict", ["drift", "no drift", "unknown"])
def test_names_that_mean_harm_are_only_text(verdict: str) -> None:
    found = report(EVIL)
    found.verdict = verdict
    for html in (monitoring_page(found), monitoring_view(found)["text/html"]):
        assert "<img src=x" not in html and "onerror=alert(1)>" not in html.replace("&gt;", "")
    read_markup(monitoring_view(found)["text/html"])
    assert "script" not in monitoring_page(found).replace("<style>", "")
    made = Retraining(EVIL, 1, 2, "r", checks=[Checked("metric", False, EVIL)], reason=EVIL)
    assert "<img" not in retraining_view(made)["text/html"]


def test_what_the_report_shows() -> None:
    said = monitoring_view(report())
    for words in ("drift", "1 of 2", "accuracy (dashed: in the evaluation)", "latency, ms", "mean 2 → 1", "a note"):
        assert words in said["text/html"] or words.replace(" ", "%20") in said["text/html"], words
    assert "age     ▲ drift    0.40  moved; bad" in said["text/plain"]
    assert "service: 9 requests, 1 errors, p50 1 ms, p95 2 ms" in said["text/plain"]
    made = Retraining(
        "churn", 1, 2, "r", holdout={"rows": 9, "source": "held.csv"}, passed=True, promoted=True,
        metrics={"champion": {"f1_score": 0.5}, "challenger": {"f1_score": 0.75}},
        difference={"mean": 0.1, "low": -0.1, "high": 0.3}, checks=[Checked("better", True, "more")],
    )  # fmt: skip
    stays = retraining_view(Retraining("churn", 1, 2, "r", reason="no gate, no held-out data"))["text/html"]
    assert "No gate, no held-out data." in stays, "why it stays challenger is seen in a notebook, too"
    text = retraining_view(made)["text/plain"]
    assert "version 2 of churn is the champion now, in place of version 1" in text and "it may be chance" in text


@pytest.mark.parametrize(
    "bins",
    [
        {"edges": [], "reference": [], "current": []},
        {"edges": [1.0, 1.0], "reference": [5], "current": [0]},
        {"edges": [0.0, 0.0, 1.0], "reference": [5, 1], "current": [0, 9]},
        {"edges": [-1e308, 0.0, 1e308], "reference": [5, 1], "current": [0, 9]},
        {"labels": ["(other)", "(new)"], "reference": [0, 0], "current": [0, 3]},
        {"edges": [float(n) for n in range(21)], "reference": [1] * 20, "current": [0] * 20},
    ],
)
def test_every_distribution_can_be_drawn(bins: dict[str, Any]) -> None:
    svg = then_and_now(bins)
    assert "nan" not in svg and "inf" not in svg and svg.startswith(("<svg", "")) and svg.count("<svg") <= 1
    assert time_chart({"a": [None, None]}, ["2026-11-28T00:00:00Z"] * 2, title="empty") == ""


class Listened(MonitoringPanel):
    """A panel whose answers are kept."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.asked: list[Any] = []

        def retrain(words: Sequence[str], target: str | None, promote: bool, drift_run: str) -> Retraining:
            self.asked.append((list(words), target, promote, drift_run))
            return Retraining("churn", 1, 2, "r", passed=True)

        def look(since: str | None) -> Report:
            self.asked.append(since)
            return report("income")

        super().__init__(report(), look, retrain)

    def reply(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Keep it."""
        self.said.append(dict(message))


def test_the_panel_looks_again_and_retrains() -> None:
    panel = Listened()
    panel._receive(None, {"type": "show"}, None)
    panel._receive(None, {"type": "look", "since": "24h"}, None)
    panel._receive(None, {"type": "retrain", "params": ["data=@log"], "target": "left", "promote": True}, None)
    assert [each["type"] for each in panel.said] == ["report", "report", "retrained"]
    assert "age" in panel.said[0]["html"] and "income" in panel.said[1]["html"]
    assert panel.asked == ["24h", (["data=@log"], "left", True, "")]
    assert "income" in panel.static_bundle()["text/plain"]


@pytest.mark.parametrize("message", [{"type": "look", "since": "1y; rm"}, {"type": "retrain", "params": "data=1"}])
def test_what_makes_no_sense_is_said_in_the_panel(message: dict[str, Any]) -> None:
    panel = Listened()
    panel._receive(None, message, None)
    assert panel.said[0]["type"] == "failed" and not panel.asked
