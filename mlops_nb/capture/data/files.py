"""What is in a data file: rows and columns, by reading little of it."""

from __future__ import annotations

import ast
import csv
import gzip
import importlib
import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from mlops_nb.capture.data.accesses import quiet

__all__ = ["profile_file"]

HEAD = 1 << 20
"""Bytes of a text file that are looked at for the columns."""

COUNTED = 256 << 20
"""Bytes of a text file whose lines are counted; beyond it the number of rows is estimated, and said so."""

WHOLE = 16 << 20
"""Bytes up to which a file that can only be read whole (JSON, Excel) is read."""

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|NaN|inf|-inf")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"))


def profile_file(path: str | Path) -> dict[str, Any]:
    """Format, rows and columns of a data file, without loading it.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON, JSON lines (each also with ``.gz``), parquet, feather and Arrow, npy, npz, Excel.

    Returns
    -------
    dict
        ``format``, ``rows`` (None if not known), ``columns`` (array of ``{name, dtype, nullable}``; parquet also has
        ``min``, ``max``, ``missing`` where the file does) and ``estimated`` if `rows` is an estimate. Empty for other
        formats and for a file that is not what its name says.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.csv"); _ = path.write_text("x,y\\n1,a\\n2,\\n")
    >>> profile_file(path)["columns"]
    [{'name': 'x', 'dtype': 'int', 'nullable': False}, {'name': 'y', 'dtype': 'str', 'nullable': True}]
    """
    name = os.path.basename(path).lower()
    packed = name.endswith(".gz")
    suffix = "." + name.removesuffix(".gz").rpartition(".")[2]
    read = _READERS.get(suffix)
    if read is None or (packed and suffix not in (".csv", ".tsv", ".json", ".jsonl", ".ndjson")):
        return {}
    with quiet(path):
        try:
            return {"format": suffix[1:]} | read(os.fspath(path))
        except Exception:  # a damaged file, a missing library, a surprise in the format: there is no profile
            return {}


