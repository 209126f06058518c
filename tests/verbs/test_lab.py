"""The verb ``lab``: what is installed, what is missing and what to do; the words that go on to JupyterLab."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from mlops_nb.errors import MlopsError
from mlops_nb.verbs import call_verb
from mlops_nb.verbs import lab as room


def test_a_missing_front_end_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "front_end", lambda: None)
    result, _ = call_verb("lab", ["--check"])
    assert result.status == 1
    assert "panels of JupyterLab are not installed. Type: pip install" in result.note


def test_another_versions_front_end_is_told_apart() -> None:
    facts = {"mlops_nb": "2.0", "jupyterlab": "4.6", "server_extension": "enabled", "front_end": "1.0"}
    [problem] = room.find_problems(facts)
    assert "of mlops_nb 1.0, the package is 2.0" in problem


@pytest.mark.skipif(os.name != "posix", reason="the process is replaced there only")
def test_words_and_the_store_go_on_to_jupyterlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    class Replaced(Exception):
        """Where this process would have become JupyterLab."""

    def replace(program: str, words: list[str], environment: dict[str, str]) -> None:
        started.append((words, environment))
        raise Replaced

    monkeypatch.setattr(os, "execve", replace)
    with pytest.raises(Replaced):
        call_verb("lab", ["a.ipynb", "--store", str(tmp_path / "kept"), "--port", "8890", "--no-browser"])
    words, environment = started[0]
    assert words == [sys.executable, "-m", "jupyterlab", "a.ipynb", "--port", "8890", "--no-browser"]
    assert environment["MLOPS_NB_STORE"] == str(tmp_path / "kept")
    settings = Path(environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0])
    overrides = json.loads((settings / "labconfig" / "default_setting_overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


async def _in_a_loop() -> None:
    call_verb("lab", [])


def test_a_notebook_is_not_blocked() -> None:
    import asyncio

    with pytest.raises(MlopsError, match="would block"):
        asyncio.run(_in_a_loop())
