"""Notebooks as runs: what the run keeps, what is nested in it, and how it ends."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import nbformat
import pytest

from mlops_nb.entities import Run, Status
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.events import Interruption, NotebookFailed, NotebookInterrupted, Silence
from mlops_nb.projects.execution import inject
from mlops_nb.projects.reproduce import reproduce
from mlops_nb.projects.rerun import run_notebook
from mlops_nb.tracking import active_run, start_run
from mlops_nb.workspace import Workspace, open_workspace
from tests.projects.notebooks import Record, book, kernels

SECRET = "api_key = 'sk-live-4f9a8b7c6d5e4f3a2b1c'"

TRAIN = book(
    "%load_ext mlops_nb",
    "lr: float = 0.1  # (0, 1]\nsince = None\nkey = 'none'",
    "%%track\nacc = 1 - lr\nacc",
    "%%track other -n second\nloss = lr * 2",
    "%%track\nloss = lr * 3\nerr = 1 - acc",
    f"print({SECRET!r})",
    tags={1: ["parameters"]},
)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One store for the tests of this module."""
    folder = tmp_path_factory.mktemp("project")
    opened = open_workspace(str(folder / ".mlops_nb"), start=folder)
    yield opened
    opened.close()


def save(notebook: nbformat.NotebookNode, space: Workspace, name: str = "train") -> Path:
    """Put a notebook into the project."""
    path = space.project / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def nested(space: Workspace, run: Run) -> dict[str, Run]:
    """The runs nested in a run, by their cell's id."""
    found = space.store.search_runs(None, f"parent_run_id = '{run.run_id}'", limit=100).items
    return {item.cell_id or item.name: item for item in found}


@pytest.fixture(scope="module")
def trained(space: Workspace) -> Run:
    """A run of the notebook above."""
    return run_notebook(save(TRAIN, space), params={"lr": "0.25"}, output=space.project / "out.ipynb", workspace=space)


def test_the_run_has_typed_params_and_its_place(trained: Run, space: Workspace) -> None:
    assert trained.status is Status.FINISHED
    assert trained.params == {"lr": 0.25, "since": None, "key": "none"}
    assert (trained.name, trained.notebook, trained.source_type) == ("train", "train.ipynb", "PROJECT")
    assert trained.parent_run_id is None
    assert active_run() is None


def test_tracked_cells_are_nested_and_recognised(trained: Run, space: Workspace) -> None:
    cells = nested(space, trained)
    assert {key: cells[key].metrics for key in ("c2", "c3", "c4")} == {
        "c2": {"acc": 0.75}, "c3": {"loss": 0.5}, "c4": {"loss": 0.75, "err": 0.25}
    }  # fmt: skip
    assert cells["c3"].name == "second"
    assert (cells["c2"].experiment, cells["c3"].experiment) == ("Default", "other")
    assert cells["c2"].notebook == "train.ipynb"


def test_metrics_that_mean_one_thing_are_lifted(trained: Run) -> None:
    assert {key: trained.metrics.get(key) for key in ("acc", "err", "loss")} == {"acc": 0.75, "err": 0.25, "loss": None}


def test_the_executed_notebook_and_its_page_are_kept(trained: Run, space: Workspace) -> None:
    kept = {artifact.path: artifact.digest for artifact in space.store.artifacts(trained.run_id)}
    notebook = nbformat.reads(space.artifacts.read(kept["train.ipynb"]).decode(), 4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3, 4, 5, 6, 7]
    assert notebook.cells[2].source == "# Parameters\nlr = 0.25"
    assert b"<html" in space.artifacts.read(kept["train.html"])
    assert len(nbformat.read(space.project / "out.ipynb", 4).cells) == 7
    assert list((space.root / "executing").iterdir()) == []


