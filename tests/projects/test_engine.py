"""papermill with our engine: by its Python API, and by its command line through the entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.engines import papermill_engines

from mlops_nb.entities import Status
from mlops_nb.projects.engine import TrackingEngine
from mlops_nb.workspace import current, open_workspace
from tests.house import ROOT
from tests.projects.notebooks import book, text_of


@pytest.fixture(autouse=True)
def engine() -> None:
    """As the installed entry point does."""
    papermill_engines.register("mlops-nb", TrackingEngine)


def write(notebook: nbformat.NotebookNode) -> None:
    """Put the notebook where papermill is told to look; it wants a kernel to be named."""
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, "in.ipynb")


def test_papermill_tracks_with_our_engine() -> None:
    write(
        book(
            "lr = 0.1\nday = since = None",
            "%load_ext mlops_nb",
            "%%track\nacc = 1 - lr",
            "day",
            tags={0: ["parameters"]},
        )
    )
    papermill.execute_notebook(
        "in.ipynb", "out.ipynb", {"lr": 0.25, "day": "2024-01-31"}, engine_name="mlops-nb", experiment="mill",
        progress_bar=False,
    )  # fmt: skip
    (run,) = current().store.search_runs(None, "parent_run_id IS NULL").items
    assert (run.name, run.experiment, run.status) == ("in", "mill", Status.FINISHED)
    assert run.params == {"lr": 0.25, "day": "2024-01-31", "since": None}
    assert run.metrics == {"acc": 0.75}
    assert text_of(nbformat.read("out.ipynb", 4).cells[-1]) == "'2024-01-31'"


def test_papermill_raises_its_own_error_and_the_run_failed() -> None:
    write(book("1 / 0", "2"))
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        papermill.execute_notebook("in.ipynb", "out.ipynb", engine_name="mlops-nb", progress_bar=False)
    (run,) = current().store.search_runs().items
    assert run.status is Status.FAILED
    assert "papermill-error-cell-tag" in nbformat.read("out.ipynb", 4).cells[0].metadata.tags


def test_values_that_papermill_writes_wrong_are_written_right() -> None:
    write(book("day = sizes = None", "[day, sizes]", tags={0: ["parameters"]}))
    given = {"day": date(2024, 1, 31), "sizes": {1: [2, 3.0]}}
    papermill.execute_notebook("in.ipynb", "out.ipynb", given, engine_name="mlops-nb", progress_bar=False)
    assert text_of(nbformat.read("out.ipynb", 4).cells[-1]) == "[datetime.date(2024, 1, 31), {1: [2, 3.0]}]"


def test_the_command_line_finds_the_engine(tmp_path: Path) -> None:
    installed = tmp_path / "site" / "mlops_nb-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mlops_nb\nVersion: 0\n", encoding="utf-8")
    entry = "[papermill.engine]\nmlops-nb = mlops_nb.projects.engine:TrackingEngine\n"
    (installed / "entry_points.txt").write_text(entry, encoding="utf-8")
    old = json.loads(nbformat.writes(book("lr = 1", "print(lr)", tags={0: ["parameters"]})))
    for cell in old["cells"]:
        del cell["id"]
    old["nbformat_minor"] = 4
    old["metadata"] = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    (tmp_path / "in.ipynb").write_text(json.dumps(old), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed.parent)])}
    environment["MLOPS_NB_STORE"] = str(tmp_path / "store")
    words = ["in.ipynb", "out.ipynb", "--engine", "mlops-nb", "-p", "lr", "2", "--no-progress-bar"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    store = open_workspace(str(tmp_path / "store")).store
    (run,) = store.search_runs().items
    assert (run.status, run.params, run.notebook) == (Status.FINISHED, {"lr": 2}, "in.ipynb")
    assert [cell["cell_id"] for cell in store.facts(run.run_id)["cells"]] == ["cell-1", "injected-parameters", "cell-2"]
    store.close()


def test_the_entry_point_is_declared() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["papermill.engine"]["mlops-nb"] == "mlops_nb.projects.engine:TrackingEngine"


def test_papermill_can_be_imported_in_any_order() -> None:
    for first, second in (("papermill", "mlops_nb.projects.engine"), ("mlops_nb.projects.engine", "papermill")):
        done = subprocess.run(
            [sys.executable, "-c", f"import {first}, {second}"], capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
