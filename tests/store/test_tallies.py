"""Groups of large stores, remembered run by run: after whatever was written they are what a fresh look tells."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.entities import Batch, Points, RunEnd, Status
from mlops_nb.store import Store, open_store, summaries
from tests.store.contract.making import T0, add

QUESTIONS: list[dict[str, Any]] = [
    {"by": "experiment"},
    {"by": "notebook", "metrics": ["loss", "acc"]},
    {"by": "params.lr", "metrics": ["acc"], "filter": "metrics.loss < 0.7"},
    {"by": "status", "metrics": ["nothing"], "view": "all"},
    {"by": "tags.team", "filter": "experiment = 'renamed' or name != 'r3'", "metrics": ["loss"]},
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def ask(store: Store, question: dict[str, Any]) -> Any:
    given = {key: value for key, value in question.items() if key != "by"}
    return store.group_runs(question["by"], None, given.pop("filter", ""), **given)


def approximate(groups: Any) -> Any:
    """Sums of many numbers may end otherwise; all else is the same."""
    return [
        {**each, "metrics": {name: {key: value if value is None else pytest.approx(value, rel=1e-9)
                                    for key, value in told.items()} for name, told in each["metrics"].items()}}
        for each in groups
    ]  # fmt: skip


def check(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for question in QUESTIONS:
        plain = ask(store, question)
        with monkeypatch.context() as patch:
            patch.setattr(summaries, "LARGE", 0)
            assert ask(store, question) == approximate(plain), question
            assert ask(store, {**question, "limit": 2}) == approximate(plain[:2])


def log(store: Store, run_id: str, key: str, value: float, step: int) -> None:
    point = Points(array("d", [value]), array("q", [step]), array("q", [T0 + step]))
    store.apply([Batch(run_id, "", metrics={key: point})])


def test_groups_are_right_after_every_kind_of_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    values = [0.1, 0.5, 0.9, math.nan, math.inf, 1e9]
    check(store, monkeypatch)
    ids = []
    for number in range(40):
        metrics = {key: chance.choice(values) for key in ("loss", "acc") if chance.random() < 0.8}
        start = {"notebook": chance.choice(["a.ipynb", "b.ipynb", None])}
        params = {"lr": chance.choice([0.1, 0.2])} if number % 3 else {}
        tags = {"team": chance.choice("xy")} if number % 2 else {}
        ids.append(add(store, f"r{number}", at=T0 + number * 10, experiment=chance.choice(["one", "two"]), start=start,
                       params=params, metrics=metrics, tags=tags))  # fmt: skip
    check(store, monkeypatch)
    log(store, ids[3], "loss", 0.2, 7)
    log(store, ids[4], "acc", math.nan, 8)
    store.apply([Batch(ids[5], "", end=RunEnd(Status.FAILED, T0 + 9999))])
    store.update_run(ids[6], tags={"team": "z"})
    store.update_run(ids[7], name="r3", lifecycle_stage="deleted")
    check(store, monkeypatch)
    one = store.find_experiment("one")
    assert one is not None
    store.update_experiment(one.experiment_id, name="renamed")
    check(store, monkeypatch)
    store.purge_runs([ids[7]])
    check(store, monkeypatch)
    store.update_run(ids[8], lifecycle_stage="deleted")
    store.purge_runs([ids[8]])
    ids.append(add(store, "new", experiment="three", metrics={"loss": 0.3}))  # as many as before, others
    check(store, monkeypatch)
    store.update_experiment(one.experiment_id, lifecycle_stage="deleted")
    check(store, monkeypatch)
    store.update_run(ids[9], lifecycle_stage="active")
    check(store, monkeypatch)


def test_only_what_was_written_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [add(store, f"r{number}", at=T0 + number, metrics={"loss": 0.5}) for number in range(30)]
    monkeypatch.setattr(summaries, "LARGE", 0)
    put: list[int] = []
    real = summaries.Tally.put
    monkeypatch.setattr(summaries.Tally, "put", lambda self, rows: (put.append(len(rows)), real(self, rows))[1])
    for value in (0.25, 0.75):
        ask(store, QUESTIONS[1])
        log(store, ids[11], "loss", value, int(value * 100))
    [group] = ask(store, QUESTIONS[1])
    assert put == [30, 1, 1] and group["metrics"]["loss"]["max"] == 0.75
    monkeypatch.setattr(summaries, "AFRESH", 3)
    for each in ids[:5]:
        log(store, each, "loss", 0.1, 90)
    [group] = ask(store, QUESTIONS[1])
    assert put == [30, 1, 1, 30] and group["metrics"]["loss"]["min"] == 0.1
