"""The digest of what a file says, for formats that stamp the time or a drawn id into each file.

Of files that a run writes only digests are kept: two spreadsheets with the same cells would differ in them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from mlops_nb.comparison.contents import ARCHIVES, BROKEN, OFFICE_STAMP, PDF_STAMP
from mlops_nb.comparison.masks import canonical_markup

__all__ = ["content_digest"]

_FILE_LIMIT = 32 << 20
_UNPACKED_LIMIT = 256 << 20
_CHUNK = 1 << 20


def content_digest(path: str | Path) -> str:
    """Equal for two files that say the same; empty for formats without stamps, where the bytes say it all.

    Parameters
    ----------
    path : str or Path
        A file; told by its ending and its first bytes.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "t.csv.gz"); found = set()
    >>> for moment in (1, 2):
    ...     _ = file.write_bytes(gzip.compress(b"a,b", mtime=moment)); found.add(content_digest(file))
    >>> len(found), content_digest(__file__)
    (1, '')
    """
    name = PurePosixPath(Path(path).name.lower())
    if name.suffix not in (".gz", ".pdf", ".svg", ".html", ".htm") and name.suffix not in ARCHIVES:
        return ""
    try:
        if Path(path).stat().st_size > _FILE_LIMIT:
            return ""
        return _digest(Path(path).read_bytes(), name)
    except BROKEN:
        return ""


def _digest(data: bytes, name: PurePosixPath) -> str:
    found = hashlib.sha256()
    if data[:2] == b"\x1f\x8b" and name.suffix == ".gz" and not name.name.endswith(".tar.gz"):
        _add(found, gzip.GzipFile(fileobj=io.BytesIO(data)))
    elif data[:4] == b"PK\3\4" and name.suffix in ARCHIVES:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in sorted(archive.namelist()):
                found.update(f"\0{member}\0".encode())
                if member == "docProps/core.xml":
                    found.update(OFFICE_STAMP.sub(b"", archive.read(member)))
                else:
                    with archive.open(member) as stream:
                        _add(found, stream)
    elif name.suffix == ".pdf":
        found.update(PDF_STAMP.sub(b"", data))
    elif name.suffix in (".svg", ".html", ".htm"):
        found.update(canonical_markup(data.decode()).encode())
    else:
        return ""
    return found.hexdigest()[:32]


def _add(found: hashlib._Hash, stream: IO[bytes] | gzip.GzipFile) -> None:
    read = 0
    while piece := stream.read(_CHUNK):
        found.update(piece)
        read += len(piece)
        if read > _UNPACKED_LIMIT:
            raise ValueError("small packed, and huge unpacked")
