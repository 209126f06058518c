"""The request log: what is written is read back, bounded in memory, disk and time."""

from __future__ import annotations

import datetime as dt
import errno
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_nb.errors import CorruptData, InvalidInput
from mlops_nb.serving import LogSettings, Recorder, covering, log_folder, merging, read_answers, read_feedback, tables
from mlops_nb.serving.log import all_files, log_files
from mlops_nb.serving.recorder import Answer, Truth, _Part, sweep

HEAD = ["request_id", "row", "time", "model", "version", "run_id", "role", "latency_ms", "status", "error"]


def answer(number: int = 0, *, when: float = 1.8e9, **more: Any) -> Answer:
    values: dict[str, Any] = {"inputs": {"age": [number]}, "outputs": {"prediction": [1]}}
    return Answer(f"r{number}", when, 0.5, 200, "3", "run", **values, **more)


def write(folder: Path, *entries: Answer | Truth, **settings: Any) -> Recorder:
    recorder = Recorder(folder, "churn", LogSettings(**settings))
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return recorder


def test_rows_come_back_with_types_of_the_contract(tmp_path: Path) -> None:
    two = Answer("a", 1.8e9, 1.5, 200, "3", "run", rows=2, inputs={"age": [1, 2]}, outputs={"prediction": [0.5, 1.0]})
    write(tmp_path, two, Answer("b", 1.8e9 + 1, 0.1, 400, error="The column 'age' is missing."))
    [table] = read_answers(tmp_path)
    assert table.column_names == [*HEAD, "input.age", "output.prediction"]
    kinds = {name: str(table.schema.field(name).type) for name in HEAD}
    assert kinds["time"] == "timestamp[us, tz=UTC]" and kinds["latency_ms"] == "double" and kinds["status"] == "int64"
    assert table["request_id"].to_pylist() == ["a", "a", "b"]
    assert table["row"].to_pylist() == [0, 1, 0]
    assert table["input.age"].to_pylist() == [1, 2, None]
    assert table["error"].to_pylist() == [None, None, "The column 'age' is missing."]
    assert table["time"][0].as_py() == dt.datetime.fromtimestamp(1.8e9, dt.UTC)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["answers"]


def test_truth_is_kept_by_request_and_row(tmp_path: Path) -> None:
    write(tmp_path, Truth("a", 0, 1.8e9, 1), Truth("a", 1, 1.8e9, 0.5))
    [table] = read_feedback(tmp_path)
    assert table.to_pydict()["truth"] == [1.0, 0.5] and table["row"].to_pylist() == [0, 1]
    assert list(read_answers(tmp_path)) == []


def test_a_window_and_columns(tmp_path: Path) -> None:
    write(tmp_path, *(answer(n, when=1.8e9 + n) for n in range(10)))
    since, until = dt.datetime.fromtimestamp(1.8e9 + 3, dt.UTC), dt.datetime.fromtimestamp(1.8e9 + 6, dt.UTC)
    [table] = read_answers(tmp_path, since=since, until=until, columns=["input.age", "input.nothing"])
    assert table.to_pydict() == {"input.age": [3, 4, 5]}
    assert list(read_answers(tmp_path, since="2100-01-01")) == []
    with pytest.raises(InvalidInput, match="no point in time"):
        list(read_answers(tmp_path, since="yesterday"))


def test_values_without_a_common_type_are_text(tmp_path: Path) -> None:
    odd = [Answer("x", 1.8e9, 0.1, 200, inputs={"age": [value]}) for value in ("forty", [1])]
    write(tmp_path, answer(0), *odd)
    [table] = read_answers(tmp_path)
    assert table["input.age"].to_pylist() == ["0", "forty", "[1]"]


def test_what_was_asked_in_thousands_is_one_file_of_one_type_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_nb.serving.recorder._PACK_ROWS", 10)
    recorder = Recorder(tmp_path, "churn", LogSettings(every=3600))
    columns = [{"age": [number if number < 20 else None], "town": [0.5 if number > 29 else 1]} for number in range(40)]
    for number, inputs in enumerate(columns):
        recorder.record(Answer(f"r{number}", 1.8e9, 0.1, 200, inputs=inputs, outputs={"prediction": [1]}))
        if number % 10 == 9:
            _wait(lambda seen=number: sum(part.rows for part in recorder._packed) == seen + 1)
    recorder.record(Answer("last", 1.8e9, 0.1, 200, inputs={"age": [1], "town": ["Ulm"]}))
    recorder.close()
    first, last = read_answers(tmp_path)
    assert first["input.age"].to_pylist() == [*range(20), *[None] * 20] and str(first["input.age"].type) == "int64"
    assert first["input.town"].to_pylist() == [1.0] * 30 + [0.5] * 10
    assert last["input.town"].to_pylist() == ["Ulm"] and recorder.written == 41 and recorder.queued == 0


