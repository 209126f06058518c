"""Pipelines: only what is stale runs, and it is said why; what is learnt survives; failures stop what comes after."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from mlops_nb.cli import main
from mlops_nb.projects.pipeline import Asked, Pipeline, StageResult
from mlops_nb.projects.sites import Site
from mlops_nb.projects.stages import find_notebooks
from mlops_nb.workspace import Workspace, current, open_workspace
from tests.projects.notebooks import book
from tests.projects.sweeps.books import command, wait_until

PARAMETERS = {0: ["parameters"]}
# Names that say nothing of the order: it is foreseen from the code, then learnt.
CLEAN = book(
    "keep = 3", "import json\njson.dump(json.load(open('raw.json'))[:keep], open('clean.json', 'w'))", tags=PARAMETERS
)
FIT = book(
    "lr = 0.5  # (0, 1]",
    "import json, mlops_nb, shapes\nmodel = shapes.scaled(json.load(open('clean.json')), lr)",
    "json.dump(model, open('model.json', 'w')); mlops_nb.log_metric('model', model)",
    tags=PARAMETERS,
)
SCORE = book("import json\nopen('report.txt', 'w').write(str(json.load(open('model.json')) > 1))")


class Project:
    """A folder with a pipeline, and how it is run."""

    def __init__(self, folder: Path, space: Workspace) -> None:
        self.folder, self.space = folder, space

    def run(self, force: bool = False, dry: bool = False, **params: Any) -> dict[str, StageResult]:
        stages = find_notebooks(self.folder)
        pipeline = Pipeline(self.folder, "p", stages, self.space, Site("current", None))
        return {each.stage.name: each for each in pipeline.run(Asked(params, force=force, dry=dry))}

    def states(self, **params: Any) -> dict[str, str]:
        return {name: each.state for name, each in self.run(**params).items()}

    def count(self) -> int:
        found: int = self.space.store.info()["runs"]
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("pipeline")
    for name, notebook in (("c", CLEAN), ("b", FIT), ("a", SCORE)):
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "raw.json").write_text("[1, 2, 3, 4]", encoding="utf-8")
    (folder / "shapes.py").write_text("def scaled(x, lr): return sum(x) * lr\n", encoding="utf-8")
    space = open_workspace(str(folder / ".mlops_nb"), start=folder)
    yield Project(folder, space)
    space.close()


@pytest.fixture(scope="module")
def first(project: Project) -> dict[str, StageResult]:
    return project.run()


def test_the_first_run_takes_the_order_from_the_code(first: dict[str, StageResult], project: Project) -> None:
    assert list(first) == ["c", "b", "a"] and {each.state for each in first.values()} == {"ran"}
    assert (project.folder / "report.txt").read_text(encoding="utf-8") == "True"
    record = first["b"].record
    assert record is not None and {each["path"] for each in record.reads} == {"clean.json", "shapes.py"}
    run = project.space.store.get_run(record.run_id)
    assert (run.stage, run.metrics, run.tags["mlops_nb.stale"]) == ("b", {"model": 3.0}, "it has not run yet")
    parent = project.space.store.get_run(str(run.parent_run_id))
    assert (parent.name, parent.status, parent.metrics) == ("p", "FINISHED", {"model": 3.0})


def test_nothing_runs_when_nothing_has_changed(first: dict[str, StageResult], project: Project) -> None:
    before = project.count()
    assert set(project.states().values()) == {"fresh"}
    shutil.rmtree(project.space.root / "pipelines")
    assert set(project.states().values()) == {"fresh"}, "what was forgotten is learnt again from the store"
    assert project.count() == before


def test_what_changed_runs_with_what_comes_from_it(first: dict[str, StageResult], project: Project) -> None:
    foretold = project.run(dry=True, keep=2)
    assert {name: each.state for name, each in foretold.items()} == {"c": "stale", "b": "stale", "a": "stale"}
    assert foretold["b"].reasons == ["c may give it other data"]
    found = project.run(lr=0.25)
    assert {name: each.state for name, each in found.items()} == {"c": "fresh", "b": "ran", "a": "ran"}
    assert found["b"].reasons == ["lr was 0.5 and is 0.25"] and found["a"].reasons == ["model.json has changed"]
    assert project.states(lr=0.25) == {"c": "fresh", "b": "fresh", "a": "fresh"}
    (project.folder / "raw.json").write_text("[1, 2, 3, 5]", encoding="utf-8")
    found = project.run(lr=0.25)
    assert {name: each.state for name, each in found.items()} == {"c": "ran", "b": "fresh", "a": "fresh"}
    assert found["c"].reasons == ["raw.json has changed"], "and since it gave the same, nothing else had to run"


def test_a_failure_stops_what_comes_after(first: dict[str, StageResult], project: Project) -> None:
    good = (project.folder / "shapes.py").read_text(encoding="utf-8")
    (project.folder / "shapes.py").write_text("def scaled(x, lr): raise ValueError('no')\n", encoding="utf-8")
    (project.folder / "report.txt").unlink()
    found = project.run(lr=0.25)
    assert {name: each.state for name, each in found.items()} == {"c": "fresh", "b": "failed", "a": "waits"}
    assert (
        found["b"].reasons == ["shapes.py (a module that it imports) has changed"] and "ValueError" in found["b"].error
    )
    record = found["b"].record
    assert record is not None
    run = project.space.store.get_run(record.run_id)
    assert (run.status, project.space.store.get_run(str(run.parent_run_id)).status) == ("FAILED", "FAILED")
    (project.folder / "shapes.py").write_text(good, encoding="utf-8")
    assert project.states(lr=0.25) == {"c": "fresh", "b": "fresh", "a": "ran"}


def test_the_command_line_shows_the_graph_and_the_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(
        book("k = 1  # {1, 2}", "open('x.txt', 'w').write(str(k))", tags=PARAMETERS), tmp_path / "prepare.ipynb"
    )
    nbformat.write(book("print(open('x.txt').read())"), tmp_path / "train.ipynb")
    assert main(["run", str(tmp_path), "-p", "kk=1"]) == 2
    assert "No stage has a parameter 'kk' (did you mean 'k'?)" in capsys.readouterr().err
    assert main(["run", str(tmp_path), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "prepare → train" in told and "it has not run yet" in told
    assert main(["run", str(tmp_path), "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert [(each["stage"], each["executed"], each["status"]) for each in stages] == [
        ("prepare", True, "FINISHED"), ("train", True, "FINISHED")
    ]  # fmt: skip
    assert main(["run", str(tmp_path), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [each["executed"] for each in again] == [False, False]
    assert [each["run_id"] for each in again] == [each["run_id"] for each in stages]
    assert main(["runs", "stage = 'train'", "--json"]) == 0
    assert [each["run_id"] for each in json.loads(capsys.readouterr().out)] == [stages[1]["run_id"]]


@pytest.mark.slow
def test_ctrl_c_ends_a_pipeline_with_its_kernel_and_says_130(tmp_path: Path) -> None:
    begun = tmp_path / "kernel.txt"
    wait = f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    folder = tmp_path / "project"
    folder.mkdir()
    nbformat.write(book("open('x.txt', 'w').write('1')"), folder / "prepare.ipynb")
    nbformat.write(book("open('x.txt').read()", wait), folder / "train.ipynb")
    process = command("run", str(folder), "--json", cwd=tmp_path)
    wait_until(begun.exists)
    wait_until(begun.read_text)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert [each["state"] for each in json.loads(out)] == ["ran", "failed"]
    assert "train was interrupted" in err.replace(".ipynb", "") and "go on with: mlops-nb run" in err, err
    assert "Traceback" not in err and not psutil.pid_exists(int(begun.read_text())), "a kernel was left behind"
    space = current()
    runs = space.store.search_runs(None, "").items
    assert sorted(run.status.value for run in runs) == ["FINISHED", "KILLED", "KILLED"]

    begun.unlink()
    process = command("run", str(folder / "train.ipynb"), cwd=tmp_path)
    wait_until(begun.exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130 and "was interrupted" in err, "a notebook by itself says the same"