def test_secrets_are_not_kept_but_left_to_the_user(trained: Run, space: Workspace) -> None:
    for artifact in space.store.artifacts(trained.run_id):
        assert b"sk-live-4f9a8b7c6d5e4f3a2b1c" not in space.artifacts.read(artifact.digest)
    facts = space.store.facts(trained.run_id)
    assert "sk-live-4f9a8b7c6d5e4f3a2b1c" not in json.dumps(facts)
    assert facts["redactions"] > 0
    assert "sk-live-4f9a8b7c6d5e4f3a2b1c" not in "".join(line.text for _, line in space.store.logs(trained.run_id))
    assert "sk-live-4f9a8b7c6d5e4f3a2b1c" in (space.project / "out.ipynb").read_text(encoding="utf-8")


def test_what_the_page_of_the_run_shows_is_recorded(trained: Run, space: Workspace) -> None:
    facts = space.store.facts(trained.run_id)
    assert "acc = 1 - lr" in facts["code"]
    assert facts["progress"] == {"done": 7, "total": 7}
    assert [cell["cell_id"] for cell in facts["cells"]][-1] == "c5"
    assert facts["outputs"][0]["data"]["text/plain"] == "0.75"
    assert "ipykernel" in json.dumps(facts["environment"])
    assert "error" not in facts


def test_the_notebook_that_was_given_is_untouched(trained: Run, space: Workspace) -> None:
    assert all(cell.outputs == [] for cell in nbformat.read(space.project / "train.ipynb", 4).cells)


def test_the_next_run_is_the_next_revision(trained: Run, space: Workspace) -> None:
    plain = run_notebook(save(book("x = 1"), space, "plain"), workspace=space)
    again = run_notebook(space.project / "plain.ipynb", workspace=space, name="again", tags={"a": 1}, experiment="e")
    assert (plain.revision, again.revision) == (1, 2)
    assert (again.name, again.tags["a"], again.experiment) == ("again", "1", "e")
    assert plain.params == {}


def test_a_notebook_that_logs_without_the_extension_logs_into_its_run(space: Workspace) -> None:
    source = "import mlops_nb\nfor step in range(3): mlops_nb.log_metric('curve', 1 / (step + 1), step=step)"
    run = run_notebook(save(book(source), space, "plain-logging"), workspace=space)
    assert run.metrics["curve"] == pytest.approx(1 / 3)
    assert list(space.store.history(run.run_id, "curve").steps) == [0, 1, 2]
    assert nested(space, run) == {}


