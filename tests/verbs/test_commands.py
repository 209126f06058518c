"""The command line as a user types it: shapes, exit statuses, one sentence for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.cli import main

RUN_KEYS = {
    "run_id", "name", "experiment", "status", "start_time", "end_time", "params", "metrics", "tags", "parent_run_id",
    "notebook", "cell_id", "revision", "stage",
}  # fmt: skip
SHOW_KEYS = RUN_KEYS | {
    "history", "code", "slice", "restart_run_all", "data", "environment", "git", "randomness", "outputs", "artifacts",
    "models", "error",
}  # fmt: skip


@pytest.fixture
def three_runs() -> list[str]:
    """Runs with params, metrics, a curve and a file."""
    found = []
    for number, name in enumerate(("alpha", "beta", "gamma")):
        with mlops_nb.start_run(run_name=name, experiment="letters") as run:
            mlops_nb.log_params({"lr": 0.1 * (number + 1), "kind": "x", "bad": float("nan")})
            mlops_nb.log_metrics({"acc": [0.1, 0.5 + number / 10]}, step=[0, 1])
            mlops_nb.log_text(f"hello {name}", "notes/hello.txt")
        found.append(run.run_id)
    return found


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """Exit status, and what was printed: parsed where it is JSON."""
    status = main(list(words))
    out = capsys.readouterr().out
    return status, json.loads(out) if "--json" in words and status == 0 else out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence on stderr."""
    assert main(list(words)) == 2
    caught = capsys.readouterr()
    assert caught.out == "" and len(caught.err.strip().splitlines()) == 1, caught
    return caught.err


def test_runs_have_the_shape_that_others_rely_on(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, runs = printed(capsys, "runs", "--json")
    assert status == 0 and [run["name"] for run in runs] == ["gamma", "beta", "alpha"]
    assert set(runs[0]) >= RUN_KEYS
    assert runs[2]["params"] == {"lr": 0.1, "kind": "x", "bad": "NaN"}
    assert runs[0]["start_time"].endswith("Z") and runs[0]["status"] == "FINISHED"


def test_filters_orders_and_limits(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def names(*words: str) -> list[str]:
        return [run["name"] for run in printed(capsys, "runs", *words, "--json")[1]]

    assert names("metrics.acc > 0.55") == ["gamma", "beta"]
    assert names("metrics.acc > 0.55 and params.lr < 0.25") == ["beta"]
    assert names("NOT (name = 'beta' OR name LIKE 'gam%')") == ["alpha"]
    assert names("name IN ('alpha', 'gamma')", "--order-by", "metrics.acc ASC") == ["alpha", "gamma"]
    assert names("name IN ('alpha', 'gamma')", "--order-by", "acc") == ["alpha", "gamma"]
    assert names("--limit", "1") == ["gamma"]
    assert names("-e", "letters") == ["gamma", "beta", "alpha"]
    assert "^" in capsys_error(capsys, "runs", "metrics.acc >> 1")


def capsys_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a filter's error says; it may point with a second line."""
    assert main(list(words)) == 2
    return capsys.readouterr().err


def test_show_has_the_shape_that_others_rely_on(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for reference in ("beta", three_runs[1], three_runs[1][:31]):
        status, run = printed(capsys, "show", reference, "--json")
        assert status == 0 and run["run_id"] == three_runs[1] and set(run) >= SHOW_KEYS
    assert [(point["step"], point["value"]) for point in run["history"]["acc"]] == [(0, 0.1), (1, 0.6)]
    assert run["artifacts"][0]["path"] == "notes/hello.txt" and run["artifacts"][0]["digest"].startswith("sha256:")


def test_drawn_for_a_terminal(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "gamma" in printed(capsys, "runs")[1]
    assert "0.6" in printed(capsys, "show", "beta")[1]
    assert "lr" in printed(capsys, "compare", "alpha", "beta")[1]
    _, compared = printed(capsys, "compare", "alpha", "beta", "--json")
    assert {row["name"]: row["values"] for row in compared["differences"] if row["part"] == "params"} == {
        "lr": [0.1, 0.2]
    }


def test_artifacts_are_listed_and_fetched(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert [entry["path"] for entry in printed(capsys, "artifacts", "alpha", "--json")[1]] == ["notes/hello.txt"]
    assert printed(capsys, "artifacts", "alpha", "notes/hello.txt", "-o", "got.txt")[0] == 0
    assert Path("got.txt").read_text() == "hello alpha"
    assert printed(capsys, "artifacts", "alpha", "-o", "all")[0] == 0
    assert Path("all/notes/hello.txt").read_text() == "hello alpha"
    assert "no artifact" in refused(capsys, "artifacts", "alpha", "nothing.txt")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rns"], "Did you mean: mlops-nb runs"),
        (["runs", "--limt", "3"], "Did you mean --limit?"),
        (["runs", "--limit", "0"], "--limit takes a number from 1 on"),
        (["runs", "--limit", "x"], "invalid int value"),
        (["runs", "-e", "nowhere"], "There is no experiment 'nowhere'"),
        (["show", "nothing"], "There is no run 'nothing'"),
        (["show"], "required: RUN"),
        (["code", "alpha"], "has no recorded code"),
        (["compare", "alpha"], "compare takes 2 to 50 runs"),
        (["show", "   "], "is empty"),
        (["store", "explode"], "info"),
        (["server", "--port", "70000"], "a port is a number from 0 to 65535"),
        (["runs", "--store", "ftp://x/y"], ""),
        (["run", "missing.ipynb"], "missing.ipynb"),
        (["artifacts", "alpha", "/etc/passwd"], ""),
    ],
)
def test_bad_input_is_one_sentence(
    three_runs: list[str], capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert sentence in refused(capsys, *words)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["runs", "--help"], ["--version"]):
        assert main(words) == 0
        assert "mlops-nb" in capsys.readouterr().out


def test_the_store_is_looked_at_checked_and_cleaned(three_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from mlops_nb import workspace

    status, info = printed(capsys, "store", "info", "--json")
    assert status == 0 and info["runs"] == 3
    assert printed(capsys, "store", "verify", "--json")[1]["damaged"] == []
    store = workspace.current().store
    store.update_run(three_runs[0], lifecycle_stage="deleted")
    _, freed = printed(capsys, "store", "gc", "--grace", "0", "--json")
    assert (freed["runs_removed"], freed["blobs_removed"]) == (1, 1) and freed["bytes_freed"] == len("hello alpha")
    (digest,) = {entry.digest for entry in store.artifacts(three_runs[1])}
    path = workspace.current().artifacts.local_path(digest)
    assert path is not None
    path.chmod(0o600)
    path.write_text("HELLO beta")
    status, found = main(["store", "verify", "--json"]), json.loads(capsys.readouterr().out)
    assert status == 1 and found["damaged"][0]["digest"] == digest
    assert found["damaged"][0]["used_by"] == [f"{three_runs[1]}:notes/hello.txt"]


def notebook(path: str, *cells: str, parameters: str = "lr: float = 0.1  # learning rate [0, 1]") -> None:
    """Write a notebook with a parameters cell."""
    book = v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}})
    book.cells = [v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}), *map(v4.new_code_cell, cells)]
    nbformat.write(book, path)


