"""The journal: what was acknowledged comes back, whatever happens to the process and the disk."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.entities import Batch, Points, Status
from mlops_nb.errors import CorruptData, InvalidInput, InvalidState, NotFound, StoreError
from mlops_nb.journal import Drain, JournalReader, JournalWriter, is_alive, own_lease, recover
from mlops_nb.wire.encoded import Encoded

RUN = "0" * 32


def writer_in(folder: Path, name: str = f"{RUN}.1-a.journal") -> JournalWriter:
    return JournalWriter(folder / name, RUN, writer=own_lease(), drainer=own_lease())


def read_all(path: Path) -> list[Batch]:
    reader = JournalReader(path)
    batches = []
    while batch := reader.read(path.stat().st_size):
        batches.append(batch)
    return batches


def points_of(batches: list[Batch], key: str) -> Points:
    found = Points()
    for batch in batches:
        if key in batch.metrics:
            found.extend(batch.metrics[key])
    return found


class Sink:
    """A store that only counts: idempotent by (source, upto), as the contract says; overlaps and gaps are refused."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.known: dict[str, int] = {}
        self.failing: Exception | None = None
        self.answers = True

    def apply(self, batches: list[Batch]) -> None:
        if self.failing is not None:
            raise self.failing
        for batch in batches:
            known = self.known.get(batch.source, 0)
            if batch.upto <= known:
                continue
            if batch.since != known:
                raise InvalidState(f"{batch.source}: {batch.since} is not {known}")
            self.known[batch.source] = batch.upto
            self.batches.append(batch)
        if not self.answers:
            raise StoreError("The server went away before it answered.")

    def delivered(self, source: str) -> int:
        return self.known.get(source, 0)


