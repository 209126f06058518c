"""The kernel of a notebook and the Jupyter server keep runs in the same store, whatever folder each starts in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_nb.lab.places import Places
from mlops_nb.lab.stores import Stores, share_project
from mlops_nb.workspace import open_workspace


@pytest.fixture(autouse=True)
def _no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_NB_STORE")
    monkeypatch.setenv("MLOPS_NB_PROJECT", "")
    monkeypatch.delenv("MLOPS_NB_PROJECT")


def test_folders_below_an_unmarked_root_share_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path.resolve()
    (root / "deep" / "er").mkdir(parents=True)
    share_project(root)
    stores = Stores(Places(root), lambda: ())
    try:
        for notebook in ("", "a.ipynb", "deep/er/b.ipynb"):
            kernel = open_workspace(start=(root / notebook).parent if notebook else root)
            assert stores.at(notebook).space.store_url == kernel.store_url
            assert kernel.root == root / ".mlops_nb"
    finally:
        stores.close()


def test_a_project_below_the_root_has_its_own(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "project" / ".git").mkdir(parents=True)
    (root / "project" / "notebooks").mkdir()
    share_project(root)
    stores = Stores(Places(root), lambda: ())
    try:
        assert stores.at("project/notebooks/a.ipynb").space.root == root / "project" / ".mlops_nb"
        assert stores.at("").space.root == root / ".mlops_nb"
    finally:
        stores.close()


def test_a_relative_store_is_meant_from_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_NB_STORE", "kept")
    (tmp_path / "sub").mkdir()
    share_project(tmp_path.resolve())
    assert open_workspace(start=tmp_path / "sub").root == tmp_path.resolve() / "kept"