def test_nothing_runs_when_something_does_not_fit(space: Workspace, tmp_path: Path) -> None:
    path = save(TRAIN, space)
    before = space.store.info()["runs"]
    for wrong in (
        {"params": {"lrr": 1}}, {"params": {"lr": 2}}, {"output": tmp_path / "absent" / "out.ipynb"}, {"kernel": "none"}
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            run_notebook(path, workspace=space, **wrong)  # type: ignore[arg-type]
    assert space.store.info()["runs"] == before


def test_a_failing_notebook_is_kept_and_names_its_run(space: Workspace) -> None:
    notebook = book("%load_ext mlops_nb", "%%track\nacc = sum([0.25, 0.25])", "%%track\nprint('before')\n1 / 0", "2")
    with pytest.raises(NotebookFailed, match="ZeroDivisionError") as failed:
        run_notebook(save(notebook, space, "failing"), workspace=space)
    assert failed.value.run_id is not None
    run = space.store.get_run(failed.value.run_id)
    assert run.status is Status.FAILED
    assert run.metrics == {"acc": 0.5}
    facts = space.store.facts(run.run_id)
    assert (facts["error"]["ename"], facts["error"]["cell_id"]) == ("ZeroDivisionError", "c2")
    assert facts["progress"] == {"done": 2, "total": 4}
    kept = {artifact.path: artifact.digest for artifact in space.store.artifacts(run.run_id)}
    assert b"ZeroDivisionError" in space.artifacts.read(kept["failing.ipynb"])
    assert b"ZeroDivisionError" in space.artifacts.read(kept["failing.html"])
    assert {key: item.status for key, item in nested(space, run).items()} == {
        "c1": Status.FINISHED, "c2": Status.FAILED
    }  # fmt: skip


def test_a_killed_kernel_leaves_no_run_that_says_running(space: Workspace) -> None:
    source = (
        "%%track\nimport mlops_nb, os, signal\nmlops_nb.log_metric('seen', 1)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    with pytest.raises(NotebookFailed, match="SIGKILL") as failed:
        run_notebook(save(book("%load_ext mlops_nb", source), space, "killed"), workspace=space)
    run = space.store.get_run(str(failed.value.run_id))
    (cell,) = nested(space, run).values()
    assert (run.status, cell.status) == (Status.KILLED, Status.KILLED)
    assert cell.metrics["seen"] == 1.0


def test_an_interrupted_notebook_is_killed_cell_and_all(space: Workspace) -> None:
    stop = Interruption()
    source = "%%track\nimport time\nprint('begun', flush=True)\ntime.sleep(600)"
    path = save(book("%load_ext mlops_nb", source), space, "interrupted")
    with pytest.raises(NotebookInterrupted) as interrupted:
        run_notebook(path, workspace=space, listener=Record("begun", stop.request), interruption=stop)
    run = space.store.get_run(str(interrupted.value.run_id))
    (cell,) = nested(space, run).values()
    assert (run.status, cell.status) == (Status.KILLED, Status.KILLED)
    assert kernels() == []


class Stopping(Silence):
    """Stops the process that follows, as a scheduler does."""

    def on_cell(self, index: int, source: str) -> None:
        """At the first cell."""
        signal.raise_signal(signal.SIGTERM)


def test_a_stopped_reproduction_is_no_verdict(trained: Run, space: Workspace) -> None:
    for run in (trained, next(iter(nested(space, trained).values()))):
        with pytest.raises(NotebookInterrupted):
            reproduce(run.run_id, listener=Stopping(), workspace=space)
        assert "mlops_nb.verdict" not in space.store.get_run(run.run_id).tags
        again = space.store.search_runs(None, f"parent_run_id = '{run.run_id}' AND run_name LIKE '%-again'").items
        assert {each.status for each in again} <= {Status.KILLED}


def test_a_run_inside_a_run_is_nested(space: Workspace) -> None:
    from mlops_nb.workspace import using

    with using(space), start_run(run_name="outer", experiment="nesting") as outer:
        inner = run_notebook(save(book("1"), space, "inner"))
        assert active_run() is outer
    assert (inner.parent_run_id, inner.experiment) == (outer.run_id, "nesting")


def test_the_live_output_is_followed_while_it_runs(space: Workspace) -> None:
    seen: list[str] = []

    def look() -> None:
        space.flush()
        run = space.store.search_runs(limit=1).items[0]
        assert run.status is Status.RUNNING
        seen.extend(line.text for _, line in space.store.logs(run.run_id))

    run_notebook(
        save(book("print('first')", "print('second')"), space, "live"), workspace=space, listener=Record("second", look)
    )
    assert seen[0] == "first\n"


def test_values_reach_the_kernel_and_the_record_as_they_are(space: Workspace) -> None:
    notebook = book("a = b = c = None", "print(ascii([a, b, c]))", tags={0: ["parameters"]})
    given = {"a": "'; import os #\n\ud800", "b": -math.inf, "c": {"n": [None, True]}}
    run = run_notebook(save(notebook, space, "values"), params=given, workspace=space)
    assert run.params == given
    assert space.store.logs(run.run_id)[0][1].text == f"{list(given.values())!a}\n"


def test_an_executed_notebook_runs_as_it_was_executed(space: Workspace) -> None:
    given = book("a = 1\nb = None", "print(a, b)", tags={0: ["parameters"]})
    inject(given, {"b": date(2024, 1, 31)})
    path = save(given, space, "executed")
    again = run_notebook(path, workspace=space)
    assert again.params == {"a": 1, "b": "2024-01-31"}
    assert space.store.logs(again.run_id)[0][1].text == "1 2024-01-31\n"
    other = run_notebook(path, params={"a": 2}, workspace=space)
    assert other.params == {"a": 2, "b": None}
