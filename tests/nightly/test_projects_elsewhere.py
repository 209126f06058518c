"""Packaged projects where nothing of ours is: in a fresh virtual environment, and by a real ``mlflow run``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from mlops_nb.projects.packaging import package_run
from mlops_nb.projects.rerun import run_notebook
from mlops_nb.projects.sites import find_uv
from mlops_nb.workspace import open_workspace
from tests.house import ROOT
from tests.projects.notebooks import book

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]

NOTEBOOK = book(
    "lr: float = 0.5  # (0, 1]\nnames = ['a b', \"it's; $(id)\"]",
    "import json, sys\nimport yaml\nrows = json.load(open('raw.json'))",
    "print(sys.prefix)\njson.dump({'loss': sum(rows) * lr, 'names': names}, open('result.json', 'w'))",
    tags={0: ["parameters"]},
)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with its data, packaged from a run."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "raw.json").write_text("[1, 2, 3]", encoding="utf-8")
    nbformat.write(NOTEBOOK, folder / "train.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        space = open_workspace(str(folder / ".mlops_nb"), start=folder)
        run = run_notebook(folder / "train.ipynb", workspace=space)
        target = tmp_path_factory.mktemp("elsewhere") / "project"
        package_run(run.run_id, target, with_data=True, workspace=space)
        space.close()
    yield target


def environment(folder: Path, *packages: str) -> Path:
    """A fresh virtual environment with these packages: its folder of programs."""
    uv = find_uv()
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *packages], check=True)
    return folder / "bin"


def variables(programs: Path, **more: str) -> dict[str, str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLOPS_NB_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV", "JUPYTER"))
    }
    return clean | {"PATH": os.pathsep.join([str(programs), clean["PATH"]]), **more}


def test_it_runs_in_a_fresh_environment_built_from_its_lock(packaged: Path, tmp_path: Path) -> None:
    assert "--hash=sha256:" in (packaged / "requirements.lock").read_text(encoding="utf-8")
    programs = environment(tmp_path / "venv", str(ROOT))
    project = shutil.copytree(packaged, tmp_path / "fresh" / "project")
    done = subprocess.run(
        ["mlops-nb", "run", "project", "-p", "lr=0.25", "--env", "locked", "--json"],
        cwd=project.parent, env=variables(programs), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)
    result = json.loads((project / "result.json").read_text(encoding="utf-8"))
    assert result == {"loss": 1.5, "names": ["a b", "it's; $(id)"]} and run["params"]["lr"] == 0.25
    logged = subprocess.run(
        ["mlops-nb", "log", run["run_id"]], cwd=project.parent, env=variables(programs), capture_output=True, text=True
    )
    built = [path.parent for path in project.parent.glob(".mlops_nb/environments/*/complete")]
    assert len(built) == 1 and str(built[0]) in logged.stdout, "it ran in the environment that uv built"


def test_mlflow_runs_it(packaged: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "venv", str(ROOT), "mlflow", "pyyaml")
    project = shutil.copytree(packaged, tmp_path / "project")
    done = subprocess.run(
        ["mlflow", "run", str(project), "--env-manager", "local", "-P", "lr=0.75", "-P", 'names=["x; touch pwned"]'],
        cwd=tmp_path, env=variables(programs, MLFLOW_DISABLE_TELEMETRY="true"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((project / "result.json").read_text(encoding="utf-8")) == {
        "loss": 4.5,
        "names": ["x; touch pwned"],
    }
    assert not list(tmp_path.rglob("pwned"))


def test_papermill_runs_its_notebook(packaged: Path, tmp_path: Path) -> None:
    project = shutil.copytree(packaged, tmp_path / "project")
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "train.ipynb", "out.ipynb", "-p", "lr", "0.5"],
        cwd=project, env=variables(programs), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((project / "result.json").read_text(encoding="utf-8"))["loss"] == 3.0
