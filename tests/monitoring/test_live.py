"""Drift while it happens: a rolling window over a log that grows, each answer counted once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops_nb import workspace
from mlops_nb.errors import NotFound
from mlops_nb.monitoring import LiveDrift, live, monitor
from tests.monitoring.served import NOW, Old, people, register, serve

MINUTE = 60.0


def answer(rows: int, *, older: float = 0.0, end: float = NOW, seed: int = 1, **options: Any) -> Path:
    """Answers of the last four minutes before a time."""
    asked = people(rows, seed=seed, older=older).drop(columns="left")
    said = Old().predict(asked).tolist()
    return serve(asked, said, hours=4 / 60, end=end, request=f"s{seed}-", **options)


def test_the_window_rolls_and_each_answer_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    folder = answer(600)
    read: list[str] = []
    read_file = live.read_file
    monkeypatch.setattr(live, "read_file", lambda path: read.append(path.name) or read_file(path))
    watch = LiveDrift("models:/churn/1", folder, space=workspace.current(), minutes=15)
    same = watch.look(NOW)
    assert (same.verdict, same.rows, same.drifted) == ("no drift", 600, [])
    assert sum(value is not None for value in same.column("age").over_time) >= 3  # parts of a minute
    assert same.column("age").verdict == monitor("models:/churn/1", record=False).column("age").verdict

    answer(600, older=15, end=NOW + 5 * MINUTE, seed=2)
    moved = watch.look(NOW + 5 * MINUTE)
    assert moved.rows == 1200 and moved.verdict == "drift" and {"age", "prediction"} <= set(moved.drifted)
    late = watch.look(NOW + 10 * MINUTE)
    assert late.rows == 1200 and watch.look(NOW + 15 * MINUTE).rows == 600, "the first answers are forgotten"
    assert len(read) == len(set(read)) == 2
    over = watch.look(NOW + 30 * MINUTE)
    assert over.verdict == "unknown" and over.reasons == ["no answers of models:/churn/1 in the last 15 minutes"]


def test_a_window_says_the_same_as_a_report() -> None:
    register()
    folder = answer(900, older=9)
    said = LiveDrift("models:/churn/1", folder, space=workspace.current(), minutes=60).look(NOW)
    report = monitor("models:/churn/1", record=False)
    assert [(each.name, each.verdict, each.why, each.quality_why) for each in said.columns] == [
        (each.name, each.verdict, each.why, each.quality_why) for each in report.columns
    ]


def test_only_answers_of_the_version_count() -> None:
    register()
    folder = answer(300)
    answer(300, older=30, seed=2, version=2)
    answer(300, older=30, seed=3, statuses=500)
    (folder / "answers-29260101T000000000000-1-1.parquet").write_bytes(b"PAR1 no more than that")
    found = LiveDrift("models:/churn/1", folder, space=workspace.current()).look(NOW)
    assert (found.rows, found.verdict) == (300, "no drift")
    assert any("cannot be read" in note for note in found.notes)


def test_a_flood_is_read_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    monkeypatch.setattr(live, "MOST_ROWS", 300)
    for number in range(4):
        folder = answer(200, seed=number, end=NOW - number)
    watch = LiveDrift("models:/churn/1", folder, space=workspace.current())
    found = watch.look(NOW)
    assert found.rows == 400 and "only the newest 300 answers were counted" in found.notes


def test_what_is_not_known_is_said() -> None:
    nothing = LiveDrift("models:/churn/1", "log", space=workspace.current())
    with pytest.raises(NotFound, match="no registered model"):
        nothing.look()
    import mlops_nb

    with mlops_nb.start_run():
        mlops_nb.log_model(Old(), registered_model_name="churn", requirements=[])
    assert "did not record what" in nothing.look().reasons[0]
