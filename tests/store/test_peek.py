"""A look at a store without SQLAlchemy."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb.store import open_store
from mlops_nb.store.peek import peek_line, peek_setting
from tests.store.contract.making import add


def test_it_sees_what_the_store_sees(tmp_path: Path) -> None:
    path = tmp_path / "ö b.db"
    store = open_store(f"sqlite:///{path}")
    for n in range(4):
        add(store, f"r{n}", at=n, start={"line": "L"}, params={"p": [n]}, metrics={"m": n / 3}, tags={"t": "ü"})
    assert peek_line(path, "L") == store.line_runs("L")
    assert peek_line(str(path), "L", limit=2) == store.line_runs("L", limit=2)
    assert peek_line(path, "other") == []
    expected = store.line_runs("L")
    store.close()
    assert peek_line(path, "L") == expected


def test_a_setting_is_what_the_store_says_or_not_known(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    assert peek_setting(path, "a") == (True, None) and not path.exists()
    store = open_store(f"sqlite:///{path}")
    assert peek_setting(path, "a") == (True, None)
    store.set_setting("a", {"b": [1, None]})
    assert peek_setting(path, "a") == (True, store.get_setting("a"))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mlops_nb_state SET schema = 99")
    assert peek_setting(path, "a") == (False, None)
    path.write_text("not a database" * 100)
    assert peek_setting(path, "a") == (False, None)


def test_trouble_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    assert peek_line(path, "L") == []
    assert not path.exists()
    path.write_text("not a database" * 100)
    assert peek_line(path, "L") == []
    path.unlink()
    store = open_store(f"sqlite:///{path}")
    add(store, start={"line": "L"})
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mlops_nb_state SET schema = 99")
    connection.close()
    assert peek_line(path, "L") == []


@pytest.mark.parametrize("module", ["mlops_nb.store.peek", "mlops_nb.store"])
def test_it_stays_light(module: str) -> None:
    code = f"import sys, {module}; sys.exit('sqlalchemy' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