def test_many_small_files_become_few_and_every_row_counts_once(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "churn", LogSettings(every=3600))
    for number in range(merging.FILES + 1):
        recorder._put("answers", tables.answers_table([answer(number)], "churn"), [_Part("answers", None, 1, 1.8e9)])
    odd = tables.answers_table([Answer("x", 1.8e9, 0.1, 200)], "churn")
    recorder._put("answers", odd, [_Part("answers", None, 1, 0)])
    before = sorted(row for table in read_answers(tmp_path) for row in table["request_id"].to_pylist())
    whole = len(list(tmp_path.iterdir()))
    recorder._sweep()
    assert recorder.failures == 0 and len(list(tmp_path.iterdir())) == whole + 1, "who reads just now reads on"
    [merged, last] = log_files(tmp_path)
    assert covering.read_name(merged).covers and pq.read_metadata(merged).num_rows == whole - 1
    assert sorted(row for table in read_answers(tmp_path) for row in table["request_id"].to_pylist()) == before
    assert covering.clear_covered(all_files(tmp_path)) == []
    gone = covering.clear_covered(all_files(tmp_path), time.time() + 2 * covering.GRACE)
    assert len(gone) == whole - 1 and sorted(tmp_path.iterdir()) == sorted([merged, last])
    assert sorted(row for table in read_answers(tmp_path) for row in table["request_id"].to_pylist()) == before
    assert sweep(tmp_path, 0, 1) == [merged, last], "its time is up like any other's"


def test_a_clock_that_is_set_back_does_not_hide_what_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path, answer(1, when=4e9))
    monkeypatch.setattr(time, "time", lambda: 1.7e9)
    second = write(tmp_path, answer(2, when=1.7e9))
    names = [covering.read_name(path) for path in log_files(tmp_path)]
    assert first.written == second.written == 1 and names[0].stamp < names[1].stamp


def test_redacted_columns_leave_no_trace(tmp_path: Path) -> None:
    bad = Answer("b", 1.8e9, 0.1, 400, error="The column 'ssn' should be long and is string ('078-05-1120').")
    good = Answer("a", 1.8e9, 0.1, 200, inputs={"ssn": ["078-05-1120"], "age": [4]}, outputs={"prediction": [1]})
    write(tmp_path, good, bad, redact=("ssn",))
    [table] = read_answers(tmp_path)
    assert "input.ssn" not in table.column_names and table["input.age"].to_pylist() == [4, None]
    assert b"078-05" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "078-05" not in str(table.to_pydict())


def test_a_sample_is_the_same_for_all_roles(tmp_path: Path) -> None:
    answers = [answer(n, role=role) for n in range(2000) for role in ("champion", "shadow")]
    recorder = write(tmp_path, *answers, sample=0.1)
    [table] = read_answers(tmp_path)
    kept = {role: set() for role in ("champion", "shadow")}
    for role, name in zip(table["role"].to_pylist(), table["request_id"].to_pylist(), strict=True):
        kept[role].add(name)
    assert kept["champion"] == kept["shadow"] and 120 < len(kept["champion"]) < 280
    assert recorder.dropped == 0


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "churn", LogSettings(queue_rows=5, every=3600))
    for number in range(8):
        recorder.record(answer(number))
    assert (recorder.queued, recorder.dropped) == (5, 3)
    recorder.close()
    assert (recorder.written, recorder.dropped, recorder.queued) == (5, 3, 0)


def test_a_full_disk_costs_rows_only_beyond_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real, full = pq.write_table, [True]

    def write_table(*args: Any, **options: Any) -> None:
        if full[0]:
            Path(args[1]).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **options)

    monkeypatch.setattr(pq, "write_table", write_table)
    recorder = Recorder(tmp_path, "churn", LogSettings(queue_rows=5, every=0.01))
    for number in range(8):
        recorder.record(answer(number))
    _wait(lambda: recorder.failures > 1)
    assert list(tmp_path.iterdir()) == []  # no half file
    full[0] = False
    recorder.close()
    assert (recorder.written, recorder.dropped) == (5, 3)
    assert capfd.readouterr().err.count("Serving goes on") == 1


def test_files_whose_time_is_up_are_deleted(tmp_path: Path) -> None:
    write(tmp_path, answer())
    [fresh] = tmp_path.iterdir()
    old = tmp_path / "answers-20200101T000000000000-1-1.parquet"
    old.write_bytes(fresh.read_bytes())
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert sweep(tmp_path, 90, 0) == [old]
    newer = tmp_path / "answers-29990101T000000000000-1-2.parquet"
    newer.write_bytes(fresh.read_bytes())
    assert sweep(tmp_path, 0, fresh.stat().st_size) == [fresh]
    assert sorted(path.name for path in tmp_path.iterdir()) == [newer.name, "notes.txt"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "answers-20260101T000000000000-1-1.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(CorruptData, match="answers-2026"):
        list(read_answers(tmp_path))


def test_reading_is_a_bounded_table_at_a_time(tmp_path: Path) -> None:
    count = 200_000
    rows = pa.table({"request_id": ["r"] * count, "time": pa.array(range(count), pa.timestamp("us", tz="UTC"))})
    pq.write_table(rows, tmp_path / "answers-20260101T000000000000-1-1.parquet")
    sizes = [table.num_rows for table in read_answers(tmp_path)]
    assert sum(sizes) == count and max(sizes) <= 65_536


@pytest.mark.parametrize("name", ["../churn", "a/b", "", ".hidden", "a\0b", "x" * 300])
def test_names_stay_in_their_folder(name: str) -> None:
    with pytest.raises(InvalidInput):
        log_folder(name, "/data")


def _wait(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
