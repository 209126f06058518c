"""Runs to test with, and short ways to read them."""

from __future__ import annotations

from array import array
from typing import Any

from mlops_nb.entities import Batch, Points, RunStart, new_id
from mlops_nb.store import RunStore

T0 = 1_700_000_000_000


def points(*rows: tuple[float, int, int]) -> Points:
    """Points from (value, step, timestamp)."""
    return Points(array("d", [r[0] for r in rows]), array("q", [r[1] for r in rows]), array("q", [r[2] for r in rows]))


def begin(run_id: str, name: str = "run", experiment: str = "exp", at: int = T0, **more: Any) -> RunStart:
    return RunStart(run_id, name, experiment, at, **more)


def add(
    store: RunStore, name: str = "run", *, at: int = T0, experiment: str = "exp", start: Any = None, **batch: Any
) -> str:
    """Store a run in one batch and give its id."""
    run_id = new_id()
    params = [(key, value, at) for key, value in batch.pop("params", {}).items()]
    metrics = {key: points((value, 0, at)) for key, value in batch.pop("metrics", {}).items()}
    opening = begin(run_id, name, experiment, at, **(start or {}))
    store.apply([Batch(run_id, "", start=opening, params=params, metrics=metrics, **batch)])
    return run_id


def same(left: float, right: float) -> bool:
    """Equal to the bit."""
    return array("d", [left]).tobytes() == array("d", [right]).tobytes()


def found(store: RunStore, filter: str, **more: Any) -> list[str]:
    return [run.name for run in store.search_runs(None, filter, **more).items]


def walk(store: RunStore, size: int, **question: Any) -> list[str]:
    """Names of all runs, page by page."""
    names, token = [], None
    for _ in range(1000):
        page = store.search_runs(None, limit=size, page_token=token, **question)
        assert len(page.items) <= size
        names += [run.name for run in page.items]
        token = page.next_token
        if token is None:
            return names
    raise AssertionError("pages without end")
