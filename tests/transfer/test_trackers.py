"""What W&B and TensorBoard kept, written by themselves, is here afterwards; nonsense is refused in one sentence."""

from __future__ import annotations

import importlib.util
import io
import json
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_nb.cli import main
from mlops_nb.entities import Run
from mlops_nb.errors import CorruptData
from mlops_nb.transfer.plain_runs import Found
from mlops_nb.transfer.wandb_log import BLOCK, FIRST, FRAME, HEADER, LAST, MAGIC, MIDDLE, WHOLE, frames
from mlops_nb.transfer.wandb_records import Records
from mlops_nb.workspace import Workspace, open_workspace
from tests.transfer.everything import everything

SCRIPT = Path(__file__).with_name("trackers.py")
ROOT = Path(__file__).parents[2]
TRACKERS = ("tensorboard>=2.17", "wandb>=0.19")


@pytest.fixture(scope="session")
def tracker_python() -> str:
    """An interpreter with both packages and this checkout: this one, or an environment of its own, made once."""
    if all(map(importlib.util.find_spec, ("tensorboard", "wandb"))):
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops_nb-tests" / f"trackers-{version}"
    python = str(cache / "bin" / "python")
    uv = [sys.executable, "-m", "uv"]
    if not Path(python).exists():
        subprocess.run([*uv, "venv", "--quiet", str(cache), "--python", sys.executable], check=True, timeout=900)
    install = [*uv, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, *TRACKERS, "--editable", str(ROOT)], check=True, timeout=1800)
    return python


class Trackers:
    """Makes files of the trackers below a folder, and imports them."""

    def __init__(self, python: str, folder: Path) -> None:
        self._python, self.folder = python, folder
        self._environment = {**os.environ, "MLOPS_NB_STORE": str(folder / "store"), "WANDB_MODE": "offline"}

    def make(self, *command: object) -> None:
        self._run(str(SCRIPT), *map(str, command))

    def bring(self, tool: str, source: str, *more: str) -> dict[str, Any]:
        text = self._run("-m", "mlops_nb.cli", "import", tool, source, "--json", *more)
        return json.loads(text)  # type: ignore[no-any-return]

    @contextmanager
    def store(self) -> Iterator[Workspace]:
        with closing(open_workspace(str(self.folder / "store"))) as space:
            yield space

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [self._python, *command],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def trackers(tracker_python: str, tmp_path: Path) -> Trackers:
    return Trackers(tracker_python, tmp_path)


def runs_of(space: Workspace) -> dict[str, Run]:
    return {run.name: run for run in space.store.search_runs(view="all").items}


@pytest.mark.nightly
def test_tensorboard(trackers: Trackers) -> None:
    trackers.make("tensorboard", "logs", 0, 5)
    (trackers.folder / "logs" / "sub" / "events.out.tfevents.1.link").symlink_to(trackers.folder / "elsewhere")
    report = trackers.bring("tensorboard", "logs")
    assert report["new"] == {"experiments": 1, "runs": 2}
    assert len(report["lost"]) == 2
    assert "is a link" in report["lost"][0]
    assert report["lost"][1] == "The histograms 'weights' of the run a."
    with trackers.store() as space:
        runs = runs_of(space)
        a = runs["a"]
        assert (a.experiment, a.status, a.start_time) == ("logs", "FAILED", 1_700_000_000_000)
        assert a.params == {"lr": 0.1, "optimizer": "adam", "nesterov": True}
        loss = space.store.history(a.run_id, "loss/train")
        assert list(loss.values) == pytest.approx([1 / (step + 1) for step in range(5)])
        assert list(loss.steps) == [*range(5)]
        assert list(loss.timestamps) == [1_700_000_000_000 + 1000 * step for step in range(5)]
        assert a.metrics["accuracy"] == pytest.approx(0.4)
        assert math.isnan(a.metrics["nan"])
        files = {each.path: space.artifacts.read(each.digest) for each in space.store.artifacts(a.run_id)}
        assert list(files) == ["text/-/notes.md"]
        assert "**hello** ö" in files["text/-/notes.md"].decode()
        assert runs["sub/b"].metrics == {"loss": 4.0}
        before = everything(space)
    assert trackers.bring("tensorboard", "logs")["same"]["runs"] == 2
    with trackers.store() as space:
        assert everything(space) == before
    trackers.make("tensorboard", "logs", 5, 7)
    (trackers.folder / "logs").rename(trackers.folder / "moved")
    assert trackers.bring("tensorboard", "moved")["grown"] == {"runs": 2}
    with trackers.store() as space:
        assert len(runs_of(space)) == 2
        assert list(space.store.history(a.run_id, "loss/train").steps) == [*range(7)]


