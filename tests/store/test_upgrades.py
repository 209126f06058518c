"""Stores of older releases open: ``old/`` keeps one of each, as SQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mlops_nb.store import open_store
from mlops_nb.store.rows import SCHEMA

OLD = Path(__file__).parent / "old"


def test_one_store_of_each_older_release_is_kept() -> None:
    assert {path.stem for path in OLD.glob("*.sql")} == {f"schema-{version}" for version in range(1, SCHEMA)}


@pytest.mark.parametrize("version", range(1, SCHEMA))
def test_an_older_store_opens_after_a_copy_aside(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((OLD / f"schema-{version}.sql").read_text(encoding="utf-8"))
    store = open_store(f"sqlite:///{path}")
    (run,) = store.search_runs().items
    assert (run.name, run.metrics, run.params) == ("fit", {"acc": 0.75}, {"lr": 0.1})
    registered = store.create_version("churn", source=f"runs:/{run.run_id}/model", make_model=True)
    assert registered.version == 1
    assert store.info()["schema"] == SCHEMA
    store.close()
    (copy,) = tmp_path.glob("store.db.schema-*.bak")
    assert copy.name.startswith(f"store.db.schema-{version}.")
    open_store(f"sqlite:///{tmp_path}/new.db").close()
    assert shape_of(path) == shape_of(tmp_path / "new.db"), "an upgraded store is as a new one"


def shape_of(path: Path) -> dict[str, str]:
    """Every table and index with the statement that makes it, blanks aside."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}
