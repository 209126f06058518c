"""The frames of W&B's ``run-*.wandb`` files: LevelDB's log format behind a header of seven bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from mlops_nb.errors import CorruptData

HEADER = struct.Struct("<4sHB")
MAGIC = (b":W&B", 0xBEE1, 0)
FRAME = struct.Struct("<IHB")
BLOCK = 32 << 10
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def frames(file: BinaryIO) -> Iterator[bytes]:
    """The records of a file, each as bytes.

    Parameters
    ----------
    file : BinaryIO
        Open at its beginning.

    Yields
    ------
    bytes

    Raises
    ------
    CorruptData
        If it is no such file; or, after all records before it, at the first one that is cut off or damaged.

    Examples
    --------
    >>> import io
    >>> text = b"hello"
    >>> frame = FRAME.pack(zlib.crc32(text, zlib.crc32(bytes([WHOLE]))), len(text), WHOLE) + text
    >>> list(frames(io.BytesIO(HEADER.pack(*MAGIC) + frame)))
    [b'hello']
    >>> list(frames(io.BytesIO(b"GIF89a")))
    Traceback (most recent call last):
    mlops_nb.errors.CorruptData: It is no file of W&B's.
    """
    head = file.read(HEADER.size)
    if len(head) < HEADER.size or HEADER.unpack(head) != MAGIC:
        raise CorruptData("It is no file of W&B's.")
    position, whole = HEADER.size, 0
    parts: list[bytes] = []
    while True:
        left = BLOCK - position % BLOCK
        if left < FRAME.size:
            file.read(left)
            position += left
        head = file.read(FRAME.size)
        if not head and not parts:
            return
        kind, data = _frame(head, file)
        if data is None or (kind in (WHOLE, FIRST)) is bool(parts):
            raise CorruptData(f"It is cut off or damaged after its first {whole or HEADER.size:,} bytes.")
        position += FRAME.size + len(data)
        parts.append(data)
        if kind in (WHOLE, LAST):
            yield b"".join(parts)
            parts, whole = [], position


def _frame(head: bytes, file: BinaryIO) -> tuple[int, bytes | None]:
    if len(head) < FRAME.size:
        return 0, None
    crc, size, kind = FRAME.unpack(head)
    data = file.read(size)
    good = kind in (WHOLE, FIRST, MIDDLE, LAST) and len(data) == size
    return kind, data if good and zlib.crc32(data, zlib.crc32(bytes([kind]))) == crc else None
