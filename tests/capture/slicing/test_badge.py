"""Restart and Run All, judged: tables of what ran and of the notebook as it stands now."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_nb.capture.slicing import Follower, restart_run_all

Run = tuple[str, str]
A, B, C = ("a", "x = 1"), ("b", "y = x + 1"), ("c", "r = y")

TABLE: list[tuple[str, list[Run], list[Run] | None, list[str]]] = [
    ("from the top", [A, B, C], [A, B, C], []),
    (
        "a cell without meaning for it was run twice",
        [A, ("z", "q = 3"), ("z", "q = 3"), B, C],
        [A, ("z", "q = 3"), B, C],
        [],
    ),
    (
        "needed cell ran twice",
        [("a", "x = 0"), ("b", "x += 1"), ("b", "x += 1"), ("c", "r = x")],
        [("a", "x = 0"), ("b", "x += 1"), ("c", "r = x")],
        ["ran 2 times"],
    ),
    ("edited", [A, B, C], [("a", "x = 5"), B, C], ["edited since"]),
    ("deleted", [A, B, C], [B, C], ["deleted cell"]),
    ("moved", [A, B, C], [B, A, C], ["out of order"]),
    (
        "ran from the bottom up",
        [("c", "x = 1"), ("a", "y = x"), ("b", "r = y")],
        [("a", "y = x"), ("b", "r = y"), ("c", "x = 1")],
        ["out of order"],
    ),
    ("a cell above it never ran", [A, B, C], [A, ("n", "x = 9"), B, C], ["out of order"]),
    ("a cell above it ran afterwards", [A, B, C, ("n", "x = 9")], [A, ("n", "x = 9"), B, C], ["out of order"]),
    ("harmless cell above it never ran", [A, B, C], [A, ("n", "other = 9"), B, C], []),
    ("white space is no edit", [A, B, C], [("a", "x = 1\n"), B, C], []),
    ("notebook unknown, clean", [A, B, C], None, []),
    ("notebook unknown, edited", [A, B, ("a", "x = 5"), C], None, ["edited since"]),
    ("notebook unknown, needed cell ran again later", [("b", "y = 0"), A, ("b", "y = x"), C], None, ["out of order"]),
]


def run(cells: list[Run], target: str = "r", space: dict[str, Any] | None = None) -> tuple[Follower, int]:
    space = {"__name__": "__main__"} if space is None else space
    follower = Follower(space)
    at = 0
    for count, (cell_id, source) in enumerate(cells, 1):
        token = follower.before(source, source, count, cell_id)
        exec(source, space)
        follower.after(token, None)
        at = count - 1 if source.startswith(f"{target} =") else at
    return follower, at


@pytest.mark.parametrize(("name", "ran", "notebook", "reasons"), TABLE, ids=[row[0] for row in TABLE])
def test_reasons(name: str, ran: list[Run], notebook: list[Run] | None, reasons: list[str]) -> None:
    follower, at = run(ran)
    cells = None if notebook is None else [{"id": cell_id, "source": source} for cell_id, source in notebook]
    found = restart_run_all(follower.session(), cells, follower.slice_of(at))
    assert (found == "clean") is (not reasons)
    if reasons:
        assert [reason.split(":")[0] for reason in found] == reasons


def test_names_that_no_cell_defines() -> None:
    follower, at = run([("a", "r = given + 1")], space={"__name__": "__main__", "given": 1})
    found = restart_run_all(follower.session(), [{"id": "a", "source": "r = given + 1"}], follower.slice_of(at))
    assert found == ["reads a name that no cell defines: given"]


def test_flags_from_outside() -> None:
    follower, at = run([A, B, C])
    cells = [{"id": cell_id, "source": source} for cell_id, source in (A, B, C)]
    flags = {"unseeded": True, "files_changed": ["data.csv"]}
    found = restart_run_all(follower.session(), cells, follower.slice_of(at), flags)
    assert [reason.split(":")[0] for reason in found] == ["unseeded randomness", "file changed since"]
    assert "data.csv" in found[1]


def test_cells_without_ids_are_found_by_their_text() -> None:
    follower, at = run([("", "x = 1"), ("", "r = x")])
    cells = [{"id": "n1", "source": "x = 1"}, {"id": "n2", "source": "r = x"}]
    assert restart_run_all(follower.session(), cells, follower.slice_of(at)) == "clean"
