"""The floor: 32 bytes appended to a file with one system call a point, and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from pathlib import Path

RECORD = struct.Struct("<qqdq")

place = Path()
descriptor = -1


def connect(folder: Path) -> None:
    """Work in the folder."""
    global place
    place = folder


def settle() -> None:
    """Nothing runs behind."""


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end: one line each, one file."""
    file = os.open(place / f"{index}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for i in range(5):
        os.write(file, f"param p{i} {index + i}\n".encode())
    for i in range(5):
        os.write(file, f"metric m{i} {index * 0.1 + i}\n".encode())
    os.close(file)


def open_run() -> None:
    """Open the file."""
    global descriptor
    descriptor = os.open(place / f"points-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def log_point(step: int, value: float) -> None:
    """One point."""
    os.write(descriptor, RECORD.pack(step, 0, value, 0))


def close_run() -> None:
    """Close the file."""
    os.close(descriptor)


def stored_points() -> int:
    """Points in all files."""
    return sum(path.stat().st_size for path in place.glob("points-*")) // RECORD.size


def log_file(path: Path) -> None:
    """Hash the file and copy it, if there is none with this hash."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not (place / digest).exists():
        shutil.copyfile(path, place / digest)
