"""What a log can look like when things went wrong: each is survived, told in words, and nothing else suffers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_nb import workspace
from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.monitoring import monitor
from mlops_nb.monitoring.windows import Span
from mlops_nb.serving import log_folder
from tests.monitoring.served import NOW, Old, people, register, serve


def rewrite(folder: Path, change: Any) -> None:
    """Change the tables of a log's files."""
    for path in folder.glob("answers-*.parquet"):
        pq.write_table(change(pq.read_table(path)), path)


def healthy(rows: int = 800, **options: Any) -> Path:
    """A champion and a log like its training data."""
    register()
    same = people(rows, seed=3).drop(columns="left")
    return serve(same, Old().predict(same).tolist(), **options)


def test_a_damaged_file_is_told_and_the_others_count() -> None:
    folder = healthy()
    whole = next(folder.glob("answers-*.parquet"))
    (folder / "answers-20260101T000000000000-1-1.parquet").write_bytes(b"PAR1 no more than that")
    cut = whole.read_bytes()
    (folder / "answers-29260101T000000000000-1-2.parquet").write_bytes(cut[: len(cut) // 2])
    middle = bytearray(cut)
    middle[200:2000] = b"\x00" * 1800
    (folder / "answers-29260101T000000000000-1-3.parquet").write_bytes(bytes(middle))
    report = monitor("models:/churn@champion", record=False)
    assert report.verdict == "no drift" and report.rows == 800
    assert sum("cannot be read" in note for note in report.notes) == 3


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "empty files"])
def test_an_empty_log_cannot_be_judged(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    register()
    folder = log_folder("churn", workspace.current().root)
    if what != "nothing":
        folder.mkdir(parents=True)
    if what == "empty files":
        healthy(40)
        rewrite(folder, lambda table: table.slice(0, 0))
    assert main(["monitor", "models:/churn@champion"]) == 3
    assert "could not judge" in capsys.readouterr().out


def test_a_column_that_is_gone_is_a_fault_and_a_new_one_is_named() -> None:
    folder = healthy()
    rewrite(folder, lambda one: one.drop_columns(["input.age"]).append_column("input.height", one["input.income"]))
    report = monitor("models:/churn/1", record=False)
    assert report.faulty == ["age"] and report.column("age").why == "is not in the log"
    assert report.column("height").verdict == "unknown" and "not in the reference" in report.column("height").why
    assert report.column("income").verdict == "same"


def test_types_that_change_from_file_to_file_are_read_as_they_were_meant() -> None:
    folder = healthy()
    path = next(folder.glob("answers-*.parquet"))
    table = pq.read_table(path)
    texts = [str(value) if number % 4 else "a lot" for number, value in enumerate(table["input.age"].to_pylist())]
    odd = table.set_column(table.schema.get_field_index("input.age"), "input.age", pa.array(texts))
    odd = odd.set_column(odd.schema.get_field_index("input.fresh"), "input.fresh", odd["input.fresh"].cast(pa.string()))
    odd = odd.set_column(odd.schema.get_field_index("input.city"), "input.city", odd["input.city"].dictionary_encode())
    odd = odd.set_column(
        odd.schema.get_field_index("status"), "status", odd["status"].cast(pa.float64()).cast(pa.string())
    )
    pq.write_table(odd, folder / "answers-29260101T000000000000-1-1.parquet")
    report = monitor("models:/churn/1", record=False)
    assert report.rows == 1600 and report.column("age").verdict == "same"
    assert report.column("age").faults["wrong_type"] == 200 and "no numeric values" in report.column("age").quality_why
    assert report.column("city").verdict == "same"


def test_a_column_of_nothing_but_odd_values_is_told_as_such() -> None:
    folder = healthy()

    def change(table: pa.Table) -> pa.Table:
        nested = pa.array([{"a": 1}] * table.num_rows)
        infinite = pa.array([np.inf] * table.num_rows)
        table = table.set_column(table.schema.get_field_index("input.age"), "input.age", nested)
        table = table.set_column(table.schema.get_field_index("input.income"), "input.income", infinite)
        return table.set_column(table.schema.get_field_index("input.city"), "input.city", pa.nulls(table.num_rows))

    rewrite(folder, change)
    report = monitor("models:/churn/1", record=False)
    assert "are no numeric values" in report.column("age").quality_why
    assert report.column("income").quality_why == "100 % are infinite"
    assert report.column("city").quality_why == "100 % are missing (0 % in training)"
    assert set(report.faulty) >= {"age", "income", "city"}


def test_a_clock_that_jumps_stretches_no_axis() -> None:
    folder = healthy()

    def change(table: pa.Table) -> pa.Table:
        times = table["time"].cast(pa.int64()).to_pylist()
        times[3], times[4], times[5] = 0, 4_102_444_800_000_000, None
        latency = table["latency_ms"].to_pylist()
        latency[6], latency[7] = -5.0, float("nan")
        table = table.set_column(table.schema.get_field_index("time"), "time",
                                 pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC")))  # fmt: skip
        return table.set_column(table.schema.get_field_index("latency_ms"), "latency_ms", pa.array(latency))

    rewrite(folder, change)
    report = monitor("models:/churn/1", record=False)
    assert report.rows == 800 and "3 answers have a time that cannot be right" in report.notes
    assert len(report.windows) <= 30 and report.since[:2] == "20" and report.verdict == "no drift"
    assert report.service["latency_ms"]["p99"] == pytest.approx(2.0, rel=0.07)
    span = Span(0.0, 1e10, first=0.0, last=9e9)
    assert span.plan().count <= 30


def test_errors_count_for_the_service_and_not_for_drift() -> None:
    healthy()
    wild = people(200, seed=8, older=40).drop(columns="left")
    serve(wild, [None] * 200, statuses=500, request="failed")
    report = monitor("models:/churn/1", record=False)
    assert report.verdict == "no drift" and report.rows == 800
    assert (report.service["requests"], report.service["errors"], report.service["failed"]) == (1000, 200, 200)


def test_answers_of_other_versions_are_not_mixed_in() -> None:
    healthy()
    wild = people(500, seed=8, older=40).drop(columns="left")
    serve(wild, Old().predict(wild).tolist(), version=2, request="two")
    assert monitor("models:/churn/1", record=False).rows == 800
    register()
    assert monitor("models:/churn/2", record=False).verdict == "drift"
    register()
    report = monitor("models:/churn/3", record=False)
    assert report.verdict == "unknown" and "answers of version 1, 2" in report.notes[0]


def test_unknown_models_and_wrong_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "models:/nothing@champion"]) == 2
    assert "no registered model 'nothing'" in capsys.readouterr().err
    healthy(40)
    for words, said in [
        (["--since", "soon"], "no point in time"), (["--every", "often"], "no span of time"),
        (["--rounds", "2"], "--every"), (["--alpha", "2"], "limit alpha"),
        (["--reference", "gone.csv"], "no file"), (["--truth", "gone.csv"], "no file"),
    ]:  # fmt: skip
        assert main(["monitor", "models:/churn/1", *words]) == 2
        assert said in capsys.readouterr().err, words