@pytest.mark.nightly
def test_a_damaged_event_file_gives_what_stands_before(trackers: Trackers) -> None:
    trackers.make("tensorboard", "logs", 0, 5)
    (file,) = (trackers.folder / "logs" / "sub" / "b").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    (other,) = (trackers.folder / "logs" / "a").iterdir()
    other.write_bytes(b"no event at all, but long enough")
    report = trackers.bring("tensorboard", "logs")
    assert [each for each in report["lost"] if "cut off or damaged" in each] == report["lost"]
    assert len(report["lost"]) == 2
    with trackers.store() as space:
        assert runs_of(space)["sub/b"].metrics == {"loss": 3.0}
    file.write_bytes(whole)
    assert trackers.bring("tensorboard", "logs")["grown"] == {"runs": 1}


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_wandb(trackers: Trackers) -> None:
    trackers.make("wandb", 0, "abc123", 0, 5)
    report = trackers.bring("wandb", ".")
    assert report["new"] == {"experiments": 1, "runs": 1}
    lost = "\n".join(report["lost"])
    assert "Values of 'word' that are no numbers (5) of the run first." in report["lost"]
    assert "'table', of the type table-file" in lost
    assert "'mlflow.user', a name that is taken here" in lost
    with trackers.store() as space:
        (run,) = runs_of(space).values()
        assert (run.name, run.experiment, run.status) == ("first", "churn", "FINISHED")
        assert run.params == {"lr": 0.1, "opt": {"name": "adam"}, "layers": [1, 2], "late": 3}
        expected = {"loss": 0.2, "n.acc": 0.4, "big": math.inf, "best": 0.9}
        assert {key: run.metrics[key] for key in expected} == expected
        assert math.isnan(run.metrics["odd"])
        assert (run.tags["a"], run.tags["mlflow.note.content"], run.tags["wandb.group"]) == ("true", "hello", "g")
        assert run.tags["summary.verdict"] == "good"
        loss = space.store.history(run.run_id, "loss")
        assert list(loss.steps) == [*range(5)]
        assert all(run.start_time <= at <= (run.end_time or 0) for at in loss.timestamps)
        assert ("stdout", "from step 0\n") in [(each.stream, each.text) for _, each in space.store.logs(run.run_id)]
        assert ("stderr", "a warning\n") in [(each.stream, each.text) for _, each in space.store.logs(run.run_id)]
        paths = {each.path for each in space.store.artifacts(run.run_id)}
        assert {"output.log", "requirements.txt"} <= paths
        assert any(each.startswith("media/table/") for each in paths)
        before = everything(space)
    assert trackers.bring("wandb", "wandb", "--thorough")["same"] == {"experiments": 1, "runs": 1}
    with trackers.store() as space:
        assert everything(space) == before
    trackers.make("wandb", 1, "other", 0, 1)
    (file,) = trackers.folder.glob("wandb/*-other/run-other.wandb")
    assert trackers.bring("wandb", str(file.parent))["new"] == {"runs": 1}
    with trackers.store() as space:
        assert sorted(run.status for run in space.store.search_runs().items) == ["FAILED", "FINISHED"]


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_wandb_run_that_died_and_was_resumed_is_one_run(trackers: Trackers) -> None:
    trackers.make("wandb", 0, "abc123", 0, 5)
    (file,) = trackers.folder.glob("wandb/offline-run-*/run-abc123.wandb")
    file.write_bytes(file.read_bytes()[:-30])
    report = trackers.bring("wandb", ".")
    assert [each for each in report["lost"] if "cut off or damaged" in each]
    with trackers.store() as space:
        assert [run.status for run in runs_of(space).values()] == ["RUNNING"]  # written a moment ago
    trackers.make("wandb", 0, "abc123", 5, 8)
    assert trackers.bring("wandb", ".")["grown"] == {"runs": 1}
    with trackers.store() as space:
        (run,) = runs_of(space).values()
        assert run.status == "FINISHED"
        assert list(space.store.history(run.run_id, "loss").steps) == [*range(8)]
        assert "output-1.log" in {each.path for each in space.store.artifacts(run.run_id)}


