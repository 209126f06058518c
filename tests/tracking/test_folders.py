"""Where a store stands: in the folder that was named, whatever its name means in a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_nb.workspace import open_workspace


@pytest.mark.parametrize("name", ["100%", "per%41cent", "que?ry=1&mode=ro", "ha#sh", "ünï 😀"])
def test_a_folder_is_taken_as_it_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    opened = open_workspace(str(folder), start=tmp_path)
    try:
        assert opened.is_embedded and opened.store.search_runs(None, "").items == []
    finally:
        opened.close()
    assert (folder / "store.db").is_file()
    assert [each.name for each in tmp_path.iterdir()] == [name]
