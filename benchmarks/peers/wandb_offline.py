"""W&B offline. What it writes can only be read after uploading it, so there is nothing to measure in reading."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMPORT = "import wandb"
SLOWER = 5
CELL = (
    "import wandb",
    "x = 1\ny = x * 2.0",
    "with wandb.init(project='bench', mode='offline', dir='.', config={'x': 1}) as run:\n"
    "    x = 1\n    y = x * 2.0\n    run.log({'y': y})",
)

wandb: Any = None
run: Any = None
place = Path()


def connect(folder: Path) -> None:
    """Import, and work in the folder."""
    global wandb, place
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ[name] = str(folder)
    import wandb as module

    wandb, place = module, folder


def settle() -> None:
    """`finish` returns when all is stored."""


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end."""
    with wandb.init(project="bench", mode="offline", dir=place, config={f"p{i}": index + i for i in range(5)}) as run:
        run.log({f"m{i}": index * 0.1 + i for i in range(5)})


def open_run() -> None:
    """Start the run that the next calls are about."""
    global run
    run = wandb.init(project="bench", mode="offline", dir=place)


def log_point(step: int, value: float) -> None:
    """One point."""
    run.log({"loss": value}, step=step)


def close_run() -> None:
    """End the run."""
    run.finish()


def stored_points() -> int:
    """Points of all runs, counted in its transaction logs."""
    from wandb.proto import wandb_internal_pb2

    count = 0
    for path in place.rglob("*.wandb"):
        for data in _records(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            count += record.HasField("history")
    return count


def _records(log: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log format (blocks of 32 KiB, parts with a header of 7 bytes), after a file header of 7."""
    place, record = 7, b""
    while True:
        left = 32768 - place % 32768
        if left < 7:
            place += left
        if place + 7 > len(log):
            return
        _checksum, size, kind = struct.unpack_from("<IHB", log, place)
        place += 7
        if kind not in (1, 2, 3, 4) or place + size > len(log):
            return  # torn, or not written yet
        record += log[place : place + size]
        place += size
        if kind in (1, 4):  # the whole, or the last part
            yield record
            record = b""


def log_file(path: Path) -> None:
    """A file into the open run."""
    artifact = wandb.Artifact("file", type="file")
    artifact.add_file(str(path))
    run.log_artifact(artifact)
