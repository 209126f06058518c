"""Whole files scored: what comes out is what the model says of each row, in constant memory, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_nb.cli import main
from tests.serving.live import own_settings, save_churn


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("batch")
    with own_settings(folder):
        uri, model, frame = save_churn(folder)
    return uri, model, frame.assign(customer=[f"c{number}" for number in range(len(frame))])


@pytest.mark.parametrize("kinds", [("parquet", "parquet"), ("csv", "csv"), ("csv", "parquet"), ("parquet", "csv")])
def test_a_file_is_scored_in_chunks(churn: tuple[str, Any, pd.DataFrame], kinds: tuple[str, str]) -> None:
    uri, model, frame = churn
    source, target = Path(f"in.{kinds[0]}"), Path(f"out.{kinds[1]}")
    frame.to_parquet(source) if kinds[0] == "parquet" else frame.to_csv(source, index=False)
    assert main(["predict", uri, str(source), "-o", str(target), "--chunk-rows", "37"]) == 0
    found = pd.read_parquet(target) if kinds[1] == "parquet" else pd.read_csv(target)
    assert found["prediction"].tolist() == model.predict(frame).tolist()
    assert found["customer"].tolist() == frame["customer"].tolist()
    pd.testing.assert_series_equal(found["age"], frame["age"], check_exact=True)


def test_only_predictions(churn: tuple[str, Any, pd.DataFrame]) -> None:
    uri, _, frame = churn
    frame.to_parquet("in.parquet")
    assert main(["predict", uri, "in.parquet", "-o", "out.parquet", "--only-predictions", "--prefix", "churn_"]) == 0
    assert pq.read_schema("out.parquet").names == ["churn_prediction"]


def test_what_does_not_fit_is_named_and_nothing_is_left(
    churn: tuple[str, Any, pd.DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    uri, _, frame = churn
    frame.astype({"visits": object}).assign(visits=[*range(150), "many", *range(49)]).to_csv("in.csv", index=False)
    assert main(["predict", uri, "in.csv", "-o", "out.csv", "--chunk-rows", "100"]) == 2
    said = capsys.readouterr().err
    assert "in.csv, rows 100 to 199" in said and "'visits' should be long" in said and "'many'" in said
    assert sorted(path.name for path in Path.cwd().iterdir() if "out" in path.name) == []


REFUSED = {
    "the input": (["in.parquet", "-o", "in.parquet"], "is the input"),
    "there": (["in.parquet", "-o", "there.csv"], "there already"),
    "a format": (["in.parquet", "-o", "out.xlsx"], "neither Parquet nor CSV"),
    "nothing": (["nothing.csv", "-o", "out.csv"], "no file or folder"),
    "damaged": (["damaged.parquet", "-o", "out.csv"], "no Parquet file"),
    "an engine": (["in.parquet", "-o", "out.csv", "--engine", "spark"], "no engine 'spark'"),
    "a column": (["scored.parquet", "-o", "out.csv"], "a column 'prediction' already"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(churn: tuple[str, Any, pd.DataFrame], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    uri, _, frame = churn
    words, said = REFUSED[name]
    frame.to_parquet("in.parquet")
    frame.assign(prediction=1).to_parquet("scored.parquet")
    Path("there.csv").write_text("a\n", encoding="utf-8")
    Path("damaged.parquet").write_bytes(b"PAR1")
    assert main(["predict", uri, *words]) == 2
    assert said in capsys.readouterr().err
    assert not Path("out.csv").exists()


@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=pytest.mark.slow)])
def test_a_folder_of_files(churn: tuple[str, Any, pd.DataFrame], engine: str) -> None:
    pytest.importorskip("distributed" if engine == "dask" else "pyarrow")
    uri, model, frame = churn
    for number in range(3):
        path = Path("in", "deep" if number else "", f"part-{number}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.iloc[number * 50 : number * 50 + 50].to_parquet(path)
    assert main(["predict", uri, "in", "-o", "out", "--engine", engine, "--workers", "2"]) == 0
    paths = [Path("out/part-0.parquet"), *sorted(Path("out/deep").iterdir())]
    found = pd.concat(map(pd.read_parquet, paths))
    assert found["prediction"].tolist() == model.predict(frame.iloc[:150]).tolist()


MEMORY = """
import resource, sys
from mlops_nb.cli import main
assert main(["predict", sys.argv[1], "large.parquet", "-o", "out.parquet"]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(churn: tuple[str, Any, pd.DataFrame]) -> None:
    uri, _, frame = churn
    table = pa.Table.from_pandas(frame, preserve_index=False)
    peaks = []
    for times in (500, 5000):
        with pq.ParquetWriter("large.parquet", table.schema) as writer:
            for _ in range(times // 250):
                writer.write_table(pa.concat_tables([table] * 250))
        done = subprocess.run([sys.executable, "-c", MEMORY, uri], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.splitlines()[-1]) / 1024)
        Path("out.parquet").unlink()
    assert peaks[1] - peaks[0] < 120, f"{peaks} MB for 100,000 and 1,000,000 rows"