def test_a_reference_and_truth_from_files(tmp_path: Path) -> None:
    healthy()
    people(3000).to_csv("training.csv", index=False)
    known = people(800, seed=3)
    pd.DataFrame({"request_id": [f"r{i}" for i in range(800)], "truth": known["left"]}).to_parquet("truth.parquet")
    report = monitor("models:/churn/1", reference="training.csv", truth="truth.parquet", record=False)
    assert report.verdict == "no drift" and report.performance["rows"] == 800
    assert report.reference["source"] == "training.csv" and report.column("prediction").verdict == "same"
    Path("half.csv").write_text("age\n1\n")
    with pytest.raises(InvalidInput, match="lacks the model's column 'income'"):
        monitor("models:/churn/1", reference="half.csv", record=False)
    Path("broken.parquet").write_text("no")
    with pytest.raises(InvalidInput, match="cannot be read"):
        monitor("models:/churn/1", reference="broken.parquet", record=False)


def test_no_recorded_training_data_is_said_with_what_to_do() -> None:
    import mlops_nb

    with mlops_nb.start_run() as run:
        mlops_nb.log_model(lambda rows: rows["age"], "bare", requirements=[])
    mlops_nb.register_model(f"runs:/{run.run_id}/bare", "bare")
    same = people(100).drop(columns="left")
    serve(same, same["age"].tolist(), name="bare")
    report = monitor("models:/bare/1", record=False)
    assert report.verdict == "unknown" and "--reference FILE" in " ".join(report.notes)


def test_late_and_double_truth_counts_once() -> None:
    folder = healthy(60, truth=[0] * 60)
    from mlops_nb.serving.recorder import Recorder, Truth

    again = Recorder(folder, "churn")
    for number in range(60):
        again.record(Truth(f"r{number}", 0, NOW + 100, int(Old().predict(people(60, seed=3))[number])))
    again.close()
    report = monitor("models:/churn/1", record=False)
    assert report.performance["rows"] == 60 and report.performance["metrics"]["accuracy_score"] == 1.0


def test_times_are_cut_as_asked() -> None:
    healthy(hours=10.0)
    report = monitor("models:/churn/1", since="5h", record=False)
    assert 380 <= report.rows <= 410
    half = dt.datetime.fromtimestamp(NOW - 5 * 3600, dt.UTC)
    assert monitor("models:/churn/1", until=half, record=False).rows in (400, 401)
    with pytest.raises(NotFound):
        monitor("models:/churn@nobody", record=False)