def _open(path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return open(path, "rb")


def _read_text(path: str, separator: str | None) -> dict[str, Any]:
    """CSV: columns from the head, rows by counting lines."""
    with _open(path) as stream:
        head = stream.read(HEAD)
        text = head.decode("utf-8-sig", errors="replace")
        if len(head) == HEAD:
            text = text[: text.rfind("\n") + 1]
        delimiter = separator or _delimiter(text)
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        if not table:
            return {"rows": 0, "columns": []}
        names, rows = table[0], [row for row in table[1:] if row]
        profile: dict[str, Any] = {"rows": len(rows), "columns": _text_columns(names, rows)}
        if len(head) < HEAD:
            return profile
        lines, counted, _ = _count_lines(stream, head)
        ratio = len(rows) / max(1, head.count(b"\n"))  # below one if values hold line breaks
        whole = counted < COUNTED
        if not whole and not path.endswith(".gz"):
            ratio *= os.path.getsize(path) / counted
        estimated = not whole or len(table) != head.count(b"\n")
    return profile | ({"rows": round(lines * ratio), "estimated": True} if estimated else {"rows": lines - 1})


def _count_lines(stream: IO[bytes], head: bytes) -> tuple[int, int, bytes]:
    """Line ends after and in `head`, bytes read in all, and the last byte."""
    lines, counted, last = head.count(b"\n"), len(head), head[-1:]
    while counted < COUNTED and (block := stream.read(1 << 20)):
        lines, counted, last = lines + block.count(b"\n"), counted + len(block), block[-1:]
    return lines, counted, last


def _delimiter(text: str) -> str:
    line = text.partition("\n")[0]
    return max(",;\t|", key=line.count) if line else ","


def _text_columns(names: list[str], rows: list[list[str]]) -> list[dict[str, Any]]:
    sample = rows[:2000]
    columns = []
    for position, name in enumerate(names[:2000]):
        values = [row[position] if position < len(row) else "" for row in sample]
        present = [value for value in values if value not in _MISSING]
        columns.append({"name": name, "dtype": _text_type(present), "nullable": len(present) < len(values)})
    return columns


def _text_type(values: Iterable[str]) -> str:
    values = list(values)
    if not values:
        return "empty"
    for kind, pattern in (("int", _INTEGER), ("float", _NUMBER), ("datetime", _DATE)):
        if all(pattern.fullmatch(value.strip()) for value in values):
            return kind
    return "bool" if {value.lower() for value in values} <= {"true", "false"} else "str"


def _read_json(path: str) -> dict[str, Any]:
    with _open(path) as stream:
        content = stream.read(WHOLE + 1)
    if len(content) > WHOLE:
        return {"rows": None, "columns": []}
    value = json.loads(content)
    if isinstance(value, list):
        return {"rows": len(value), "columns": _record_columns(value)}
    if isinstance(value, dict) and value and all(isinstance(column, list | dict) for column in value.values()):
        lengths = {len(column) for column in value.values()}
        if len(lengths) == 1:
            columns = [_record_columns([{name: each} for each in _values(column)]) for name, column in value.items()]
            return {"rows": lengths.pop(), "columns": [entry for group in columns for entry in group]}
    return {"rows": None, "columns": []}


def _values(column: list[Any] | dict[str, Any]) -> list[Any]:
    return list(column.values() if isinstance(column, dict) else column)[:2000]


def _read_json_lines(path: str) -> dict[str, Any]:
    with _open(path) as stream:
        head = stream.read(HEAD)
        lines, counted, last = _count_lines(stream, head)
    whole = head.decode(errors="replace").splitlines()[: None if counted == len(head) else -1]
    records = [json.loads(line) for line in whole[:2000] if line.strip()]
    profile: dict[str, Any] = {"rows": lines + (last not in (b"", b"\n")), "columns": _record_columns(records)}
    if counted >= COUNTED and not path.endswith(".gz"):
        profile |= {"rows": round(lines * os.path.getsize(path) / counted), "estimated": True}
    return profile


def _record_columns(records: list[Any]) -> list[dict[str, Any]]:
    sample = [record for record in records[:2000] if isinstance(record, dict)]
    names = list(dict.fromkeys(name for record in sample for name in record))[:2000]
    columns = []
    for name in names:
        values = [record.get(name) for record in sample]
        kinds = {type(value).__name__ for value in values if value is not None}
        kind = "float" if kinds == {"int", "float"} else "|".join(sorted(kinds)) or "empty"
        columns.append({"name": str(name), "dtype": kind, "nullable": any(value is None for value in values)})
    return columns


def _read_parquet(path: str) -> dict[str, Any]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        found, schema = file.metadata, file.schema_arrow
        columns = [_arrow_column(field) for field in schema]
        if found.num_columns == len(columns):  # nested columns have several leaves
            for position, column in enumerate(columns):
                column |= _parquet_statistics(found, position)
        return {"rows": found.num_rows, "columns": columns}


def _arrow_column(field: Any) -> dict[str, Any]:
    return {"name": field.name, "dtype": str(field.type), "nullable": field.nullable}


def _parquet_statistics(found: Any, position: int) -> dict[str, Any]:
    groups = [found.row_group(i).column(position).statistics for i in range(min(found.num_row_groups, 1000))]
    if not groups or any(each is None or not each.has_min_max for each in groups):
        return {}
    low, high = min(each.min for each in groups), max(each.max for each in groups)
    entry = {"min": low, "max": high} if isinstance(low, int | float) and not isinstance(low, bool) else {}
    if all(each.has_null_count for each in groups):
        entry["missing"] = sum(each.null_count for each in groups)
    return entry


def _read_arrow(path: str) -> dict[str, Any]:
    import pyarrow
    import pyarrow.ipc

    with pyarrow.memory_map(path) as source:
        try:
            reader = pyarrow.ipc.open_file(source)
            rows = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        except pyarrow.ArrowInvalid:  # the stream format
            reader = pyarrow.ipc.open_stream(source)
            rows = sum(batch.num_rows for batch in reader)
        return {"rows": rows, "columns": [_arrow_column(field) for field in reader.schema]}


def _read_npy(path: str) -> dict[str, Any]:
    with open(path, "rb") as stream:
        return _array_header(stream)


def _array_header(stream: IO[bytes]) -> dict[str, Any]:
    """Shape and type from the header of NumPy's format, without NumPy."""
    if stream.read(6) != b"\x93NUMPY":
        raise ValueError("not an array of NumPy's format")
    major = stream.read(2)[0]
    size = struct.unpack("<H", stream.read(2))[0] if major == 1 else struct.unpack("<I", stream.read(4))[0]
    header = ast.literal_eval(stream.read(min(size, 1 << 20)).decode("latin-1" if major < 3 else "utf-8"))
    shape, descr = header["shape"], header["descr"]
    named = descr if isinstance(descr, list) else [("", descr)]
    columns = [{"name": each[0], "dtype": str(each[1]), "nullable": False} for each in named]
    return {"rows": shape[0] if shape else 1, "shape": list(shape), "columns": columns}


def _read_npz(path: str) -> dict[str, Any]:
    columns = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist()[:1000]:
            if name.endswith(".npy"):
                with archive.open(name) as stream:
                    header = _array_header(stream)
                columns.append(header["columns"][0] | {"name": name.removesuffix(".npy"), "shape": header["shape"]})
    return {"rows": None, "columns": columns}


def _read_excel(path: str) -> dict[str, Any]:
    if os.path.getsize(path) > WHOLE:
        return {"rows": None, "columns": []}
    openpyxl: Any = importlib.import_module("openpyxl")
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        table = list(sheet.iter_rows(max_row=2000, values_only=True))
        names = [str(name) for name in table[0]] if table else []
        records = [dict(zip(names, row, strict=False)) for row in table[1:]]
        rows = max(len(table) - 1, (sheet.max_row or 1) - 1)
        return {"rows": rows, "columns": _record_columns(records), "sheets": book.sheetnames[:100]}
    finally:
        book.close()


_READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    ".csv": lambda path: _read_text(path, None),
    ".tsv": lambda path: _read_text(path, "\t"),
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".feather": _read_arrow,
    ".arrow": _read_arrow,
    ".ipc": _read_arrow,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".xlsx": _read_excel,
}
