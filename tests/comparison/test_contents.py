"""Files that say the same although their bytes differ, and files that do not."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.comparison import Tolerance, same_bytes
from mlops_nb.comparison.contents import compare_contents


def archive(members: dict[str, str], year: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def tar(members: dict[str, str], time: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(text), time
            file.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def core(time: str) -> str:
    return f'<cp><dcterms:created xsi:type="dcterms:W3CDTF">{time}</dcterms:created><dc:title>t</dc:title></cp>'


SVG = (
    '<svg><metadata><dc:date>{1}</dc:date></metadata><defs><path id="m{0}" d="M 0 0"/></defs><use href="#m{0}"/></svg>'
)
PDF = "%PDF-1.4 /CreationDate (D:{0}) /ID [<{0}><{0}>] stream {1}"
MLMODEL = "artifact_path: {0}\nflavors:\n  sklearn:\n    code: {1}\nrun_id: {0}\nutc_time_created: '{0}'\n"

SAME = {
    "table.csv.gz": (gzip.compress(b"a,b", mtime=1), gzip.compress(b"a,b", mtime=2)),
    "big.gz": (gzip.compress(b"x" * 3_000_000, 1, mtime=1), gzip.compress(b"x" * 3_000_000, 9, mtime=2)),
    "t.xz": (lzma.compress(b"abc", preset=0), lzma.compress(b"abc", check=lzma.CHECK_CRC32)),
    "t.xlsx": (
        archive({"docProps/core.xml": core("2026-01-01T00:00:00Z"), "xl/sheet1.xml": "<c>1</c>"}, 2020),
        archive({"docProps/core.xml": core("2027-02-02T00:00:00Z"), "xl/sheet1.xml": "<c>1</c>"}, 2021),
    ),
    "t.npz": (archive({"x.npy": "1"}, 2020), archive({"x.npy": "1"}, 2021)),
    "t.tar.gz": (tar({"a": "1"}, 1), tar({"a": "1"}, 2)),
    "t.svg": (SVG.format("0a1b2c3d4e", "2026").encode(), SVG.format("99aabbccdd", "2027").encode()),
    "t.pdf": (PDF.format("2026", "x").encode(), PDF.format("2027", "x").encode()),
    "model/MLmodel": (MLMODEL.format("aa", "1").encode(), MLMODEL.format("bb", "1").encode()),
    "t.json": (b'{"a": 1, "b": NaN}', b'{"b": NaN,\n "a": 1}'),
}

OTHER = {
    "table.csv.gz": (gzip.compress(b"a,b", mtime=1), gzip.compress(b"a,c", mtime=1)),
    "t.csv.gz": (gzip.compress(b"a,b"), gzip.compress(b"a,b")[:-9]),
    "t.xlsx": (archive({"xl/sheet1.xml": "1"}, 2020), archive({"xl/sheet1.xml": "2"}, 2020)),
    "t.npz": (archive({"x.npy": "1"}, 2020), archive({"y.npy": "1"}, 2020)),
    "t.zip": (archive({"x": "1"}, 2020), archive({"x": "1", "y": "1"}, 2020)),
    "t.tar.gz": (tar({"a": "1"}, 1), tar({"a": "2"}, 1)),
    "t.svg": (
        SVG.format("0a1b2c3d4e", "2026").encode(),
        SVG.format("0a1b2c3d4e", "2026").replace("0 0", "9 9").encode(),
    ),
    "t.pdf": (PDF.format("2026", "x").encode(), PDF.format("2026", "y").encode()),
    "model/MLmodel": (MLMODEL.format("aa", "1").encode(), MLMODEL.format("aa", "2").encode()),
    "t.json": (b'{"a": 1}', b'{"a": 1.5}'),
    "broken.json": (b"{", b"["),
    "t.pkl": (b"\x80\1", b"\x80\2"),
    "t.png": (b"\x89PNG\1", b"\x89PNG\2"),
    "t.xz": (lzma.compress(b"abc"), lzma.compress(b"abd")),
}


@pytest.mark.parametrize("path", SAME)
def test_what_a_format_writes_anew_is_no_difference(path: str) -> None:
    one, other = SAME[path]
    assert one != other and same_bytes(one, other, path) and same_bytes(other, one, path)


@pytest.mark.parametrize("path", OTHER)
def test_another_content_is_a_difference(path: str) -> None:
    one, other = OTHER[path]
    assert not same_bytes(one, other, path) and not same_bytes(other, one, path)
    assert compare_contents(one, other, path, Tolerance()).level.name == "FAR"


def test_text_and_json_are_close_if_their_numbers_are() -> None:
    for path, text in (("t.csv", "a,{}"), ("t.json", '{{"a": [{}]}}'), ("t", "w {}")):
        one, other, far = (text.format(number).encode() for number in ("0.1", "0.10000000001", "0.2"))
        assert compare_contents(one, other, path, Tolerance()).level.name == "CLOSE"
        assert compare_contents(one, far, path, Tolerance()).level.name == "FAR"
        packed = gzip.compress(one), gzip.compress(other)
        assert compare_contents(*packed, f"{path}.gz", Tolerance()).level.name == "CLOSE"


def test_what_unpacks_without_end_is_not_unpacked_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (gzip.compress(b"\0" * 9_000_000, mtime=time) for time in (1, 2))
    assert same_bytes(one, other, "t.gz")
    monkeypatch.setattr("mlops_nb.comparison.contents._UNPACKED_LIMIT", 1_000_000)
    assert not same_bytes(one, other, "t.gz")


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from([*SAME, "x", "t.html", "t.png", "t.ipynb"]))
def test_no_bytes_break_it(one: bytes, other: bytes, path: str) -> None:
    for head in (b"", b"\x1f\x8b", b"PK\3\4", b"\xfd7zXZ\0"):
        assert same_bytes(head + one, head + one, path)
        there = compare_contents(head + one, head + other, path, Tolerance())
        assert there.level is compare_contents(head + other, head + one, path, Tolerance()).level


def test_a_deep_json_is_not_followed_into_the_ground() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert compare_contents(deep, deep + b" ", "t.json", Tolerance()).level.name in ("SAME", "FAR")
    assert json.loads("[]") == []
