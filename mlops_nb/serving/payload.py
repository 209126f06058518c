"""Requests and answers of MLflow's ``/invocations`` as values: bodies in, columns or arrays out, and back. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.errors import InvalidInput, require
from mlops_nb.models.signature import Column, Signature

DEPTH_LIMIT = 64
"""Most objects and lists inside one another."""

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_ADVICE = f"Send one of: {', '.join(FORMS)}."
DATA = "data"
"""What the log calls an input without a name."""


class WrongType(InvalidInput):
    """The body's content type is not one that is read."""


@dataclass(slots=True)
class Asked:
    """One request, read.

    Attributes
    ----------
    data : object
        What the model is asked: columns by name (lists, of one length), or a frame, array or list.
    rows : int
    params : dict or None
    columns : dict
        The same as columns, for the log.
    is_columns : bool
        Whether `data` is `columns`.
    """

    data: Any
    rows: int
    params: dict[str, Any] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    is_columns: bool = False


class Reader:
    """Reads requests for one model.

    Parameters
    ----------
    signature : Signature or None
    keeps_form : bool
        Whether the model takes lists and dicts as they are given.
    ignore_extra : bool
        Let columns pass that the signature does not know.

    Examples
    --------
    >>> reader = Reader(Signature((Column("double", "age"),)))
    >>> reader.read(b'{"dataframe_split": {"columns": ["age"], "data": [[41], [9.5]]}}', "application/json").columns
    {'age': [41, 9.5]}
    >>> reader.read(b'{"inputs": {"age": [41], "aeg": [1]}}', "application/json")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The model does not know the column 'aeg'. It takes: age.
    """

    def __init__(
        self, signature: Signature | None, *, keeps_form: bool = False, ignore_extra: bool = False
    ) -> None:
        self._json = require("orjson", "serve", purpose="serve a model")
        inputs = (signature.inputs if signature else None) or ()
        self._columns = [each for each in inputs if isinstance(each, Column)]
        self._names = [str(each.name) for each in self._columns if each.name is not None]
        self._known = frozenset(self._names)
        self._named = bool(self._columns) and len(self._names) == len(self._columns)
        self._keeps_form = keeps_form
        self._ignore_extra = ignore_extra
        self._takes_params = signature is None or signature.inputs is None or signature.params is not None

    @property
    def is_table(self) -> bool:
        """Whether the model takes columns by name."""
        return self._named

    @property
    def takes_values(self) -> bool:
        """Whether the model takes one column without a name."""
        return bool(self._columns) and not self._named

    def read(self, body: bytes, content_type: str) -> Asked:
        """Read a body.

        Raises
        ------
        WrongType
            If it is neither JSON nor CSV.
        InvalidInput
            If it cannot be read as what it is.
        """
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/json":
            return self._read_json(self.parse(body))
        if kind == "text/csv":
            return self._read_csv(body)
        raise WrongType(
            f"The content type {kind[:60]!a} is not read here." if kind else "The request has no content type.",
            hint="Send application/json or text/csv.",
        )

    def parse(self, body: bytes) -> Any:
        """The value of a JSON document."""
        if not body.strip():
            raise InvalidInput("The request is empty.", hint=_ADVICE)
        try:
            return self._json.loads(body)
        except ValueError as error:
            for word in (b"NaN", b"Infinity"):
                if word in body:
                    raise InvalidInput(
                        f"The request is not JSON: JSON has no {word.decode()}.", hint="Send null for a missing value."
                    ) from None
            raise InvalidInput(f"The request is not JSON: {error}.", hint=_ADVICE) from None

    def _read_json(self, found: Any) -> Asked:
        if not isinstance(found, dict):
            raise InvalidInput("The request is no JSON object.", hint=_ADVICE)
        forms = [name for name in FORMS if name in found]
        if len(forms) != 1:
            raise InvalidInput(
                f"The request has {len(forms)} of the forms of data, not one.", hint=_ADVICE
            )
        [form] = forms
        for key in found:
            if key not in (form, "params"):
                raise InvalidInput(f"The request has {key[:60]!r} beside {form!r}.", hint="Only params may be there.")
        params = found.get("params")
        if params is not None and not isinstance(params, dict):
            raise InvalidInput("The params are no JSON object.", hint='For instance: "params": {"k": 3}')
        if params and not self._takes_params:
            raise InvalidInput(f"The model has no param {next(iter(params))[:60]!r}: it has none.")
        asked = self._read_form(form, found[form])
        if asked.rows == 0:
            raise InvalidInput("The request has no rows.", hint="Send at least one.")
        asked.params = params
        return asked

    def _read_form(self, form: str, value: Any) -> Asked:
        if form == "dataframe_split":
            return self._split(value)
        if form == "dataframe_records":
            if not _are_records(value):
                raise InvalidInput("dataframe_records is no list of objects.", hint='For instance: [{"age": 41}]')
            return self.from_columns(_transpose(value), len(value))
        check_depth(value)
        if self._keeps_form:
            return Asked(value, len(value) if isinstance(value, list) else 1, columns=_columns_of(value))
        if form == "instances" and not isinstance(value, list):
            raise InvalidInput("instances is no list.", hint='For instance: "instances": [[1.5, 2.0]]')
        if _are_records(value):
            return self.from_columns(_transpose(value), len(value))
        if isinstance(value, dict):
            return self._mapping(value)
        if not isinstance(value, list):
            value = [value]
        if self._named:
            return self.by_place(value)
        return Asked(value if self._columns else _array(value), len(value), columns={DATA: value})

    def _split(self, value: Any) -> Asked:
        rows = value.get("data") if isinstance(value, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise InvalidInput(
                "dataframe_split has no list of rows in 'data'.",
                hint='For instance: {"columns": ["age"], "data": [[41]]}',
            )
        names = value.get("columns")
        if names is None:
            return self.by_place(rows) if self._named else self.from_frame(rows, None)
        if not isinstance(names, list) or not all(isinstance(name, (str, int)) for name in names):
            raise InvalidInput("The columns of dataframe_split are no list of names.")
        width = len(names)
        for place, row in enumerate(rows):
            if len(row) != width:
                raise InvalidInput(f"Row {place} has {len(row)} values for {width} columns.")
        if len(set(names)) != width:
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidInput(f"The input has two columns {str(twice)[:60]!r}.", hint="Rename one of them.")
        pieces = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
        return self.from_columns(dict(zip(names, pieces, strict=True)), len(rows))

    def _mapping(self, value: dict[str, Any]) -> Asked:
        """Columns or arrays by name; or one row, if nothing in it is a list."""
        lists = [isinstance(each, list) for each in value.values()]
        if self._named and not any(lists):
            return self.from_columns({name: [each] for name, each in value.items()}, 1)
        if not self._columns:
            arrays = {name: _array(each) for name, each in value.items()}
            rows = max((len(each) for each in value.values() if isinstance(each, list)), default=1)
            logged = {n: each if isinstance(each, list) and len(each) == rows else [each] for n, each in value.items()}
            return Asked(arrays, rows, columns=logged)
        lengths = {name: len(each) if isinstance(each, list) else 1 for name, each in value.items()}
        rows = max(lengths.values(), default=0)
        for name, length in lengths.items():
            if length != rows:
                raise InvalidInput(f"The column {name[:60]!r} has {length} values, and others have {rows}.")
        return self.from_columns({n: each if isinstance(each, list) else [each] for n, each in value.items()}, rows)

    def by_place(self, rows: list[Any]) -> Asked:
        """A request of rows without names, for a model that takes columns by name.

        Raises
        ------
        InvalidInput
            If they have not as many values as the model has columns.
        """
        width = len(self._names)
        if rows and not isinstance(rows[0], list):
            rows = [[each] for each in rows] if width == 1 else [rows]
        for place, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != width:
                found = len(row) if isinstance(row, list) else 1
                raise InvalidInput(
                    f"The model takes {width} columns; row {place} has {found}.", hint=f"It takes: {self._listed()}."
                )
        return self.from_columns(dict(zip(self._names, map(list, zip(*rows, strict=True)), strict=True)), len(rows))

    def from_columns(self, columns: Mapping[str, Any], rows: int) -> Asked:
        """A request of columns by name.

        Raises
        ------
        InvalidInput
            If there is one that the model does not know.
        """
        if self._named:
            extra = columns.keys() - self._known
            if extra:
                if not self._ignore_extra:
                    first = next(name for name in columns if name in extra)
                    self._refuse_missing(columns, str(first))
                    raise InvalidInput(
                        f"The model does not know the column {str(first)[:60]!r}.", hint=f"It takes: {self._listed()}."
                    )
                columns = {name: values for name, values in columns.items() if name not in extra}
            return Asked(columns, rows, columns=columns, is_columns=True)
        return self.from_frame(None, columns)

    def _refuse_missing(self, columns: Mapping[str, Any], extra: str) -> None:
        """A name that was mistyped is missing and unknown: the sentence says both."""
        for column in self._columns:
            if column.required and column.name not in columns:
                raise InvalidInput(
                    f"The column {column.name!r} is missing from the input, which has a column {extra[:60]!r} that the "
                    "model does not know.",
                    hint=f"It takes: {self._listed()}.",
                )

    def from_frame(self, rows: list[Any] | None, columns: Mapping[str, Any] | None) -> Asked:
        """A request of a table, for a model whose columns are not known by name."""
        import pandas

        try:
            frame = pandas.DataFrame(rows if columns is None else dict(columns))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"The input cannot be read as a table: {error}.") from None
        return Asked(frame, len(frame), columns={str(name): frame[name].tolist() for name in frame.columns})

    def _read_csv(self, body: bytes) -> Asked:
        try:
            lines = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if row]
        except UnicodeDecodeError as error:
            raise InvalidInput(f"The request is not UTF-8 (byte {error.start}).", hint="Send CSV in UTF-8.") from None
        except csv.Error as error:
            raise InvalidInput(f"The request is no CSV: {error}.") from None
        if len(lines) < 2:
            raise InvalidInput("The request has no rows.", hint="Send a header, and a line for each row.")
        asked = self._split({"columns": lines[0], "data": lines[1:]})
        kinds = {str(column.name): column.type for column in self._columns} if self._named else {}
        columns = {name: _from_texts(texts, kinds.get(name)) for name, texts in asked.columns.items()}
        return self.from_columns(columns, asked.rows)

    def _listed(self) -> str:
        shown = ", ".join(self._names[:12])
        return shown if len(self._names) <= 12 else f"{shown}, ... ({len(self._names)} in all)"


