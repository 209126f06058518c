"""Whose code a file is: the interpreter's, a distribution's wherever it was installed, or the user's."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path

import pytest

from mlops_nb.capture.data.borders import Border
from mlops_nb.capture.installed import holds_distributions, is_installed
from mlops_nb.capture.slicing.layout import is_local


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as ``pip install --target`` leaves it, with a module of the user's own beside what was installed."""
    folder = tmp_path / "layer"
    for name in ("brought_pkg/__init__.py", "brought_pkg/core.py", "brought_one.py", "mine.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("state = []\n", "utf-8")
    info = folder / "brought-1.0.dist-info"
    info.mkdir()
    with (info / "RECORD").open("w", encoding="utf-8", newline="") as file:
        names = ("../../bin/brought", "brought_pkg/__init__.py", "brought_pkg/core.py", "brought_one.py")
        csv.writer(file).writerows((name, "sha256=x", "11") for name in (*names, "brought-1.0.dist-info/RECORD"))
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_what_a_distribution_brought_is_installed_wherever_it_lies(layer: Path) -> None:
    assert is_installed(str(layer / "brought_pkg" / "core.py"))
    assert is_installed(str(layer / "brought_one.py"))
    assert not is_installed(str(layer / "mine.py"))
    assert not is_installed(str(layer / "brought_pkg" / "mine.csv")), "a folder that both put files into"
    assert holds_distributions(str(layer))


def test_a_folder_off_the_import_path_claims_nothing(layer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(layer)])
    assert not is_installed(str(layer / "brought_one.py"))


def test_a_name_that_only_resembles_a_site_folder_is_the_users(tmp_path: Path) -> None:
    assert not is_installed(str(tmp_path / "my-site-packages-study" / "features.py"))


def test_the_interpreters_own_and_its_site_folder() -> None:
    assert is_installed(json.__file__) and is_installed(pytest.__file__)
    assert not holds_distributions("/nowhere")


def test_the_session_follows_only_the_users_module(layer: Path) -> None:
    for name in ("brought_pkg.core", "brought_one", "mine"):
        importlib.import_module(name)
    try:
        assert [is_local(name) for name in ("brought_pkg.core", "brought_one", "mine")] == [False, False, True]
    finally:
        for name in ("brought_pkg", "brought_pkg.core", "brought_one", "mine"):
            sys.modules.pop(name, None)


def test_what_was_brought_is_no_data(layer: Path, tmp_path: Path) -> None:
    border = Border(tmp_path)
    assert border.kind(str(layer / "brought_pkg" / "core.py")) is None
    assert border.kind(str(layer / "mine.py")) == "code"