def test_a_notebook_runs_as_a_run_with_its_cells_nested(capsys: pytest.CaptureFixture[str]) -> None:
    notebook("train.ipynb", "%load_ext mlops_nb", "%%track -n fit\nprint('fitting', lr)\nscore = lr * 2")
    status, runs = printed(capsys, "run", "train.ipynb", "-p", "lr=0.5", "-o", "out.ipynb", "--json")
    assert status == 0 and [run["name"] for run in runs] == ["train", "fit"]
    whole, cell = runs
    assert whole["params"] == {"lr": 0.5} and cell["parent_run_id"] == whole["run_id"]
    assert cell["metrics"] == {"score": 1.0} and cell["notebook"] == "train.ipynb" and cell["cell_id"]
    assert nbformat.read("out.ipynb", 4).cells[-1].outputs[0]["text"] == "fitting 0.5\n"
    paths = {entry["path"] for entry in printed(capsys, "artifacts", "train", "--json")[1]}
    assert {"train.ipynb", "train.html"} <= paths
    assert "fitting 0.5" in printed(capsys, "log", "train")[1]
    assert "fitting 0.5" in printed(capsys, "log", "fit")[1]


def test_a_notebook_that_fails_is_kept_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    notebook("broken.ipynb", "x = 1", "raise ValueError('it broke here')", "y = 2")
    status = main(["run", "broken.ipynb"])
    caught = capsys.readouterr()
    assert status == 1 and "ValueError" in caught.err and "it broke here" in caught.err and "cell 3" in caught.err
    _, run = printed(capsys, "show", "broken", "--json")
    assert run["status"] == "FAILED" and {"broken.ipynb", "broken.html"} <= {a["path"] for a in run["artifacts"]}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-p", "lrr=0.2"], "did you mean 'lr'?"),
        (["-p", "lr=much"], "lr=much"),
        (["-p", "lr=2"], "lr=2"),
        (["-p", "lr"], "lr"),
        (["-o", "no/such/folder/out.ipynb"], "does not exist"),
    ],
)
def test_parameters_are_checked_before_anything_runs(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    notebook("train.ipynb", "open('ran', 'w')")
    assert sentence in refused(capsys, "run", "train.ipynb", *words)
    assert not Path("ran").exists() and printed(capsys, "runs", "--json")[1] == []


def test_a_notebooks_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    notebook("train.ipynb")
    status, text = printed(capsys, "run", "train.ipynb", "--help")
    assert status == 0 and "lr" in text and "learning rate" in text and "[0, 1]" in text


def test_streams_that_are_closed_or_know_few_characters_and_a_folder_that_is_gone(tmp_path: Path) -> None:
    with mlops_nb.start_run(run_name="größe"):
        pass
    workspaces.current().flush()
    gone = tmp_path / "gone"
    gone.mkdir()
    script = (
        'import os, sys\nfrom mlops_nb.cli import main\nos.rmdir(os.getcwd())\nsys.argv = ["mlops-nb", "runs"]\n'
        'assert main() == 0\nsys.stdout = None\nassert main() == 0\ndel os.environ["MLOPS_NB_STORE"]\n'
        "from mlops_nb import workspace\nworkspace.replace_current(None)\nsys.exit(main())"
    )
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(mlops_nb.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], cwd=gone, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "gr??e" in done.stdout, done.stderr
    assert done.stderr == "mlops-nb: The working folder was deleted. Go to one that is there, with: cd\n"