def test_everything_comes_back_exactly(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    values = [0.1, -0.0, math.inf, -math.inf, 5e-324, 1.7e308]
    for step, value in enumerate(values):
        writer.point("loss", value, -step, 1_700_000_000_000)
    writer.point("nan", math.nan, 2**63 - 1, -(2**63))
    writer.record({"t": "param", "k": "p", "v": {"a": [1, None, "\ud800\x00", math.inf]}, "at": 3})
    writer.record({"t": "tag", "k": "team", "v": "risk"}, {"t": "tag", "k": "old", "v": None})
    writer.points("batch", Points(array("d", [1.0, 2.0]), array("q", [7, 7]), array("q", [1, 2])))
    batches = read_all(writer.path)
    loss = points_of(batches, "loss")
    assert list(loss.values) == values and math.copysign(1, loss.values[1]) == -1
    assert list(loss.steps) == [0, -1, -2, -3, -4, -5]
    nan = points_of(batches, "nan")
    assert math.isnan(nan.values[0]) and (nan.steps[0], nan.timestamps[0]) == (2**63 - 1, -(2**63))
    assert batches[0].params == [("p", {"a": [1, None, "\ud800\x00", math.inf]}, 3)]
    assert batches[0].tags == {"team": "risk", "old": None}
    assert list(points_of(batches, "batch").steps) == [7, 7]


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(min_value=0),
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.floats(allow_nan=False)), min_size=1, max_size=20),
)
def test_a_file_that_was_cut_anywhere_gives_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, cut: int, rows: list[tuple[str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    writer = writer_in(folder)
    ends = []
    for step, (key, value) in enumerate(rows):
        writer.point(key, value, step, 0)
        ends.append(writer.good)
    content = writer.path.read_bytes()
    size = cut % (len(content) + 1)
    writer.path.write_bytes(content[:size])
    whole = sum(end <= size for end in ends)
    found = {key: list(points_of(read_all(writer.path), key).values) for key in "abc"}
    expected: dict[str, list[float]] = {key: [] for key in "abc"}
    for key, value in rows[:whole]:
        expected[key].append(value)
    assert found == expected


@pytest.mark.parametrize("position", [0.3, 0.6, 0.95])
def test_a_flipped_bit_stops_the_reading_there(tmp_path: Path, position: float) -> None:
    writer = writer_in(tmp_path)
    for step in range(100):
        writer.point("loss", float(step), step, 0)
    content = bytearray(writer.path.read_bytes())
    content[int(len(content) * position)] ^= 0x10
    writer.path.write_bytes(content)
    values = list(points_of(read_all(writer.path), "loss").values)
    assert values == [float(step) for step in range(len(values))]
    assert len(values) < 100


def test_not_a_journal(tmp_path: Path) -> None:
    (tmp_path / "x.journal").write_bytes(b"something else entirely")
    with pytest.raises(CorruptData):
        JournalReader(tmp_path / "x.journal").open()


def test_names_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    before = writer.good
    for name in ("", "x" * 501, "a\x00b", "\ud800"):
        with pytest.raises(InvalidInput):
            writer.point(name, 1.0, 0, 0)
    assert writer.good == before == writer.path.stat().st_size


def test_threads_append_whole_records(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)

    def work(key: str) -> None:
        for step in range(500):
            writer.point(key, float(step), step, 0)

    threads = [threading.Thread(target=work, args=(f"k{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches = read_all(writer.path)
    for i in range(6):
        assert list(points_of(batches, f"k{i}").steps) == list(range(500))


def test_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    script = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from mlops_nb.errors import StoreError
from mlops_nb.journal import JournalWriter, own_lease
writer = JournalWriter(Path({str(tmp_path / "r.journal")!r}), "0" * 32, writer=own_lease(), drainer=own_lease())
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
written = 0
try:
    while True:
        writer.point("loss", float(written), written, 0)
        written += 1
except StoreError as error:
    assert "cannot be written" in str(error), error
print(written)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "r.journal"
    assert list(points_of(read_all(path), "loss").values) == [float(i) for i in range(int(done.stdout))]
    reader = JournalReader(path)
    reader.read(path.stat().st_size)
    assert not reader.torn


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from mlops_nb.journal import JournalWriter, own_lease
path = Path({str(tmp_path)!r}) / ("0" * 32 + ".1-a.journal")
writer = JournalWriter(path, "0" * 32, writer=own_lease(), drainer=own_lease())
writer.record({{"t": "tag", "k": "a", "v": "b"}})
for step in range(10**9):
    writer.point("loss", 0.5, step, 0)
    if step % 100 == 0:
        print(step, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = 0
    for line in process.stdout:
        last = int(line)
        if last >= 2000:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    sink = Sink()
    assert recover(tmp_path, sink.apply, sink.delivered) == [RUN]
    steps = list(points_of(sink.batches, "loss").steps)
    assert steps == list(range(len(steps))) and len(steps) > last
    ends = [batch.end for batch in sink.batches if batch.end]
    assert [end.status for end in ends] == [Status.KILLED]
    assert list(tmp_path.iterdir()) == []


def test_recovery_leaves_the_living_alone(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    writer.point("loss", 1.0, 0, 0)
    sink = Sink()
    assert recover(tmp_path, sink.apply, sink.delivered) == []
    assert writer.path.exists()


def test_recovery_twice_delivers_once(tmp_path: Path) -> None:
    dead = replace(own_lease(), pid=2**22 - 3)
    writer = JournalWriter(tmp_path / f"{RUN}.1-a.journal", RUN, writer=dead, drainer=dead)
    writer.point("loss", 1.0, 0, 0)
    content = writer.path.read_bytes()
    sink = Sink()
    recover(tmp_path, sink.apply, sink.delivered)
    (tmp_path / writer.source).write_bytes(content)  # as if the process had died between delivering and deleting
    recover(tmp_path, sink.apply, sink.delivered)
    assert len(points_of(sink.batches, "loss")) == 1


def test_a_lease_is_of_one_process_only() -> None:
    lease = own_lease()
    assert is_alive(lease, idle_seconds=1e9)
    assert not is_alive(replace(lease, started=lease.started - 1000), idle_seconds=0)  # the id was given to another one
    assert not is_alive(replace(lease, boot="earlier:"), idle_seconds=0)
    assert is_alive(replace(lease, host="elsewhere"), idle_seconds=10)
    assert not is_alive(replace(lease, host="elsewhere"), idle_seconds=1e6)


def test_a_stopped_process_is_not_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        import psutil

        lease = replace(own_lease(), pid=process.pid, started=psutil.Process(process.pid).create_time())
        os.kill(process.pid, signal.SIGSTOP)
        assert is_alive(lease, idle_seconds=1e9)
    finally:
        process.kill()
        process.wait()
    assert not is_alive(lease, idle_seconds=0)


def test_drain_delivers_in_order_and_takes_ended_journals_away(tmp_path: Path) -> None:
    sink = Sink()
    drain = Drain(sink.apply, tmp_path, interval=0.01)
    writer = JournalWriter(
        tmp_path / "r.journal", RUN, writer=own_lease(), drainer=own_lease(), on_pending=drain.notify
    )
    drain.add(writer)
    for step in range(1000):
        writer.point("loss", 1.0, step, 0)
    assert drain.flush()
    assert list(points_of(sink.batches, "loss").steps) == list(range(1000))
    assert writer.path.exists()
    writer.record({"t": "end", "status": "FINISHED", "at": 9})
    assert drain.flush()
    assert not writer.path.exists() and writer.closed
    drain.stop()


def test_a_round_of_deliveries_ends_while_somebody_goes_on_logging(tmp_path: Path) -> None:
    """Short cells that follow each other are stored together, not each in a transaction of its own."""

    class Busy(Sink):
        def apply(self, batches: list[Batch]) -> None:
            super().apply(batches)
            writer.point("loss", 0.0, len(self.batches), 0)

    sink = Busy()
    drain = Drain(sink.apply, tmp_path)
    writer = writer_in(tmp_path)
    drain.add(writer)
    writer.point("loss", 0.0, 0, 0)
    assert drain.flush() and len(sink.batches) == 1
    assert drain.flush() and len(sink.batches) == 2
    assert list(points_of(sink.batches, "loss").steps) == [0, 1]


def test_what_slow_captures_find_comes_with_the_end_of_its_run(tmp_path: Path) -> None:
    sink = Sink()
    drain = Drain(sink.apply, tmp_path)
    writer = writer_in(tmp_path)
    drain.add(writer)

    def capture() -> None:
        writer.record({"t": "fact", "k": "environment", "v": {}})
        if len(found) < 2:
            drain.after.append(capture)  # a cell that ends meanwhile
        found.append(1)

    found: list[int] = []
    drain.after.append(capture)
    writer.record({"t": "end", "status": "FINISHED", "at": 9})
    assert drain.flush()
    (batch,) = sink.batches
    assert "environment" in batch.facts and batch.end is not None and len(found) == 3
    assert writer.closed and not writer.path.exists()


def test_drain_keeps_trying_while_the_store_is_away(tmp_path: Path) -> None:
    sink = Sink()
    said: list[Exception] = []
    drain = Drain(sink.apply, tmp_path, interval=0.01, on_error=said.append)
    writer = JournalWriter(tmp_path / "r.journal", RUN, writer=own_lease(), drainer=own_lease())
    drain.add(writer)
    writer.point("loss", 1.0, 0, 0)
    sink.failing = StoreError("The server is away.")
    assert not drain.flush()
    writer.point("loss", 2.0, 1, 0)
    assert not drain.flush() and said
    sink.failing = None
    assert drain.flush()
    assert list(points_of(sink.batches, "loss").values) == [1.0, 2.0]
    drain.stop()


def test_what_the_store_refuses_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    class Picky(Sink):
        def apply(self, batches: list[Batch]) -> None:
            if any(batch.source.startswith("bad") for batch in batches):
                raise NotFound("There is no such run.")
            super().apply(batches)

    sink = Picky()
    said: list[Exception] = []
    drain = Drain(sink.apply, tmp_path, on_error=said.append)
    for name in ("bad.journal", "good.journal"):
        writer = JournalWriter(tmp_path / name, RUN, writer=own_lease(), drainer=own_lease())
        drain.add(writer)
        writer.point("loss", 1.0, 0, 0)
    assert drain.flush()
    assert [batch.source for batch in sink.batches] == ["good.journal"]
    assert (tmp_path / "bad.refused").exists() and said
    drain.stop()


def test_a_delivery_whose_answer_was_lost_is_made_again_as_it_was(tmp_path: Path) -> None:
    """The server had stored it: more in one piece would overlap that, be refused, and be lost to the run."""
    sink = Sink()
    drain = Drain(sink.apply, tmp_path)
    writers = [writer_in(tmp_path, f"{RUN}.{number}-a.journal") for number in range(2)]
    for writer in writers:
        drain.add(writer)
    for step in range(12):
        sink.answers = step % 4 != 1
        for writer in writers:
            writer.point("loss", float(step), step, 0)
        assert drain.flush() == sink.answers
    assert sorted(points_of(sink.batches, "loss").values) == sorted([*map(float, range(12))] * 2)
    assert [path.suffix for path in tmp_path.iterdir()] == [".journal"] * 2
    drain.stop()


def test_a_journal_deleted_under_us_is_written_again(tmp_path: Path) -> None:
    sink = Sink()
    folder = tmp_path / "journal"
    folder.mkdir()
    drain = Drain(sink.apply, folder)
    writer = writer_in(folder)
    drain.add(writer)
    writer.point("loss", 1.0, 0, 0)
    writer.path.unlink()
    folder.rmdir()
    assert drain.flush()
    writer.point("loss", 2.0, 1, 0)
    assert drain.flush()
    assert writer.path.exists()
    assert list(points_of(sink.batches, "loss").values) == [1.0, 2.0]
    drain.stop()


def test_large_records_come_in_one_piece(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    text = "x" * 10_000_000
    writer.record({"t": "param", "k": "big", "v": text, "at": 0})
    writer.point("loss", 1.0, 0, 0)
    batches = read_all(writer.path)
    assert [value for batch in batches for _, value, _ in batch.params] == [text]
    assert len(points_of(batches, "loss")) == 1


@pytest.mark.parametrize("kind", ["plain", 'a","v":b', "back\\", "é\ud800\0", '","v":'])
def test_facts_pass_as_their_text_whatever_their_kind(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r.journal"
    writer = JournalWriter(path, "r", writer=own_lease(), drainer=own_lease())
    value = {"v": [1, float("inf"), "x\ud800"], "k": None}
    writer.record({"t": "fact", "k": kind, "v": value})
    writer.record({"t": "fact", "k": kind + "2", "v": Encoded('{"a":1}')})
    batch = JournalReader(path).read(writer.good)
    assert batch is not None
    assert {name: fact.value() for name, fact in batch.facts.items()} == {kind: value, kind + "2": {"a": 1}}
    writer.close()