def check_depth(value: Any, limit: int = DEPTH_LIMIT) -> None:
    """Refuse what is nested too deeply, without recursion.

    Examples
    --------
    >>> check_depth([[[1]]], 2)
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The request is nested more than 2 levels deep. Send it flatter.
    """
    level = [value]
    for _ in range(limit):
        level = [
            each
            for outer in level
            if isinstance(outer, (list, dict))
            for each in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(each, (list, dict))
        ]
        if not level:
            return
    raise InvalidInput(f"The request is nested more than {limit} levels deep.", hint="Send it flatter.")


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _transpose(records: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    first = list(records[0])
    if all(record.keys() == records[0].keys() for record in records):
        return {name: [record[name] for record in records] for name in first}
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _columns_of(value: Any) -> dict[str, Any]:
    return _transpose(value) if _are_records(value) else {DATA: value if isinstance(value, list) else [value]}


def _array(value: Any) -> Any:
    import numpy

    try:
        return numpy.asarray(value)
    except ValueError:
        hint = "Send rows of one length."
        raise InvalidInput("The input is ragged: its rows have different lengths.", hint=hint) from None


def _from_texts(texts: Sequence[str], kind: Any) -> list[Any]:
    """A column of CSV: by the signature's type, else as what all of it can be; what cannot stays text."""
    values = [text if text != "" else None for text in texts]
    if isinstance(kind, str) and kind in ("string", "binary", "datetime"):
        return values
    readers: tuple[Callable[[str], Any], ...] = (_TRUTHS.__getitem__, int, float)
    for read in readers if not any("_" in text for text in texts) else ():  # Python's numbers may have underscores
        try:
            return [None if value is None else read(value.strip()) for value in values]
        except (ValueError, KeyError):
            pass
    return values


_TRUTHS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}


