"""Runs and a source of them, made up: thousands, with failures, NaN, and names that mean harm."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence

from mlops_nb.comparison import RunView
from mlops_nb.entities import DataRef, Points, Run, Status
from mlops_nb.errors import InvalidInput, NotFound

NOW = 1_795_000_000_000
HARM = [
    "<script>window.harmed=1</script>",
    '"><img src=x onerror="window.harmed=1">',
    "עברית\u202egnp.exe",
    "nul\x00esc\x1b[31mred",
    "lone \ud800 surrogate",
    "new\nline\ttab",
    "[bold red]markup[/]",
    "{{template}} ${x} %s",
    "x" * 1000,
    "🦄 \u200bzero width",
]


def make_points(value: Callable[[int], float], count: int = 60) -> Points:
    """A curve over steps 0 .. count - 1."""
    return Points(
        array("d", [value(i) for i in range(count)]),
        array("q", range(count)),
        array("q", [NOW + i for i in range(count)]),
    )


def make_run(number: int, **changes: object) -> Run:
    """One finished run."""
    known: dict[str, object] = {
        "run_id": f"0198c2f4{number:04x}7cde8f00{number:016x}"[:32],
        "name": f"fit-{number}",
        "experiment_id": "1",
        "experiment": "churn",
        "status": Status.FINISHED,
        "start_time": NOW - number * 60_000,
        "end_time": NOW - number * 60_000 + 1200,
        "revision": number,
        "params": {"lr": 0.1, "depth": number},
        "metrics": {"accuracy": 0.8 + number / 1000, "log_loss": 0.5},
    }
    return Run(**{**known, **changes})  # type: ignore[arg-type]


def make_runs(count: int) -> list[Run]:
    """Runs newest first, every tenth failed, some with names that mean harm, some with metrics that are no numbers."""
    draw = random.Random(7)
    runs = []
    for i in range(count):
        accuracy = 0.7 + 0.25 * draw.random()
        metrics = {"accuracy": accuracy, "log_loss": 1.1 - accuracy}
        if i % 29 == 5:
            metrics["log_loss"] = math.nan
        if i % 31 == 5:
            metrics["log_loss"] = math.inf
        params = {
            "lr": 10 ** draw.uniform(-4, -1),
            "depth": draw.randint(1, 9),
            "model": draw.choice(["gbm", "forest"]),
        }
        name = HARM[i // 13 % len(HARM)] if i % 13 == 6 else f"{params['model']}-{count - i}"
        failed = i % 10 == 9
        runs.append(
            make_run(
                i,
                name=name,
                status=Status.FAILED if failed else Status.FINISHED,
                params=params,
                metrics={} if failed else metrics,
                tags={"team": "growth"},
            )
        )
    return runs


class FakeSource:
    """Runs held in memory. Knows one filter, ``params.model = 'gbm'``; any other word is refused."""

    def __init__(self, count: int = 100) -> None:
        self.runs = make_runs(count)
        self.by_id = {run.run_id: run for run in self.runs}
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def page(
        self, filter: str, order_by: Sequence[str], limit: int, token: str | None
    ) -> tuple[Sequence[Run], str | None]:
        self.asked.append((filter, tuple(order_by)))
        runs = self.runs
        if filter == "params.model = 'gbm'":
            runs = [run for run in runs if run.params["model"] == "gbm"]
        elif filter:
            raise InvalidInput(
                f"The filter does not parse at character 1: {filter!r}.", hint="Start with metrics or params."
            )
        start = int(token or 0)
        return runs[start : start + limit], str(start + limit) if start + limit < len(runs) else None

    def view(self, run_id: str) -> RunView:
        if run_id not in self.by_id:
            raise NotFound(f"Run '{run_id}' does not exist.")
        run = self.by_id[run_id]
        output = {"output_type": "display_data", "data": {"text/html": "<b>shown</b><script>parent.harmed=1</script>"}}
        facts = {"code": f"lr = {run.params['lr']}\nfit(lr)", "environment": {"python": "3.11"}, "outputs": [output]}
        return RunView(run, facts, [DataRef("churn.csv", "sha256:aa", 1500)])

    def history(self, run_id: str, key: str) -> Points:
        if key not in self.by_id[run_id].metrics:
            return Points()
        return make_points(lambda i: math.exp(-i / 9))