@pytest.mark.parametrize(
    ("tool", "name", "said"),
    [
        ("tensorboard", "nowhere", "There is no folder nowhere."),
        ("wandb", "nowhere", "There is no folder nowhere."),
        ("tensorboard", "empty", "empty has no event files of TensorBoard's"),
        ("wandb", "empty", "empty has no offline runs of W&B's"),
        ("tensorboard", "file", "file has no event files"),
        ("wandb", "file", "file has no offline runs"),
        ("tensorboard", "logs", "The package 'tensorboard' is needed to read TensorBoard's event files"),
        ("wandb", "logs", "The package 'wandb' is needed to read W&B's offline runs"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(
    tool: str, name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_NB_STORE", str(tmp_path / "store"))
    monkeypatch.setitem(sys.modules, tool, None)  # not installed
    Path("empty").mkdir()
    Path("file").write_text("x")
    Path("logs").mkdir()
    Path("logs/events.out.tfevents.1").write_bytes(b"")
    Path("logs/run-a.wandb").write_bytes(b"")
    assert main(["import", tool, name]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_value_that_is_nested_without_end_is_left_behind() -> None:
    def item(**given: Any) -> SimpleNamespace:
        return SimpleNamespace(**{"key": "", "nested_key": [], **given})

    found = Found("", "first", "churn")
    records = Records(found)
    deep = item(key="deep", value_json="[" * 100_000)
    good = item(key="loss", value_json="0.5")
    history = SimpleNamespace(item=[deep, good], step=SimpleNamespace(num=1 << 70))
    records._take_history(history)
    records.finish(0)
    assert list(found.batch.metrics) == ["loss"]
    assert list(found.batch.metrics["loss"].steps) == [1 << 62]
    assert "Values that are no JSON, or nested too deeply (1) of the run first." in [text for _, text in found.stayed]


def frame(kind: int, data: bytes) -> bytes:
    return FRAME.pack(zlib.crc32(data, zlib.crc32(bytes([kind]))), len(data), kind) + data


def test_frames_over_blocks_and_every_cut() -> None:
    head, room = HEADER.pack(*MAGIC), BLOCK - FRAME.size
    first = room - len(head)
    long = bytes(range(256)) * 300
    cuts = (long[:first], long[first : first + room], long[first + room :])
    text = head + b"".join(map(frame, (FIRST, MIDDLE, LAST), cuts))
    assert list(frames(io.BytesIO(text))) == [long]
    almost = long[: first - 3]  # too little of the block is left for a frame: it is filled up
    assert list(frames(io.BytesIO(head + frame(WHOLE, almost) + bytes(3) + frame(WHOLE, b"x")))) == [almost, b"x"]
    short = head + frame(WHOLE, b"one") + frame(WHOLE, b"two")
    assert list(frames(io.BytesIO(short))) == [b"one", b"two"]
    ends = {len(head), len(head) + FRAME.size + 3, len(short)}
    for cut in set(range(len(short))) - ends:
        with pytest.raises(CorruptData):
            list(frames(io.BytesIO(short[:cut])))
    for place in range(len(head), len(short)):
        bad = bytearray(short)
        bad[place] ^= 0x55
        with pytest.raises(CorruptData):
            list(frames(io.BytesIO(bytes(bad))))