# -- answers -----------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A prediction as plain JSON values, in MLflow's shapes: a frame is a list of records.

    Examples
    --------
    >>> import pandas as pd
    >>> plain(pd.DataFrame({"a": [1], "b": [float("nan")]}))
    [{'a': 1, 'b': None}]
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    kind = type(value).__name__
    if kind == "DataFrame" and hasattr(value, "iloc"):
        names = [str(name) for name in value.columns]
        pieces = [plain(value.iloc[:, place].tolist()) for place in range(len(names))]
        return [dict(zip(names, row, strict=True)) for row in zip(*pieces, strict=True)]
    if kind == "Series" and hasattr(value, "to_frame"):
        return plain(value.to_frame())
    if kind in ("NAType", "NaTType"):
        return None
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "toarray"):
        value = value.toarray()
    if hasattr(value, "tolist"):
        return _plain_array(value)
    if hasattr(value, "to_dicts"):
        return plain(value.to_dicts())  # polars
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(bytes(value)).decode("ascii")
    return str(value)


def _plain_array(value: Any) -> Any:
    kind = getattr(getattr(value, "dtype", None), "kind", "O")
    if kind in "iub" or (kind == "f" and math.isfinite(float(value.sum()))):
        return value.tolist()  # nothing in it that JSON has not
    return plain(value.tolist() if kind != "M" else value.astype(str).tolist())


def output_columns(predictions: Any, rows: int) -> dict[str, Any]:
    """Plain predictions as columns for the log, a value a row; what has no value a row stands in the first.

    Examples
    --------
    >>> output_columns([{"a": 1, "b": 2}, {"a": 3, "b": 4}], 2)
    {'a': [1, 3], 'b': [2, 4]}
    >>> output_columns([0.5, 0.25], 2)
    {'prediction': [0.5, 0.25]}
    """
    from mlops_nb.serving.log import PREDICTION

    if isinstance(predictions, list) and len(predictions) == rows:
        return _transpose(predictions) if _are_records(predictions) else {PREDICTION: predictions}
    if isinstance(predictions, dict) and predictions and all(
        isinstance(each, list) and len(each) == rows for each in predictions.values()
    ):
        return predictions
    return {PREDICTION: [predictions, *[None] * (rows - 1)]}
