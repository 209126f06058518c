"""Profiles and digests of frames, and profiles of files: shape, layouts, odd contents, and what they must not do."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.capture.data import files
from mlops_nb.capture.data.files import profile_file
from mlops_nb.capture.data.frames import frame_digest, is_frame
from mlops_nb.capture.data.profiles import profile_frame


def column(profile: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in profile["columns"] if entry["name"] == name)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "f": [*rng.normal(size=998), np.nan, np.inf],
        "i": rng.integers(0, 3, 1000),
        "s": rng.choice(["a", "b"], 1000),
        "t": pd.date_range("2026-01-01", periods=1000, freq="h"),
        "z": pd.date_range("2026-01-01", periods=1000, freq="h", tz="Europe/Berlin"),
        "b": rng.random(1000) > 0.5,
        "I": pd.array([None, *rng.integers(0, 5, 999)], dtype="Int64"),
        "c": pd.Categorical(rng.choice(["x", "y", "z"], 1000)),
        "name": [f"person {i}" for i in range(1000)],
        "o": pd.Series([{"a": 1}] * 1000, dtype=object),
        "d": pd.to_timedelta(range(1000), unit="s"),
    })  # fmt: skip


def test_a_profile_says_rows_schema_and_summary(frame: pd.DataFrame) -> None:
    profile = profile_frame(frame)
    json.dumps(profile, allow_nan=False)
    assert (profile["rows"], profile["columns_total"], profile["sampled"]) == (1000, 11, None)
    kinds = {entry["name"]: entry["kind"] for entry in profile["columns"]}
    assert kinds == {"f": "numeric", "i": "numeric", "s": "categorical", "t": "datetime", "z": "datetime",
                     "b": "boolean", "I": "numeric", "c": "categorical", "name": "text", "o": "other",
                     "d": "duration"}  # fmt: skip
    f = column(profile, "f")
    finite = frame["f"][np.isfinite(frame["f"])]
    assert (f["missing"], f["infinite"], f["count"]) == (1, 1, 999)
    assert f["mean"] == pytest.approx(finite.mean())
    assert f["std"] == pytest.approx(finite.std())
    assert f["quantiles"]["0.5"] == pytest.approx(finite.median())
    assert sum(f["histogram"]["counts"]) == len(finite)
    assert column(profile, "z")["min"] == "2025-12-31T23:00:00"
    assert column(profile, "I")["missing"] == 1
    assert "person 1" not in json.dumps(profile), "values of text columns are not kept"


@pytest.mark.parametrize("values", [[0.0, 0, 0, 1], [5.0] * 10, list(range(100)), [1e300, -1e300, 0.0], [math.nan], []])
def test_new_data_falls_into_the_same_bins(values: list[float]) -> None:
    entry = column(profile_frame({"x": np.array(values, dtype=float)}), "x")
    finite = np.array([value for value in values if math.isfinite(value)])
    if not len(finite):
        assert "histogram" not in entry
        return
    edges, counts = entry["histogram"]["edges"], entry["histogram"]["counts"]
    assert len(edges) == len(counts) + 1
    again = np.bincount(np.searchsorted(edges[1:-1], finite, side="left"), minlength=len(counts))
    assert list(again) == counts


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(width=32) | st.none(), max_size=200))
def test_histograms_hold_for_any_numbers(values: list[float | None]) -> None:
    profile = profile_frame(pd.DataFrame({"x": pd.Series(values, dtype=float)}))
    json.dumps(profile, allow_nan=False)
    entry = profile["columns"][0]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    assert sum(entry.get("histogram", {"counts": []})["counts"]) == len(finite)


def test_large_frames_are_sampled_and_random_state_is_not_used() -> None:
    large = pd.DataFrame({"x": np.arange(200_000.0)})
    np.random.seed(1)
    random.seed(1)
    before = np.random.get_state()[1].tolist(), random.getstate()
    profile = profile_frame(large)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    assert profile["sampled"] == {"rows": 20_000, "seed": 0}
    assert profile == profile_frame(large)
    assert column(profile, "x")["quantiles"]["0.5"] == pytest.approx(100_000, rel=0.05)


def test_other_libraries_give_the_same_numbers(frame: pd.DataFrame) -> None:
    numbers = frame[["f", "i", "s"]]
    ours = profile_frame(numbers)
    found = [profile_frame({name: numbers[name].to_numpy() for name in numbers})]
    for library in ("polars", "pyarrow"):
        module = pytest.importorskip(library)
        found.append(profile_frame(module.from_pandas(numbers) if library == "polars" else module.table(numbers)))
    for profile in found:
        for name in numbers:
            theirs, own = dict(column(profile, name)), dict(column(ours, name))
            for entry in (theirs, own):
                entry.pop("dtype"), entry.pop("nullable")
            assert theirs == own


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise AssertionError("__eq__ was called")

    def __hash__(self) -> int:
        raise AssertionError("__hash__ was called")

    def __repr__(self) -> str:
        raise AssertionError("__repr__ was called")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def test_nothing_of_the_users_objects_is_called() -> None:
    hostile = pd.DataFrame({"x": pd.Series([Hostile(), Hostile()], dtype=object), "y": [1, 2]})
    assert column(profile_frame(hostile), "x")["kind"] == "other"
    assert frame_digest(hostile) == ""
    assert frame_digest(Hostile()) == "" and profile_frame(Hostile()) == {}
    assert profile_frame(pd.DataFrame()) == {
        "kind": "pandas.DataFrame", "rows": 0, "columns_total": 0, "sampled": None, "columns": []
    }  # fmt: skip


def test_digests_are_of_content_not_of_layout(frame: pd.DataFrame) -> None:
    frame = frame.drop(columns="o")
    first = frame_digest(frame)
    assert first.startswith("xxh3:")
    assert frame_digest(frame.copy()) == first
    assert frame_digest(pd.concat([frame[:10], frame[10:]])) == first
    assert frame_digest(frame[::-1][::-1].reset_index(drop=True)) == first
    array = np.arange(12.0).reshape(3, 4)
    assert frame_digest(array) == frame_digest(np.asfortranarray(array)) == frame_digest(np.repeat(array, 2, 0)[::2])


@pytest.mark.parametrize("name", ["f", "i", "s", "t", "z", "b", "I", "c", "name", "d"])
def test_digests_see_one_changed_value(frame: pd.DataFrame, name: str) -> None:
    changed = frame.copy()
    changed[name] = changed[name].iloc[[1, *range(1, 1000)]].to_numpy() if name not in "zIc" else changed[name].shift(1)
    if changed[name].equals(frame[name]):
        changed[name] = frame[name].iloc[::-1].to_numpy()
    columns = frame.columns.drop("o")
    assert frame_digest(changed[columns]) != frame_digest(frame[columns])


def test_digests_see_names_types_index_and_order(frame: pd.DataFrame) -> None:
    frame = frame[["f", "i"]]
    others = [frame.rename(columns={"f": "g"}), frame.astype({"i": "int32"}), frame.set_index("i", drop=False),
              frame[["i", "f"]], frame.iloc[::-1], frame[:999], frame["f"], frame.to_numpy()]  # fmt: skip
    assert len({frame_digest(each) for each in [frame, *others]}) == len(others) + 1


def test_digests_are_the_same_in_another_process(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame = frame.drop(columns=["o"])
    frame.to_pickle(tmp_path / "frame.pkl")
    source = ("import sys, pandas as pd; from mlops_nb.capture.data.frames import frame_digest; "
              "print(frame_digest(pd.read_pickle(sys.argv[1])))")  # fmt: skip
    command = [sys.executable, "-c", source, str(tmp_path / "frame.pkl")]
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[3])}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == frame_digest(frame)


def test_digests_of_polars_and_arrow_do_not_see_chunks() -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = pl.DataFrame({"a": [1, None, 3], "s": ["x", "y", None]})
    assert frame_digest(pl.concat([frame[:1], frame[1:]], rechunk=False)) == frame_digest(frame) != ""
    table = frame.to_arrow()
    assert frame_digest(pa.concat_tables([table[:2], table[2:]])) == frame_digest(table) != frame_digest(frame)


def test_what_is_a_frame(frame: pd.DataFrame) -> None:
    assert is_frame(frame) and is_frame(frame["f"]) and is_frame(np.zeros(2))
    assert not is_frame("a") and not is_frame(Hostile())


FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [1.5, None, 2.0], "s": ["a", "b", "c"]})
FILES = {
    "a.csv": lambda path: FRAME.to_csv(path, index=False),
    "a.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "semicolon.csv": lambda path: FRAME.to_csv(path, index=False, sep=";"),
    "a.csv.gz": lambda path: FRAME.to_csv(path, index=False),
    "a.json": lambda path: FRAME.to_json(path, orient="records"),
    "columns.json": lambda path: FRAME.to_json(path),
    "a.jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True),
    "a.parquet": lambda path: FRAME.to_parquet(path),
    "a.feather": lambda path: FRAME.to_feather(path),
    "a.xlsx": lambda path: FRAME.to_excel(path, index=False),
}


@pytest.mark.parametrize("name", FILES)
def test_a_files_rows_and_columns(tmp_path: Path, name: str) -> None:
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    FILES[name](tmp_path / name)
    profile = profile_file(tmp_path / name)
    json.dumps(profile)
    assert profile["rows"] == 3
    assert [entry["name"] for entry in profile["columns"]] == ["n", "x", "s"]
    assert profile["columns"][1]["nullable"]
    assert profile["columns"][0]["dtype"].startswith("int")


def test_arrays_without_numpy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    np.savez(tmp_path / "a.npz", first=np.zeros(3), second=np.zeros((2, 2), dtype="i4"))
    assert profile_file(tmp_path / "a.npy")["shape"] == [5, 2]
    assert [(c["name"], c["shape"]) for c in profile_file(tmp_path / "a.npz")["columns"]] == [
        ("first", [3]), ("second", [2, 2])
    ]  # fmt: skip


def test_large_text_is_counted_then_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "1,abc\n" * 400_000)
    assert profile_file(path)["rows"] == 400_000
    monkeypatch.setattr(files, "COUNTED", 1 << 20)
    estimate = profile_file(path)
    assert estimate["estimated"] and estimate["rows"] == pytest.approx(400_000, rel=0.01)


@pytest.mark.parametrize("name", "a.csv a.json a.jsonl a.parquet a.feather a.npy a.npz a.xlsx a.zz".split())
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe{[", b"PK\x03\x04"])
def test_damaged_files_have_no_profile_and_raise_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert profile_file(tmp_path / name).get("rows") in (None, 0)
