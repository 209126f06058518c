"""A signature enforced: data is brought into the model's form without changing a value, or refused by column.

Conversions that keep every value are made (int to double, whole doubles to long, ISO text to datetime, ...); doubles
are also rounded to float, as every library for networks does. All else is refused, naming the column, what was expected
and what was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.models.casting import cast_column, check_value, is_missing
from mlops_nb.models.inputs import kind_of, plain_frame
from mlops_nb.models.signature import Column, Param, Signature, Tensor, type_name

_EXACT = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


class Enforcer:
    """The rules of one signature, ready to be applied again and again.

    Parameters
    ----------
    signature : Signature or None
        None lets everything pass.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlops_nb.models.signature import Column, Signature
    >>> enforcer = Enforcer(Signature((Column("double", "age"), Column("string", "town"))))
    >>> enforcer(pd.DataFrame({"town": ["Ulm"], "age": [31]})).dtypes["age"].name
    'float64'
    >>> enforcer({"age": ["old"], "town": ["Ulm"]})
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The column 'age' should be double and is string: the first such value is 'old', ...
    """

    def __init__(self, signature: Signature | None) -> None:
        self.signature = signature or Signature()
        inputs = self.signature.inputs or ()
        self._columns = [field for field in inputs if isinstance(field, Column)]
        self._tensors = [field for field in inputs if isinstance(field, Tensor)]
        self._named = bool(self._columns) and all(column.name is not None for column in self._columns)
        self._names = [column.name for column in self._columns]
        self._exact = [_EXACT.get(column.type) if isinstance(column.type, str) else None for column in self._columns]
        self._nested = any(not isinstance(column.type, str) for column in self._columns)

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of the inputs."""
        return not self._columns and not self._tensors

    def __call__(self, data: Any) -> Any:
        """The data in the model's form: a pandas frame for columns, an array (or a dict of arrays) for tensors.

        Raises
        ------
        InvalidInput
            Naming the column, what was expected and what was found.
        """
        if self._tensors:
            return self._enforce_tensors(data)
        if not self._columns:
            return data
        return self._enforce_frame(self._as_frame(data))

    def check(self, data: Any) -> None:
        """Check lists and dicts that the model takes as they are given; nothing is converted.

        Raises
        ------
        InvalidInput
            Naming the column, what was expected and what was found.
        """
        if self._tensors or not self._columns:
            return
        if not self._named:
            values = data if isinstance(data, (list, tuple)) else [data]
            for row, value in enumerate(values):
                _check_plain(self._columns[0], value, row)
            return
        records = [data] if isinstance(data, dict) else data
        for row, record in enumerate(records):
            if not isinstance(record, dict):
                raise InvalidInput(f"The input should be dicts; in row {row} is a {type(record).__name__}.")
            self._check_missing(list(record))
            for column in self._columns:
                if column.name in record:
                    _check_plain(column, record[column.name], row)

    # -- columns ----------------------------------------------------------------------------------------------------

    def _as_frame(self, data: Any) -> Any:
        kind = kind_of(data)
        if kind == "frame":
            return data
        if kind == "mapping" and self._nested:
            import pandas

            return pandas.DataFrame([dict(data)])  # one record: its lists are values, not columns
        if kind in ("list", "array", "tensor", "sparse", "scalar") and self._named:
            return self._name_columns(data, kind)
        return plain_frame(data)

    def _name_columns(self, data: Any, kind: str) -> Any:
        import pandas

        if kind == "list" and data and not isinstance(data[0], (list, tuple)) and len(self._names) > 1:
            data = [data]  # one row
        frame = plain_frame(data)
        if frame.shape[1] != len(self._names):
            raise InvalidInput(
                f"The model takes {len(self._names)} columns ({_listed(self._names)}); the input has {frame.shape[1]}.",
                hint="Give a frame with these columns.",
            )
        return pandas.DataFrame(frame.set_axis(self._names, axis=1))

    def _enforce_frame(self, frame: Any) -> Any:
        if not self._named:
            return self._enforce_by_place(frame)
        given = list(frame.columns)
        if given == self._names and [str(dtype) for dtype in frame.dtypes] == self._exact:
            return frame
        if len(set(given)) != len(given):
            twice = next(name for name in given if given.count(name) > 1)
            raise InvalidInput(f"The input has two columns {twice!r}.", hint="Rename one of them.")
        self._check_missing(given)
        import pandas

        present = set(given)
        made = {
            column.name: cast_column(frame[column.name], column) if column.name in present else _absent(frame, column)
            for column in self._columns
        }
        return pandas.DataFrame(made, index=frame.index)

    def _check_missing(self, given: list[Any]) -> None:
        missing = [column for column in self._columns if column.required and column.name not in given]
        if not missing:
            return
        extra = [str(name) for name in given if name not in self._names]
        first = missing[0]
        more = f" (and {len(missing) - 1} more: {_listed([c.name for c in missing[1:]])})" if len(missing) > 1 else ""
        found = f" The input also has columns that the model does not know: {_listed(extra)}." if extra else ""
        raise InvalidInput(
            f"The column {first.name!r} ({type_name(first.type)}) is missing from the input{more}.{found}",
            hint=f"The model takes: {_listed(self._names)}.",
        )

    def _enforce_by_place(self, frame: Any) -> Any:
        if frame.shape[1] != len(self._columns):
            raise InvalidInput(f"The model takes {len(self._columns)} columns; the input has {frame.shape[1]}.")
        import pandas

        made = [cast_column(frame.iloc[:, place], column, place) for place, column in enumerate(self._columns)]
        result = pandas.concat(made, axis=1)
        result.columns = frame.columns
        return result

    # -- tensors ----------------------------------------------------------------------------------------------------

    def _enforce_tensors(self, data: Any) -> Any:
        first = self._tensors[0]
        if first.name is None:
            if kind_of(data) == "mapping":
                raise InvalidInput(
                    "The model takes one array; the input is a mapping.", hint="Give an array or a frame."
                )
            return _cast_tensor(data, first)
        if kind_of(data) not in ("mapping", "frame"):
            if len(self._tensors) > 1:
                names = _listed([tensor.name for tensor in self._tensors])
                raise InvalidInput(
                    f"The model takes {len(self._tensors)} arrays by name: {names}.", hint="Give a dict."
                )
            return {first.name: _cast_tensor(data, first)}
        absent = [tensor.name for tensor in self._tensors if tensor.name not in data]
        if absent:
            raise InvalidInput(
                f"The input {absent[0]!r} is missing.", hint=f"The model takes: {_listed(self.columns)}."
            )
        return {tensor.name: _cast_tensor(data[tensor.name], tensor) for tensor in self._tensors}

    @property
    def columns(self) -> list[str]:
        """Names of the inputs, where they have names."""
        return self.signature.columns

    # -- params -----------------------------------------------------------------------------------------------------

    def params(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Settings of one call, checked, with defaults filled in; without a schema, as given."""
        if self.signature.params is None:
            return dict(given or {})
        known = {param.name: param for param in self.signature.params}
        unknown = [name for name in given or {} if name not in known]
        if unknown:
            raise InvalidInput(f"The model has no param {unknown[0]!r}.", hint=f"It has: {_listed(list(known))}.")
        return {
            name: _cast_param(param, given[name]) if given and name in given else param.default
            for name, param in known.items()
        }


def _check_plain(column: Column, value: Any, row: int) -> None:
    if is_missing(value) and not column.required:
        return
    fault = check_value(value, column.type)
    if fault:
        name = "The input" if column.name is None else f"The column {column.name!r}"
        raise InvalidInput(f"{name} should be {type_name(column.type)} and is {fault}, in row {row}.")


def _absent(frame: Any, column: Column) -> Any:
    """An optional column that was not given: its values are missing."""
    import pandas

    number = isinstance(column.type, str) and column.type in ("float", "double", "long", "integer")
    return pandas.Series([math.nan if number else None] * len(frame), index=frame.index, name=column.name,
                         dtype="float64" if number else object)  # fmt: skip


def _listed(names: list[Any]) -> str:
    shown = ", ".join(str(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown}, ... ({len(names)} in all)"


def _cast_tensor(data: Any, spec: Tensor) -> Any:
    import numpy

    kind = kind_of(data)
    if kind == "tensor":
        data = data.detach().cpu().numpy()
    elif kind in ("frame", "series", "polars", "arrow"):
        data = (plain_frame(data) if kind in ("polars", "arrow") else data).to_numpy()
    elif kind != "array" and kind != "sparse":
        try:
            data = numpy.asarray(data)
        except ValueError:
            raise InvalidInput(f"{_named(spec)} is ragged: its rows have different lengths.") from None
    _check_shape(data.shape, spec)
    if data.dtype.name == spec.dtype or (spec.dtype in ("str", "bytes") and data.dtype.kind in "USO"):
        return data
    return _convert_array(data, spec)


def _convert_array(data: Any, spec: Tensor) -> Any:
    import numpy

    wanted = numpy.dtype(spec.dtype)
    if data.dtype.kind == "O":
        try:
            data = numpy.array(data.tolist())
        except ValueError:
            data = data.astype(str)
    pair = data.dtype.kind + wanted.kind
    if pair in ("ff", "fc", "cc", "MM"):
        return data.astype(wanted)
    if pair in ("if", "uf", "ii", "iu", "ui", "uu", "fi", "fu") and not (
        data.dtype.kind == "f" and not _is_whole(data)
    ):
        made = data.astype(wanted)
        if bool((made.astype(data.dtype) == data).all()):
            return made
    raise InvalidInput(
        f"{_named(spec)} should be {spec.dtype} and is {data.dtype.name}.", hint="Convert it without loss."
    )


def _is_whole(data: Any) -> bool:
    import numpy

    return bool(numpy.isfinite(data).all() and (data == numpy.floor(data)).all())


def _check_shape(shape: tuple[int, ...], spec: Tensor) -> None:
    fits = len(shape) == len(spec.shape) and all(
        want in (-1, have) for want, have in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidInput(f"{_named(spec)} should have the shape {_shape(spec.shape)} and has {_shape(shape)}.")


def _shape(shape: tuple[int, ...]) -> str:
    sizes = ["any" if size == -1 else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _named(spec: Tensor) -> str:
    return "The input" if spec.name is None else f"The input {spec.name!r}"


def _cast_param(param: Param, value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if param.shape is not None:
        if not isinstance(value, (list, tuple)):
            raise InvalidInput(f"The param {param.name!r} should be a list and is {type(value).__name__}.")
        return [_cast_param(Param(param.name, param.type), each) for each in value]
    if value is None and param.default is None:
        return None
    fault = check_value(value, param.type)
    if fault:
        raise InvalidInput(f"The param {param.name!r} should be {type_name(param.type)} and is {fault}.")
    return float(value) if param.type in ("float", "double") else value
