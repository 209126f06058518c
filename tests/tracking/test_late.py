"""What is logged into runs that are over: all of it arrives, and nothing is held for it."""

from __future__ import annotations

import threading

import pytest

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.entities import new_id
from mlops_nb.tracking import reading


def test_what_is_logged_late_holds_no_file_open() -> None:
    space = workspaces.current()
    runs = []
    for _ in range(20):
        with mlops_nb.start_run() as run:
            pass
        runs.append(run)
    assert space.flush()
    for run in runs:
        run.set_tags({"note": "late"})
    assert space.flush()
    assert list(space.journals.glob("*.journal")) == []
    assert all(mlops_nb.get_run(run.run_id).tags["note"] == "late" for run in runs)


def test_a_journal_that_is_taken_away_while_somebody_logs_loses_nothing() -> None:
    space = workspaces.current()
    with mlops_nb.start_run() as run:
        pass
    assert space.flush()
    count = 3000

    def log() -> None:
        for step in range(count):
            run.log_metric("late", float(step), step)
            if step % 100 == 0:
                run.set_tags({f"at{step}": "x"})

    thread = threading.Thread(target=log)
    thread.start()
    while thread.is_alive():
        space.flush()
    thread.join()
    assert space.flush()
    history = space.store.history(run.run_id, "late")
    assert list(history.steps) == list(range(count))
    assert sum(tag.startswith("at") for tag in mlops_nb.get_run(run.run_id).tags) == count // 100


def test_only_a_run_that_the_store_does_not_know_is_waited_for() -> None:
    space = workspaces.current()
    with mlops_nb.start_run() as run:
        assert space.flush()
        assert list(space.journals.glob(f"{run.run_id}.*")) and not reading._some_are_on_their_way(space)
        (space.journals / f"{new_id()}.1-0.journal").touch()  # another process's, that still imports
        assert reading._some_are_on_their_way(space)


def test_what_is_recorded_together_is_one_write_and_one_that_fails_costs_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mlops_nb.start_run() as run:
        writer = run._journal()
        assert writer is not None
        before = writer.good
        with run.together():
            run.fact("cell", {"a": 1})
            run.fact("odd", {"b": object()})
            with run.together():
                run.set_tags({"c": "d"})
            assert writer.good == before
        assert writer.good > before
    view = reading.load_view(run.run_id)
    assert view.facts == {"cell": {"a": 1}} and view.run.tags["c"] == "d"
    assert "not JSON serializable" in capsys.readouterr().err


def test_what_threads_record_does_not_wait_for_each_other() -> None:
    with mlops_nb.start_run() as run, run.together():
        run.set_tags({"own": "x"})
        thread = threading.Thread(target=run.set_tags, args=({"other": "y"},))
        thread.start()
        thread.join()
        assert workspaces.current().flush()
        assert mlops_nb.get_run(run.run_id).tags == {"other": "y"}
    assert mlops_nb.get_run(run.run_id).tags == {"own": "x", "other": "y"}
