"""Whole files scored: in chunks, in constant memory, each output under its name only when it is whole."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_nb.errors import AlreadyExists, InvalidInput, MlopsError, NotFound, require
from mlops_nb.models.signature import Column, Signature
from mlops_nb.serving.log import PREDICTION

FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
CHUNK_ROWS = 50_000

Progress = Callable[[str, int, int], None]
"""``progress(file, rows done, rows in all or 0)``."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to score; plain values, so that it travels to another process.

    Attributes
    ----------
    source, target : str
        Files, by their suffix Parquet or CSV.
    folder, digest, name : str
        The model's folder, its digest if known, and what to call it.
    trust : tuple of str
        As for `load_model`.
    safe_only : bool or None
        The same.
    keep : bool
        Write the input's columns beside the predictions.
    prefix : str
        Before the names of predictions.
    chunk_rows : int
        Rows that are in memory at a time.
    """

    source: str
    target: str
    folder: str
    digest: str = ""
    name: str = ""
    trust: tuple[str, ...] = ()
    safe_only: bool | None = None
    keep: bool = True
    prefix: str = ""
    chunk_rows: int = CHUNK_ROWS


def plan_files(source: Path, target: Path, *, overwrite: bool = False) -> list[tuple[Path, Path]]:
    """Which files are scored into which.

    Parameters
    ----------
    source : Path
        A file, or a folder that is searched for files with a known suffix.
    target : Path
        A file, or for a folder a folder.
    overwrite : bool
        Whether results may replace what is there.

    Raises
    ------
    NotFound, InvalidInput, AlreadyExists

    Examples
    --------
    >>> plan_files(Path("nothing.csv"), Path("out.csv"))
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no file or folder 'nothing.csv'.
    """
    if not source.exists():
        raise NotFound(f"There is no file or folder {str(source)!r}.")
    if source.is_dir():
        found = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix.lower() in FORMATS)
        if not found:
            raise NotFound(f"The folder {str(source)!r} has no Parquet or CSV files.")
        if target.resolve() == source.resolve() or target.is_file():
            raise InvalidInput("The output of a folder is another folder.", hint="For instance: -o predictions")
        pairs = [(path, target / path.relative_to(source)) for path in found]
    else:
        pairs = [(source, target / source.name if target.is_dir() else target)]
    for path, out in pairs:
        for each in (path, out):
            if each.suffix.lower() not in FORMATS:
                raise InvalidInput(f"{str(each)!r} is neither Parquet nor CSV.", hint="Name it .parquet or .csv.")
        if out.resolve() == path.resolve():
            raise InvalidInput(f"The output {str(out)!r} is the input.", hint="Name another file with -o.")
        if out.exists() and not overwrite:
            raise AlreadyExists(f"The output {str(out)!r} is there already.", hint="Replace it with --overwrite.")
    return pairs


def score_all(jobs: Sequence[Job], executor: Executor | None = None, progress: Progress | None = None) -> int:
    """Score files, one after the other, or as many at a time as an executor has workers; rows in all.

    Raises
    ------
    MlopsError
        Of the first file that fails; the others that have begun are finished.
    """
    if executor is None:
        return sum(score_file(job, progress) for job in jobs)
    futures = {executor.submit(score_file, job): job for job in jobs}
    rows, fault = 0, None
    for future in as_completed(futures):
        try:
            rows += future.result()
        except MlopsError as error:
            fault = fault or error
            for each in futures:
                each.cancel()
            continue
        except Exception as error:
            if future.cancelled():
                continue
            raise InvalidInput(f"{futures[future].source} was not scored: {type(error).__name__}: {error}") from error
        if progress is not None:
            progress(futures[future].source, rows, 0)
    if fault is not None:
        raise fault
    return rows


_loaded: dict[tuple[str, str], Any] = {}


def score_file(job: Job, progress: Progress | None = None) -> int:
    """Score one file; rows that it had.

    Raises
    ------
    InvalidInput
        Naming the file, the rows and the column that does not fit.
    """
    require("pyarrow", "serve", purpose="read and write files of data")
    model = _model_of(job)
    source, target = Path(job.source), Path(job.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    partial, done = Path(name), 0
    try:
        with _Writer(partial, FORMATS[target.suffix.lower()]) as writer:
            total, tables = read_tables(source, job.chunk_rows, model.signature)
            for table in tables:
                try:
                    writer.write(_scored(model, table, job))
                except InvalidInput as error:
                    where = f"{source.name}, rows {done:,} to {done + table.num_rows - 1:,}"
                    raise InvalidInput(f"{where}: {error.message}", hint=error.hint) from None
                done += table.num_rows
                if progress is not None:
                    progress(job.source, done, total)
        partial.chmod(0o666 & ~_umask())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return done


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def _model_of(job: Job) -> Any:
    from mlops_nb.models.loading import load_folder

    key = (job.folder, job.digest)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_folder(
            job.folder, trust=job.trust, safe_only=job.safe_only, name=job.name, digest=job.digest
        )
    return _loaded[key]


def read_tables(path: Path, rows: int, signature: Signature | None) -> tuple[int, Iterator[Any]]:
    """A file as Arrow tables of so many rows at most, and how many rows it has in all (0 where that is not known).

    Columns of CSV get the signature's types; others stay text, as they stand there.
    """
    if FORMATS[path.suffix.lower()] == "csv":
        return 0, _read_csv(path, rows, signature)
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InvalidInput(f"{path} is no Parquet file: {str(error).splitlines()[0]}.") from None
    batches = file.iter_batches(batch_size=rows)
    return int(file.metadata.num_rows), (pyarrow.Table.from_batches([batch]) for batch in batches)


_KINDS = {"boolean": "bool_", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


def _read_csv(path: Path, rows: int, signature: Signature | None) -> Iterator[Any]:
    import pyarrow

    kinds = {
        column.name: getattr(pyarrow, _KINDS[column.type])()
        for column in (signature.inputs if signature else None) or ()
        if isinstance(column, Column) and isinstance(column.type, str) and column.type in _KINDS
    }
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            names = next(lines, [])
            if not names or len(set(names)) != len(names):
                raise InvalidInput(f"{path} has no header with names that are all different.")
            for chunk in _chunks(lines, rows):
                for place, line in enumerate(chunk):
                    if len(line) != len(names):
                        raise InvalidInput(f"{path}: a line has {len(line)} values for {len(names)} columns, near "
                                           f"line {lines.line_num - len(chunk) + place + 1}.")  # fmt: skip
                columns = zip(names, zip(*chunk, strict=True), strict=True)
                yield pyarrow.table([_typed(texts, kinds.get(name)) for name, texts in columns], names)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is no CSV in UTF-8: {error}.") from None


def _chunks(lines: Iterable[list[str]], rows: int) -> Iterator[list[list[str]]]:
    chunk: list[list[str]] = []
    for line in lines:
        if line:
            chunk.append(line)
        if len(chunk) == rows:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _typed(column: Sequence[str], kind: Any) -> Any:
    import pyarrow

    texts = pyarrow.array([text or None for text in column], pyarrow.string())
    if kind is None:
        return texts
    try:
        return texts.cast(kind)
    except pyarrow.ArrowInvalid:
        return texts  # the signature's rules say which value does not fit, or that 3.0 is a whole number


def _scored(model: Any, table: Any, job: Job) -> Any:
    import pyarrow

    signature = model.signature
    wanted = [name for name in (signature.columns if signature else []) if name in table.column_names]
    frame = (table.select(wanted) if wanted else table).to_pandas()
    for name, column in _texts_to_numbers(frame, signature):
        frame[name] = column
    found = prediction_columns(model.predict(frame), table.num_rows)
    made = {f"{job.prefix}{name}": values for name, values in found.items()}
    twice = next((name for name in made if job.keep and name in table.column_names), None)
    if twice is not None:
        raise InvalidInput(f"The input has a column {twice!r} already.", hint="Name the predictions with --prefix.")
    base = table if job.keep else table.select([])
    arrays = [pyarrow.array(each, from_pandas=True) for each in made.values()]
    return pyarrow.table([*base.columns, *arrays], [*base.column_names, *made])


def _texts_to_numbers(frame: Any, signature: Signature | None) -> Iterator[tuple[str, Any]]:
    """Columns of CSV that did not fit their type as a whole: numbers where that is what the texts are."""
    import pandas

    for column in (signature.inputs if signature else None) or ():
        if isinstance(column, Column) and column.type in _KINDS and column.name in frame.columns:
            series = frame[column.name]
            if series.dtype.kind not in "iufb":
                values = [_number(value) for value in series.tolist()]
                yield str(column.name), pandas.Series(values, dtype=object).infer_objects()


def _number(value: Any) -> Any:
    for read in (int, float):
        try:
            return read(value) if isinstance(value, str) else value
        except ValueError:
            continue
    return value


def prediction_columns(found: Any, rows: int) -> dict[str, Any]:
    """Predictions as columns: a frame's own, else ``prediction``, or ``prediction_0`` and on for several a row.

    Raises
    ------
    InvalidInput
        If there is not one a row.

    Examples
    --------
    >>> import numpy
    >>> {name: values.tolist() for name, values in prediction_columns(numpy.array([[1, 2], [3, 4]]), 2).items()}
    {'prediction_0': [1, 3], 'prediction_1': [2, 4]}
    """
    if hasattr(found, "iloc") and hasattr(found, "columns"):
        made = {str(name): found.iloc[:, place] for place, name in enumerate(found.columns)}
    elif hasattr(found, "ndim") and found.ndim == 2 and not hasattr(found, "iloc"):
        array = found.detach().cpu().numpy() if hasattr(found, "detach") else found
        array = array.toarray() if hasattr(array, "toarray") else array
        made = {f"{PREDICTION}_{place}": array[:, place] for place in range(array.shape[1])}
    elif isinstance(found, dict):
        made = {str(name): values for name, values in found.items()}
    else:
        values = found.detach().cpu().numpy() if hasattr(found, "detach") else found
        made = {PREDICTION: values if hasattr(values, "__len__") and not isinstance(values, str) else [values]}
    for values in made.values():
        if len(values) != rows:
            raise InvalidInput(
                f"The model gives {len(values)} predictions for {rows} rows.", hint="Only models that give one a row."
            )
    return made


class _Writer:
    """Tables into one file; all of them have the columns and types of the first."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._writer: Any = None
        self._schema: Any = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        elif self._kind == "parquet":
            import pyarrow
            import pyarrow.parquet as parquet

            parquet.write_table(pyarrow.table({}), self._path)

    def write(self, table: Any) -> None:
        """Append."""
        import pyarrow

        if self._writer is None:
            # what has no value yet could be anything: text is what all can be read as
            fields = [f.with_type(pyarrow.string()) if pyarrow.types.is_null(f.type) else f for f in table.schema]
            self._schema = pyarrow.schema(fields)
            self._writer = self._open()
        try:
            self._writer.write_table(table.cast(self._schema))
        except (pyarrow.ArrowInvalid, ValueError) as error:
            raise InvalidInput(
                f"Its columns have other types than those before: {str(error).splitlines()[0]}.",
                hint="Save the model with a signature, or the data with one type a column.",
            ) from None

    def _open(self) -> Any:
        if self._kind == "csv":
            from pyarrow.csv import CSVWriter

            return CSVWriter(self._path, self._schema)
        import pyarrow.parquet as parquet

        return parquet.ParquetWriter(self._path, self._schema, compression="zstd")
