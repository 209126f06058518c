"""Packaged projects: what is in them, that they run, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from mlops_nb.cli import main
from mlops_nb.entities import Run
from mlops_nb.errors import AlreadyExists, InvalidState
from mlops_nb.projects.packaging import package_run
from mlops_nb.projects.parameters import contract
from mlops_nb.projects.rerun import run_notebook
from mlops_nb.projects.spec import read_project
from mlops_nb.tracking import start_run
from mlops_nb.workspace import Workspace, open_workspace, using
from tests.projects.notebooks import book

TRAIN = book(
    "%load_ext mlops_nb",
    "lr: float = 0.1  # step size (0, 1]\nnames = ['a b', \"it's\"]\nmode = 'fast'  # in {fast, slow}",
    "import json\nimport features\nrows = json.load(open('data/raw.json'))",
    "%%track fits\nscale = 2\nloss = features.total(rows) * lr * scale\n"
    "open('model.txt', 'w').write(str(loss)); mlops_nb = None",
    "import mlops_nb\nmlops_nb.log_dict({'rows': rows}, 'rows.json')",
    tags={1: ["parameters"]},
)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "data").mkdir()
    (folder / "data" / "raw.json").write_text("[1, 2, 3]", encoding="utf-8")
    (folder / "features.py").write_text("def total(rows): return sum(rows)\n", encoding="utf-8")
    opened = open_workspace(str(folder / ".mlops_nb"), start=folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def trained(space: Workspace) -> Run:
    nbformat.write(TRAIN, space.project / "train.ipynb")
    return run_notebook(space.project / "train.ipynb", params={"lr": 0.5}, workspace=space)


def test_the_run_knows_what_the_notebook_read_wrote_and_imported(trained: Run, space: Workspace) -> None:
    seen = {(ref.path, ref.mode): ref for ref in space.store.data(trained.run_id)}
    assert set(seen) == {("data/raw.json", "read"), ("features.py", "read"), ("model.txt", "write")}
    assert all(ref.digest.startswith("sha256:") for ref in seen.values())
    made = space.store.facts(trained.run_id)["made_from"]
    assert list(made["cells"]) == ["c0", "c1", "c2", "c3", "c4"] and "ipykernel" in made["packages"]


def test_a_package_has_all_that_it_takes(trained: Run, space: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = package_run(trained.run_id, target, with_data=True, hashes=False, workspace=space)
    assert set(done.files) == {
        "MLproject", "README.md", "data.json", "data/raw.json", "features.py", "python_env.yaml", "requirements.lock",
        "train.ipynb",
    }  # fmt: skip
    notebook = nbformat.read(target / "train.ipynb", 4)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells)
    assert len(notebook.cells) == 5 and contract(notebook).defaults() == {
        "lr": 0.5, "names": ["a b", "it's"], "mode": "fast"
    }  # fmt: skip
    project = read_project(target)
    lr, mode = (project.entry_point().parameters[name] for name in ("lr", "mode"))
    assert (str(lr.type), lr.default, lr.range, lr.help) == ("float", 0.5, "(0, 1]", "step size")
    assert mode.choices == ("fast", "slow")
    assert project.environment is not None and any("ipykernel==" in text for text in project.environment.requirements)
    lock = (target / "requirements.lock").read_text(encoding="utf-8")
    assert "ipykernel==" in lock and "pandas==" not in lock, "only what the run used"
    listed = {each["path"]: each for each in json.loads((target / "data.json").read_text(encoding="utf-8"))["data"]}
    assert set(listed) == {"data/raw.json", "features.py"} and listed["data/raw.json"]["included"] is True
    assert not list(tmp_path.glob(".out-*"))


def test_a_packaged_project_runs_and_gives_the_same(
    trained: Run, space: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package_run(trained.run_id, tmp_path / "out", with_data=True, hashes=False, workspace=space)
    with using(space):
        assert main(["run", str(tmp_path / "out"), "--json", "-e", "again"]) == 0
    run = json.loads(capsys.readouterr().out)[0]
    assert run["metrics"] == trained.metrics and run["params"] == trained.params
    assert run["tags"]["mlops_nb.project"] == str(tmp_path / "out")


def test_data_that_is_missing_or_changed_is_said_before_anything_runs(
    trained: Run, space: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package_run(trained.run_id, tmp_path / "out", hashes=False, workspace=space)
    assert not (tmp_path / "out" / "data").exists()
    assert main(["run", str(tmp_path / "out")]) == 2
    assert "data/raw.json is not there (9 bytes, sha256:" in capsys.readouterr().err


def test_what_cannot_be_packaged_is_refused(trained: Run, space: Workspace, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(AlreadyExists):
        package_run(trained.run_id, tmp_path / "full", workspace=space)
    with using(space), start_run(run_name="by hand") as run:
        pass
    with pytest.raises(InvalidState, match="not made by a notebook"):
        package_run(run.run_id, tmp_path / "out", workspace=space)
    raw = space.project / "data" / "raw.json"
    before = raw.read_text(encoding="utf-8")
    raw.write_text("[9]", encoding="utf-8")
    try:
        with pytest.raises(InvalidState, match=r"data/raw.json is not what the run read any more"):
            package_run(trained.run_id, tmp_path / "out", with_data=True, hashes=False, workspace=space)
    finally:
        raw.write_text(before, encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"], "nothing half-written"


def test_a_tracked_cell_is_packaged_as_its_slice(trained: Run, space: Workspace, tmp_path: Path) -> None:
    nested = space.store.search_runs(None, f"parent_run_id = '{trained.run_id}'", limit=9).items
    (cell,) = [run for run in nested if run.metrics]
    package_run(cell.run_id, tmp_path / "out", with_data=True, hashes=False, workspace=space)
    notebook = nbformat.read(tmp_path / "out" / "train.ipynb", 4)
    stated = contract(notebook).defaults()
    assert stated["scale"] == 2 and stated["lr"] == 0.5
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("scale = 2") == 1 and "log_dict" not in text and "%%track fits" in text
    again = run_notebook(tmp_path / "out" / "train.ipynb", params={"scale": 4}, workspace=space)
    assert again.metrics["loss"] == 2 * cell.metrics["loss"]


def test_what_a_notebook_computed_is_read_back(trained: Run, space: Workspace, tmp_path: Path) -> None:
    import mlops_nb

    with using(space):
        again = mlops_nb.rerun(trained.run_id, {"lr": 0.25})
        assert isinstance(again, Run) and again.metrics == {"loss": trained.metrics["loss"] / 2}
        assert again.tags["mlops_nb.rerun_of"] == trained.run_id and again.params["lr"] == 0.25
        assert again.load_dict("rows.json") == {"rows": [1, 2, 3]}
        assert {"rows.json", "train.ipynb", "train.html"} <= set(again.artifacts)
        assert again.fetch("rows.json", tmp_path / "deep" / "rows.json").read_text(encoding="utf-8").startswith("{")
        with pytest.raises(LookupError, match=r"has no file 'none\.json'"):
            again.read("none.json")
