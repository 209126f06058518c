"""The registry by verbs: the whole road, the shapes that others rely on, exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.cli import main
from tests.house import ROOT
from tests.registry.runs import make_run


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    found = main([*words])
    caught = capsys.readouterr()
    assert found == status, caught
    return caught.out + caught.err


def ask(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_the_whole_road(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (make_run(name, metrics={"auc": auc}, data="x") for name, auc in (("one", 0.8), ("two", 0.82)))
    assert "No registered models" in run(capsys, "models")
    said = run(capsys, "register", "one", "churn", "--comment", "first")
    assert "registered version 1 of churn, from run one (" in said
    registered = ask(capsys, "register", two, "churn", "--path", "model", "-t", "team=risk")
    assert (registered["version"], registered["run_id"], registered["tags"]) == (2, two, {"team": "risk"})
    assert "bytes are those of version 2" in run(capsys, "register", f"runs:/{two}/model", "churn")
    assert "version 1 of churn is @champion" in run(capsys, "promote", "churn/1", "--alias", "champion")
    run(capsys, "gates", "churn", "--on", "@champion", "--min", "auc=0.81", "--better", "auc=0.05")
    assert "auc is at least 0.81" in run(capsys, "gates", "churn")
    refused = ask(capsys, "promote", "churn/2", "--alias", "champion", status=1)
    assert [check["passed"] for check in refused["checks"]] == [True, False]
    assert "✗ better: auc is 0.82" in run(capsys, "gates", "churn", "--try", "2", status=1)
    assert "needs a comment" in run(capsys, "promote", "churn/2", "--alias", "champion", "--force", status=2)
    run(capsys, "promote", "churn/2", "--alias", "champion", "--force", "--comment", "urgent", "--stage", "production")
    assert "version 1 of churn is @champion again" in run(capsys, "rollback", "churn@champion")
    assert "approves version 2" in run(capsys, "approve", "churn/2")
    run(capsys, "describe", "churn", "who leaves")
    assert "@champion: 1, Production: 2  who leaves" in run(capsys, "models")
    history = run(capsys, "history", "churn")
    assert "@champion: back, version 2 → 1" in history and "“urgent”" in history and "(forced)" in history
    assert f"run {'two'}" in run(capsys, "history", "churn/2")
    (listed,) = ask(capsys, "models")
    assert listed["name"] == "churn" and [version["version"] for version in listed["versions"]] == [3, 2, 1]
    assert set(listed["versions"][0]) >= {"version", "stage", "aliases", "run_id", "digest", "created"}
    assert listed["versions"][2]["aliases"] == ["champion"] and listed["versions"][2]["run_id"] == one
    assert listed["versions"][1]["created"].endswith("Z")


def test_which_models_came_from_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    make_run("one", data="x")
    run(capsys, "register", "one", "churn")
    (file,) = Path().glob("data-*.csv")
    assert [version["name"] for version in ask(capsys, "history", str(file))] == ["churn"]
    assert "models:/churn/1" in run(capsys, "history", str(file))
    assert "models:/churn/1" in run(capsys, "lineage", str(file), "--mermaid")


def test_gates_from_a_file_and_cleared(capsys: pytest.CaptureFixture[str]) -> None:
    make_run("one")
    run(capsys, "register", "one", "churn")
    Path("gates.json").write_text('[{"check": "verdict"}, {"check": "approver", "users": ["bob"]}]')
    found = ask(capsys, "gates", "churn", "--on", "production", "--set", "gates.json")
    assert [check["check"] for check in found["gates"]["Production"]] == ["verdict", "approver"]
    found = ask(capsys, "gates", "churn", "--on", "Production", "--max", "loss=1", "--lower", "loss", "--reproduced")
    assert len(found["gates"]["Production"]) == 5
    assert ask(capsys, "gates", "churn", "--on", "Production", "--clear")["gates"] == {}
    for wrong in (["--min", "auc=0.8"], ["--on", "Production", "--min", "auc"], ["--on", "Production", "--set", "{}"]):
        run(capsys, "gates", "churn", *wrong, status=2)
    for text in ("{", '{"a": 1}', "[1]"):
        Path("bad.json").write_text(text)
        run(capsys, "gates", "churn", "--on", "Production", "--set", "bad.json", status=2)
    assert ask(capsys, "gates", "churn")["gates"] == {}


def test_a_card_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    make_run("one", metrics={"auc": 0.8})
    run(capsys, "register", "one", "churn")
    assert "# churn, version 1" in run(capsys, "card", "churn/1")
    run(capsys, "card", "churn/latest", "-o", "card.html")
    assert Path("card.html").read_text().startswith("<!doctype html>")
    run(capsys, "card", "churn/1", "-o", "card.pdf", status=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["register", "nothing", "churn"], "There is no run 'nothing'"),
        (["register", "one", "a/b"], "has a '/'"),
        (["register", "one", "churn", "-t", "x"], "NAME=VALUE"),
        (["promote", "churn", "--alias", "x"], "names no version"),
        (["promote", "churn/1"], "needs an alias or a stage"),
        (["promote", "churn/1", "--stage", "Prod"], "There is no stage 'Prod'"),
        (["promote", "churn/7", "--alias", "x"], "has no version 7"),
        (["rollback", "churn/1"], "names no alias and no stage"),
        (["rollback", "churn@champion"], "No version of 'churn' was @champion before"),
        (["history", "nothing"], "There is no registered model 'nothing'"),
        (["describe", "churn"], "needs a text or a tag"),
        (["gates", "nothing"], "no registered model"),
        (["models", "nam = 'x'"], "character 1"),
        (["models", "--limit", "0"], "from 1 on"),
        (["promot", "churn/1"], "Did you mean: mlops-nb promote"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    make_run("one")
    run(capsys, "register", "one", "churn")
    text = run(capsys, *words, status=2)
    assert said in text and "Traceback" not in text


def test_a_gate_executes_its_notebook(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the kernel imports the checkout
    make_run("one")
    run(capsys, "register", "one", "churn")
    lines = [
        "model_uri = ''",
        "from mlops_nb.registry import resolve\nfound = resolve(model_uri)\nassert found.version == 1",
        "import mlops_nb\nmlops_nb.log_metric('files', len(found.entries))",
    ]
    cells = [
        {
            "cell_type": "code", "id": f"c{n}", "source": line, "outputs": [], "execution_count": None,
            "metadata": {"tags": ["parameters"]} if n == 0 else {},
        }
        for n, line in enumerate(lines)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    Path("evaluate.ipynb").write_text(json.dumps(notebook))
    check = [{"check": "notebook", "path": "evaluate.ipynb", "metric": "files", "min": 3}]
    run(capsys, "gates", "churn", "--on", "@champion", "--set", json.dumps(check))
    assert "files of the notebook evaluate.ipynb is 2, less than 3" in run(
        capsys, "promote", "churn/1", "--alias", "champion", status=1
    )
    check[0]["min"] = 2
    run(capsys, "gates", "churn", "--on", "@champion", "--set", json.dumps(check))
    assert "is @champion" in run(capsys, "promote", "churn/1", "--alias", "champion")
    (evaluated, *_) = ask(capsys, "runs", "tags.`mlops_nb.evaluates` = 'models:/churn/1'")
    assert evaluated["metrics"]["files"] == 2


def test_the_store_s_verbs_know_of_versions(capsys: pytest.CaptureFixture[str]) -> None:
    made = make_run("one")
    run(capsys, "register", "one", "churn")
    space = workspaces.current()
    space.store.update_run(made, lifecycle_stage="deleted")
    assert ask(capsys, "store", "gc", "--grace", "0")["runs_removed"] == 1
    digest = space.store.version_files("churn", 1)[0].digest
    assert ask(capsys, "store", "verify")["damaged"] == []
    blob = space.artifacts.local_path(digest)
    assert blob is not None
    blob.chmod(0o600)
    blob.write_text("rotten")
    (damaged,) = ask(capsys, "store", "verify", status=1)["damaged"]
    assert damaged["used_by"] == ["models:/churn/1:MLmodel"]
    assert ask(capsys, "store", "upgrade")["upgraded"] is False
