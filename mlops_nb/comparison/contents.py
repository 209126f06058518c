"""Files by their bytes: the same but for what a format writes anew each time, close, or different."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from mlops_nb.comparison.images import compare_images
from mlops_nb.comparison.masks import canonical_markup
from mlops_nb.comparison.texts import compare_texts
from mlops_nb.comparison.values import Level, level_of
from mlops_nb.comparison.views import Tolerance

__all__ = ["ContentResult", "compare_contents", "same_bytes"]

_TEXT_LIMIT = 4 << 20
_UNPACKED_LIMIT = 1 << 30
_CHUNK = 1 << 20
_EXACT = Tolerance(0.0, 0.0)

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
ARCHIVES = frozenset({".zip", ".xlsx", ".xlsm", ".docx", ".pptx", ".npz", ".ods", ".odt", ".jar", ".whl", ".skops"})
_TEXTS = frozenset({".txt", ".csv", ".tsv", ".md", ".log", ".html", ".svg", ".yaml", ".yml", ".tex", ".xml", ".py", ""})

# What formats stamp into their files: the time of writing, generated ids, the writer's own run.
PDF_STAMP = re.compile(rb"/(?:CreationDate|ModDate)\s*\([^)]*\)|/ID\s*\[[^\]]*\]")
OFFICE_STAMP = re.compile(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>")
_MLMODEL_STAMP = re.compile(r"(?m)^(?:run_id|model_id|model_uuid|utc_time_created|artifact_path):.*\n?")
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
)


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class ContentResult(NamedTuple):
    """How much two files differ, `delta` for pictures, and a word on it."""

    level: Level
    delta: float | None = None
    detail: str = ""


def same_bytes(expected: bytes, actual: bytes, path: str = "") -> bool:
    """Whether two files say the same, leaving out times and ids that their format writes anew each time.

    Compressed files and archives are compared unpacked, pictures by pixels, SVG without its generated ids, PDF without
    its dates, and an ``MLmodel`` without the run that wrote it.

    Parameters
    ----------
    expected, actual : bytes
        The files.
    path : str
        Their name, from which the format is told.

    Examples
    --------
    >>> same_bytes(gzip.compress(b"a,b", mtime=1), gzip.compress(b"a,b", mtime=2), "table.csv.gz")
    True
    """
    return expected == actual or _same_unpacked(expected, actual, PurePosixPath(path))


def _same_unpacked(expected: bytes, actual: bytes, path: PurePosixPath) -> bool:
    suffix = path.suffix.lower()
    try:
        if expected[:2] == actual[:2] == b"\x1f\x8b":
            if path.name.endswith((".tar.gz", ".tgz")):
                return _same_tars(expected, actual)
            return _same_streams(_gunzip(expected), _gunzip(actual))
        if expected[:6] == actual[:6] == b"\xfd7zXZ\0":
            return _same_streams(lzma.LZMAFile(io.BytesIO(expected)), lzma.LZMAFile(io.BytesIO(actual)))
        if expected[:4] == actual[:4] == b"PK\3\4" and (suffix in ARCHIVES or suffix in (".pt", ".pth", ".keras")):
            return _same_archives(expected, actual)
        if suffix in _IMAGES:
            return compare_images(expected, actual, _EXACT).level is Level.SAME
        if suffix == ".pdf":
            return PDF_STAMP.sub(b"", expected) == PDF_STAMP.sub(b"", actual)
        if suffix in (".svg", ".html") or path.name == "MLmodel":
            return _unstamp(expected.decode(), path) == _unstamp(actual.decode(), path)
        if suffix in (".json", ".ipynb"):
            return level_of(json.loads(expected), json.loads(actual), _EXACT) is Level.SAME
    except BROKEN:
        return False  # a file that its own format cannot read is compared by its bytes, and those differ
    return False


def _unstamp(text: str, path: PurePosixPath) -> str:
    if path.name == "MLmodel":
        return _MLMODEL_STAMP.sub("", text)
    return canonical_markup(text)


def _gunzip(data: bytes) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=io.BytesIO(data))


def _same_streams(one: _Readable, other: _Readable) -> bool:
    """Compare two streams a piece at a time: what is small packed may be huge."""
    read = 0
    while True:
        left, right = one.read(_CHUNK), other.read(_CHUNK)
        read += len(left)
        if left != right or read > _UNPACKED_LIMIT:
            return False
        if not left:
            return True


def _same_archives(expected: bytes, actual: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(expected)) as one, zipfile.ZipFile(io.BytesIO(actual)) as other:
        names = sorted(one.namelist())
        if names != sorted(other.namelist()) or sum(info.file_size for info in one.infolist()) > _UNPACKED_LIMIT:
            return False
        return all(_same_members(one, other, name) for name in names)


def _same_members(one: zipfile.ZipFile, other: zipfile.ZipFile, name: str) -> bool:
    if name == "docProps/core.xml":
        return OFFICE_STAMP.sub(b"", one.read(name)) == OFFICE_STAMP.sub(b"", other.read(name))
    with one.open(name) as left, other.open(name) as right:
        return _same_streams(left, right)


def _same_tars(expected: bytes, actual: bytes) -> bool:
    with tarfile.open(fileobj=io.BytesIO(expected)) as one, tarfile.open(fileobj=io.BytesIO(actual)) as other:
        left, right = ({member.name: member for member in tar if member.size < _UNPACKED_LIMIT} for tar in (one, other))
        if left.keys() != right.keys() or len(one.getmembers()) != len(left) or len(other.getmembers()) != len(right):
            return False
        for name, member in left.items():
            files = one.extractfile(member), other.extractfile(right[name])
            if member.type != right[name].type or (files[0] and files[1] and not _same_streams(files[0], files[1])):
                return False
        return True


def compare_contents(expected: bytes, actual: bytes, path: str, tolerance: Tolerance) -> ContentResult:
    """How much two files differ: `same_bytes`, then pictures by eye, and text and JSON by their numbers.

    Examples
    --------
    >>> compare_contents(b"a,b\\n1,0.3\\n", b"a,b\\n1,0.30000000000000004\\n", "t.csv", Tolerance()).level.name
    'CLOSE'
    """
    if same_bytes(expected, actual, path):
        return ContentResult(Level.SAME)
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _IMAGES:
        return ContentResult(*compare_images(expected, actual, tolerance))
    if expected[:2] == actual[:2] == b"\x1f\x8b" and suffix == ".gz":
        return _compare_unpacked(expected, actual, path, tolerance)
    if max(len(expected), len(actual)) > _TEXT_LIMIT:
        return ContentResult(Level.FAR, None, f"{len(expected):,} and {len(actual):,} bytes")
    try:
        if suffix in (".json", ".ipynb"):
            return ContentResult(level_of(json.loads(expected), json.loads(actual), tolerance))
        if suffix in _TEXTS:
            one, other = (_unstamp(data.decode(), PurePosixPath(path)) for data in (expected, actual))
            return ContentResult(compare_texts(one, other, tolerance))
    except (ValueError, RecursionError):
        pass  # not what its name says: by its bytes, then
    return ContentResult(Level.FAR, None, f"{len(expected):,} and {len(actual):,} bytes")


def _compare_unpacked(expected: bytes, actual: bytes, path: str, tolerance: Tolerance) -> ContentResult:
    try:
        one, other = (_gunzip(data).read(_TEXT_LIMIT + 1) for data in (expected, actual))
    except BROKEN:
        return ContentResult(Level.FAR, None, "cannot be unpacked")
    return compare_contents(one, other, path.removesuffix(".gz"), tolerance)
