"""The example notebooks run as a user runs them, and show what their text says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.ipynb"))
PARAMETERS = {"quickstart": ["-p", "epochs=5"]}


def run_example(example: Path, folder: Path) -> dict[str, str]:
    """Run a notebook with ``mlops-nb run`` in a folder of its own: what each cell showed, by the cell's id."""
    shutil.copy(example, folder)
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")}
    environment = {**own, "MLOPS_NB_STORE": str(folder / ".mlops_nb"), "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    words = ["run", example.name, "-o", "out.ipynb", *PARAMETERS.get(example.stem, [])]
    done = subprocess.run(
        [sys.executable, "-m", "mlops_nb.cli", *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = {}
    for cell in json.loads((folder / "out.ipynb").read_text(encoding="utf-8"))["cells"]:
        outputs = [
            output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", ())
        ]
        shown[cell["id"]] = "\n".join("".join(output) for output in outputs)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_keeps_its_promise(example: Path, tmp_path: Path) -> None:
    shown = run_example(example, tmp_path)
    if example.stem == "quickstart":
        assert all("Restart & Run All: clean" in shown[cell] for cell in ("prepare", "verdict"))
    if example.stem == "02_hidden_state":
        assert "revenue: 1,171.2" in shown["friday"] and "revenue: 1,215.1" in shown["monday"]
        assert "ran 2 times" in shown["badge"] and "edited since" in shown["badge"]
        assert "price = 3.2" in shown["code"] and "Bob" in shown["code"]
        assert not any(word in shown["code"] for word in ("price = 3.0", "price = 2.9", "print(max"))
        assert shown["verdict"].startswith("≡ identical")
        assert "diverged" in shown["diverged"] and "visits.csv has changed" in shown["diverged"]
        assert shown["diverged"].count("\n") < 8, "a notebook is no place for progress lines"
    if example.stem == "03_models":
        assert "registered version 1 of wine" in shown["register"]
        assert "version 2 of wine is @champion" in shown["promote"]
        assert "not promoted to @champion" in shown["refused"] and "less than 0.95" in shown["refused"]
        assert "wine/1" in shown["evaluate"] and "accuracy_score" in shown["evaluate"]
        assert "'proline'" in shown["wrong"] and "version 1 of wine is @champion again" in shown["rollback"]
        assert shown["history"].index("back, version 2") < shown["history"].index("refused for @champion")
        assert "# wine, version 2" in shown["card"]
    if example.stem == "06_loop":
        assert shown["quiet"].startswith("✓ no drift") and shown["drift"].startswith("▲ drift")
        assert "digits" in shown["retrain"] and "is the champion now, in place of version 1" in shown["retrain"]
        assert "by version 2" in shown["follows"] and "version 1 monitored: drift" in shown["history"]
        steps = [" ".join(line.split()) for line in shown["lineage"].splitlines()]
        assert steps.count("service: digits/1 → run: monitor digits/1") == 2
        assert "run: monitor digits/1 → run: fit" in steps and "run: fit → version: models:/digits/2" in steps


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_stored_clean(example: Path) -> None:
    cells = json.loads(example.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert cells[0]["cell_type"] == "markdown" and code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_the_pipeline_runs_once_and_then_only_what_is_stale(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "pipeline", tmp_path / "pipeline")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")}
    environment = {**own, "MLOPS_NB_STORE": str(tmp_path / ".mlops_nb"), "PYTHONPATH": str(ROOT)}

    def run(*words: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "mlops_nb.cli", "run", "pipeline", "--json", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    first = run()
    assert [each["stage_name"] for each in first] == ["prepare", "features", "train", "evaluate"]
    assert [each["stage"] for each in first] == ["preparation", "features", "training", "evaluation"]
    assert all(each["executed"] for each in first)
    assert first[3]["metrics"]["accuracy"] > 0.9 and first[2]["metrics"]["cv_accuracy"] > 0.9
    assert "data/train_features.csv" in first[2]["reads"] and first[2]["writes"] == ["data/model.json"]
    assert not any(each["executed"] for each in run())
    changed = run("-p", "threshold=0.7")
    assert [each["executed"] for each in changed] == [False, False, False, True]
    assert changed[3]["reasons"] == ["threshold was 0.5 and is 0.7"]


@pytest.mark.parametrize(
    "example", sorted((ROOT / "examples" / "pipeline").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_a_stage_is_stored_clean(example: Path) -> None:
    cells = json.loads(example.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
