"""The stages of a pipeline: declared, found, foreseen; their order; why one is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.capture.packages import installed
from mlops_nb.entities import DataRef
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.foresight import foresee
from mlops_nb.projects.freshness import Record, record_of, why_stale
from mlops_nb.projects.stages import Stage, arrange, declared_stages, find_notebooks, links

DECLARED = """
name: churn
stages:
  train: {notebook: nb/fit.ipynb, reads: data/clean.csv, writes: [model.json], params: {lr: 0.5}, stage: training}
  prepare: {reads: data/raw/*.csv, writes: data/clean.csv}
  report: {after: train}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nb").mkdir()
    for name in ("nb/fit.ipynb", "prepare.ipynb", "report.ipynb"):
        (tmp_path / name).write_text('{"cells": []}', encoding="utf-8")
    return tmp_path


def test_stages_are_declared_in_mlproject_or_pyproject(folder: Path) -> None:
    (folder / "MLproject").write_text(DECLARED, encoding="utf-8")
    stages = declared_stages(folder)
    assert [stage.name for stage in stages] == ["train", "prepare", "report"]
    assert stages[0] == Stage(
        "train", "nb/fit.ipynb", ("data/clean.csv",), ("model.json",), (), {"lr": 0.5}, "training", True
    )
    assert [stage.name for stage in arrange(stages)] == ["prepare", "train", "report"]
    assert links(stages) == [("prepare", "train", "data/clean.csv"), ("train", "report", "")]
    (folder / "MLproject").unlink()
    (folder / "pyproject.toml").write_text('[tool.mlops_nb.stages.prepare]\nwrites = ["a"]\n', encoding="utf-8")
    assert [(stage.name, stage.writes, stage.life) for stage in declared_stages(folder)] == [
        ("prepare", ("a",), "prepare")
    ]


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ("{a: {notebook: ../out.ipynb}}", "outside its folder"), ("{a: {notebook: /etc/x.ipynb}}", "outside"),
        ("{prepare: {reads: ../../secrets}}", "outside its folder"), ("{prepare: {writes: /etc/passwd}}", "outside"),
        ("{a: {}}", "'a.ipynb', which is not there"), ("{prepare: {redas: x}}", r"did you mean 'reads'"),
        ("{prepare: {after: reprot}, report: {}}", r"did you mean 'report'"), ("[prepare]", "not a mapping of names"),
        ("{prepare: [a]}", "is not a mapping"), ("{prepare: {reads: [1]}}", "no text"), ("{}", "not a mapping"),
        ("{prepare: {reads: a, writes: b}, report: {reads: b, writes: a}}", "circle: "),
    ],
)  # fmt: skip
def test_declarations_that_are_refused(folder: Path, stages: str, reason: str) -> None:
    (folder / "MLproject").write_text(f"stages: {stages}", encoding="utf-8")
    with pytest.raises(InvalidInput, match=reason):
        arrange(declared_stages(folder))


def test_notebooks_are_found_by_number_and_by_their_place_in_a_models_life(tmp_path: Path) -> None:
    for name in ("train", "evaluate_model", "features", "prepare-data", ".hidden", "monitor"):
        (tmp_path / f"{name}.ipynb").write_text("{}", encoding="utf-8")
    names = [stage.name for stage in find_notebooks(tmp_path)]
    assert names == ["prepare-data", "features", "train", "evaluate_model", "monitor"]
    for name in ("01_zebra", "02 ant", "03-bee"):
        (tmp_path / f"{name}.ipynb").write_text("{}", encoding="utf-8")
    assert [stage.name for stage in find_notebooks(tmp_path)][-3:] == ["zebra", "ant", "bee"]


def test_what_is_learnt_makes_no_circle() -> None:
    both = [Stage("a", "a.ipynb", ("x", "y"), ("x",)), Stage("b", "b.ipynb", ("x",), ("x", "y"))]
    assert [stage.name for stage in arrange(both)] == ["b", "a"], "both change x, and only b makes y"
    circle = [Stage("a", "a.ipynb", ("x",), ("y",)), Stage("b", "b.ipynb", ("y",), ("x",))]
    assert [stage.name for stage in arrange(circle)] == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("pd.read_csv('a.csv')", {"a.csv"}, set()), ("df.to_parquet('./d/a.parquet')", set(), {"d/a.parquet"}),
        ("Path('a.txt').write_text('b.c')", set(), {"a.txt"}), ("open('a.txt').read()", {"a.txt"}, set()),
        ("open('a.txt', mode='w')", set(), {"a.txt"}), ("json.load(open('x.json'))", {"x.json"}, set()),
        ("plt.savefig('p.png')", set(), {"p.png"}), ("print('a.csv')", set(), set()),
        ("%matplotlib inline\nnp.load('a.npy')", {"a.npy"}, set()), ("def f(:", set(), set()),
        ("x.to_csv('a.csv'); pd.read_csv('a.csv')", set(), {"a.csv"}), ("load('two words.csv')", set(), set()),
    ],
)  # fmt: skip
def test_what_a_notebooks_text_sounds_like(source: str, reads: set[str], writes: set[str]) -> None:
    found = foresee({"cells": [{"cell_type": "code", "source": source}]})
    assert found[0] == reads and found[1] >= writes and (writes or not found[1])


def made(**changed: Any) -> Record:
    ipython = installed()["ipython"].version
    fields = {
        "cells": {"a": "1", "b": "2"}, "params": {"lr": 0.1, "x": None}, "packages": {"ipython": ipython},
        "prefix": sys.prefix,
    }  # fmt: skip
    return Record("01", **{**fields, **changed})


@pytest.mark.parametrize(
    ("record", "cells", "params", "reasons"),
    [
        (made(), {"a": "1", "b": "2"}, {"lr": 0.1, "x": None}, []),
        (made(), {"a": "1", "b": "3"}, {"lr": 0.1, "x": None}, ["code cell 2 was edited"]),
        (made(), {"b": "2", "a": "1"}, {"lr": 0.1, "x": None}, ["its cells are in another order"]),
        (made(), {"a": "1", "c": "2"}, {"lr": 0.1, "x": None}, ["code cell 2 is new", "1 code cell is gone"]),
        (made(), {"a": "1", "b": "2"}, {"lr": 1, "y": 2},
         ["lr was 0.1 and is 1", "x is not a parameter any more", "y is a new parameter"]),
        (made(packages={"ipython": "1.0"}), {"a": "1", "b": "2"}, {"lr": 0.1, "x": None},
         [f"ipython was 1.0 and is {installed()['ipython'].version}"]),
        (made(python="2.7.1"), {"a": "1", "b": "2"}, {"lr": 0.1, "x": None},
         [f"Python was 2.7.1 and is {sys.version.split()[0]}"]),
        (made(packages={"mlops-nb": "0"}), {"a": "1", "b": "2"}, {"lr": 0.1, "x": None}, []),
    ],
)  # fmt: skip
def test_why_a_stage_is_stale(
    record: Record, cells: dict[str, str], params: dict[str, Any], reasons: list[str], tmp_path: Path
) -> None:
    assert why_stale(record, cells, params, tmp_path) == reasons


def test_files_by_their_content(tmp_path: Path) -> None:
    from mlops_nb.capture.data.digests import digest

    for name in ("raw.csv", "lib.py", "out.csv", "both.csv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    refs = [
        DataRef(name, digest(tmp_path / name).digest, 1, mode, profile={"kind": kind})
        for name, mode, kind in (
            ("raw.csv", "read", "file"), ("lib.py", "read", "code"), ("out.csv", "write", "file"),
            ("both.csv", "read", "file"), ("both.csv", "write", "file"), ("https://host/a.csv", "read", "url"),
        )
    ]  # fmt: skip
    record = record_of("01", {}, {}, refs, {})
    assert why_stale(record, {}, {}, tmp_path) == []
    (tmp_path / "raw.csv").write_text("raw.csv", encoding="utf-8")
    assert why_stale(record, {}, {}, tmp_path) == [], "touched and the same"
    for name in ("raw.csv", "lib.py", "out.csv"):
        (tmp_path / name).write_text("other", encoding="utf-8")
    (tmp_path / "both.csv").unlink()
    assert why_stale(record, {}, {}, tmp_path) == [
        "raw.csv has changed", "lib.py (a module that it imports) has changed", "out.csv (its result) has changed",
        "both.csv (its result) is gone",
    ]  # fmt: skip
    assert "out.csv" not in " ".join(why_stale(record, {}, {}, tmp_path, rewritten={"out.csv"}))
    gone = DataRef(f"{tmp_path.name}/in.csv", "0", 1, "read", profile={"kind": "file"})
    inside = record_of("02", {}, {}, [gone], {})
    [reason] = why_stale(inside, {}, {}, tmp_path.parent, folder=tmp_path)
    assert reason.startswith("in.csv "), "a file is called as the project calls it"
