"""The Open Inference Protocol (v2): tensors in, tensors out, as JSON and with the binary extension. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.models.signature import Column, Signature, Tensor
from mlops_nb.serving.payload import Asked, Reader, plain

EXTENSIONS = ["binary_tensor_data"]
_DTYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_OF_COLUMNS = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64"}
_ADVICE = "See the Open Inference Protocol, v2: inputs have name, shape, datatype and data."


@dataclass(slots=True)
class Wanted:
    """What a client wants back: its id, the outputs by name (all if empty), and which of them as bytes."""

    id: str = ""
    outputs: dict[str, bool] = field(default_factory=dict)
    binary: bool = False


def read_infer(
    body: bytes, header_length: int | None, reader: Reader, signature: Signature | None
) -> tuple[Asked, Wanted]:
    """Read an inference request.

    Parameters
    ----------
    body : bytes
    header_length : int or None
        Bytes of JSON before the tensors' bytes (the header ``Inference-Header-Content-Length``); all without it.
    reader : Reader
    signature : Signature or None

    Raises
    ------
    InvalidInput
    """
    if header_length is not None and not 0 < header_length <= len(body):
        raise InvalidInput("Inference-Header-Content-Length does not fit the request.")
    found = reader.parse(body if header_length is None else body[:header_length])
    inputs = found.get("inputs") if isinstance(found, dict) else None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(each, dict) for each in inputs):
        raise InvalidInput("The request has no list of inputs.", hint=_ADVICE)
    rest = memoryview(body)[header_length:] if header_length is not None else memoryview(b"")
    tensors = {}
    for each in inputs:
        name = each.get("name")
        if not isinstance(name, str) or name in tensors:
            raise InvalidInput("An input has no name, or two have the same.", hint=_ADVICE)
        tensors[name], rest = _tensor(name, each, rest)
    if len(rest):
        raise InvalidInput(f"The request has {len(rest)} bytes more than its inputs name.")
    asked = _asked(tensors, reader, signature)
    params = found.get("parameters")
    if isinstance(params, dict):
        known = {param.name for param in (signature.params if signature else None) or ()}
        asked.params = {key: value for key, value in params.items() if key in known} or None
    return asked, _wanted(found)


def _wanted(found: Mapping[str, Any]) -> Wanted:
    outputs = found.get("outputs") or []
    parameters = found.get("parameters") or {}
    if not isinstance(outputs, list) or not all(isinstance(each, dict) and "name" in each for each in outputs):
        raise InvalidInput("The outputs are no list of objects with a name.", hint=_ADVICE)
    binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    names = {str(each["name"]): (each.get("parameters") or {}).get("binary_data", binary) is True for each in outputs}
    return Wanted(str(found.get("id") or "")[:200], names, binary)


def _tensor(name: str, found: Mapping[str, Any], rest: memoryview) -> tuple[Any, memoryview]:
    import numpy

    datatype, shape = found.get("datatype"), found.get("shape")
    if not isinstance(shape, list) or not all(type(each) is int and 0 <= each < 1 << 40 for each in shape):
        raise InvalidInput(f"The input {name[:60]!r} has no shape.", hint=_ADVICE)
    if datatype not in _DTYPES and datatype != "BYTES":
        hint = f"There are: {', '.join(_DTYPES)} and BYTES."
        raise InvalidInput(f"The input {name[:60]!r} has no datatype that is known.", hint=hint)
    count = 1
    for each in shape:
        count *= each
    size = (found.get("parameters") or {}).get("binary_data_size")
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(rest):
            raise InvalidInput(f"The binary_data_size of the input {name[:60]!r} does not fit the request.")
        values = _from_bytes(name, rest[:size], str(datatype))
        rest = rest[size:]
    else:
        values = _from_json(name, found.get("data"), str(datatype))
    if len(values) != count:
        raise InvalidInput(f"The input {name[:60]!r} has {len(values)} values for the shape {shape}.")
    return numpy.asarray(values).reshape(shape), rest


def _from_bytes(name: str, data: memoryview, datatype: str) -> Any:
    import numpy

    if datatype != "BYTES":
        dtype = numpy.dtype(_DTYPES[datatype]).newbyteorder("<")
        if len(data) % dtype.itemsize:
            raise InvalidInput(f"The bytes of the input {name[:60]!r} are no whole number of {datatype}.")
        return numpy.frombuffer(data, dtype).astype(_DTYPES[datatype])
    texts, place = [], 0
    while place < len(data):
        [length] = struct.unpack_from("<I", data, place) if place + 4 <= len(data) else [len(data)]
        piece = bytes(data[place + 4 : place + 4 + length])
        if len(piece) != length:
            raise InvalidInput(f"The bytes of the input {name[:60]!r} are cut off.")
        texts.append(_text(piece))
        place += 4 + length
    return numpy.array(texts, dtype=object)


def _from_json(name: str, data: Any, datatype: str) -> Any:
    import numpy

    if not isinstance(data, list):
        raise InvalidInput(f"The input {name[:60]!r} has no data.", hint=_ADVICE)
    flat: list[Any] = data
    for _ in range(16):
        if not any(isinstance(each, list) for each in flat):
            break
        flat = [value for each in flat for value in (each if isinstance(each, list) else [each])]
    kinds = set(map(type, flat))
    fits: set[type] = {int}
    if datatype[0] == "F":
        fits = {int, float, type(None)}
    elif datatype[0] == "B":
        fits = {str} if datatype == "BYTES" else {bool}
    if not kinds <= fits:
        odd = next(value for value in flat if type(value) not in fits)
        raise InvalidInput(f"The input {name[:60]!r} should be {datatype} and has a value {odd!r:.60}.")
    if datatype == "BYTES":
        return numpy.array(flat, dtype=object)
    try:
        return numpy.array(flat, dtype=_DTYPES[datatype])
    except OverflowError:
        raise InvalidInput(f"The input {name[:60]!r} has a value beyond the range of {datatype}.") from None


def _text(piece: bytes) -> Any:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece


def _asked(tensors: dict[str, Any], reader: Reader, signature: Signature | None) -> Asked:
    if reader.is_table:
        if len(tensors) == 1:
            [(name, only)] = tensors.items()
            if name not in (signature.columns if signature else ()) and only.ndim <= 2:
                return reader.by_place(only.tolist())  # a matrix, its columns by place
        columns = {}
        for name, values in tensors.items():
            if values.ndim > 2 or (values.ndim == 2 and values.shape[1] != 1):
                raise InvalidInput(f"The column {name[:60]!r} should have the shape [n] and has {list(values.shape)}.")
            columns[name] = values.reshape(-1).tolist()
        rows = {len(values) for values in columns.values()}
        if len(rows) != 1 or 0 in rows:
            raise InvalidInput("The inputs have no rows, or not the same number of them.")
        return reader.from_columns(columns, rows.pop())
    first = next(iter(tensors.values()))
    rows_of = first.shape[0] if first.ndim else 1
    if not rows_of:
        raise InvalidInput("The request has no rows.", hint="Send at least one.")
    if len(tensors) == 1 and not (signature and signature.columns):
        data = first.reshape(-1).tolist() if reader.takes_values else first
        return Asked(data, rows_of, columns={"data": first.tolist()})
    return Asked(tensors, rows_of, columns={name: values.tolist() for name, values in tensors.items()})


# -- answers -----------------------------------------------------------------------------------------------------------


def outputs_of(predictions: Any, signature: Signature | None) -> list[tuple[str, str, list[int], Any]]:
    """Predictions as tensors: name, datatype, shape, array.

    Examples
    --------
    >>> outputs_of([1.5, 2.0], None)
    [('prediction', 'FP64', [2], array([1.5, 2. ]))]
    """
    import numpy

    names = [field.name for field in (signature.outputs if signature else None) or () if field.name]
    if hasattr(predictions, "iloc") and hasattr(predictions, "columns"):
        parts = {str(name): predictions.iloc[:, place].to_numpy() for place, name in enumerate(predictions.columns)}
    elif isinstance(predictions, Mapping):
        parts = {str(name): value for name, value in predictions.items()}
    elif isinstance(predictions, list) and predictions and all(isinstance(each, dict) for each in predictions):
        parts = {name: [each.get(name) for each in predictions] for name in predictions[0]}
    else:
        parts = {str(names[0]) if len(names) == 1 else "prediction": predictions}
    made = []
    for name, value in parts.items():
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        try:
            array = numpy.asarray(value)
        except ValueError:
            array = numpy.array([str(plain(each)) for each in value], dtype=object)
        datatype = _NAMES.get(array.dtype.name, "BYTES")
        made.append((name, datatype, list(array.shape), array))
    return made


def write_infer(
    outputs: Sequence[tuple[str, str, list[int], Any]], wanted: Wanted, name: str, version: str, dumps: Any
) -> tuple[bytes, int | None]:
    """An inference response, and the length of its JSON if bytes follow it.

    Raises
    ------
    InvalidInput
        If an output is asked for that the model does not give.
    """
    given = {output[0] for output in outputs}
    unknown = [each for each in wanted.outputs if each not in given]
    if unknown:
        raise InvalidInput(f"The model has no output {unknown[0][:60]!r}.", hint=f"It has: {', '.join(sorted(given))}.")
    listed, pieces = [], []
    for output, datatype, shape, array in outputs:
        if wanted.outputs and output not in wanted.outputs:
            continue
        entry: dict[str, Any] = {"name": output, "shape": shape, "datatype": datatype}
        if wanted.outputs.get(output, wanted.binary):
            pieces.append(_as_bytes(array, datatype))
            entry["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            flat = array.reshape(-1)
            entry["data"] = plain(flat) if datatype != "BYTES" else [_as_text(each) for each in flat.tolist()]
        listed.append(entry)
    answer: dict[str, Any] = {"model_name": name, "model_version": version, "outputs": listed}
    if wanted.id:
        answer["id"] = wanted.id
    head: bytes = dumps(answer)
    return b"".join([head, *pieces]), len(head) if pieces else None


def _as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(plain(value))


def _as_bytes(array: Any, datatype: str) -> bytes:
    if datatype != "BYTES":
        return bytes(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    texts = [each if isinstance(each, bytes) else str(_as_text(each)).encode() for each in array.reshape(-1).tolist()]
    return b"".join(struct.pack("<I", len(each)) + each for each in texts)


def metadata(name: str, versions: Sequence[str], signature: Signature | None) -> dict[str, Any]:
    """What the protocol tells of a model.

    Examples
    --------
    >>> metadata("churn", ["3"], Signature((Column("double", "age"),)))["inputs"]
    [{'name': 'age', 'datatype': 'FP64', 'shape': [-1]}]
    """
    inputs = (signature.inputs if signature else None) or ()
    outputs = (signature.outputs if signature else None) or ()
    return {
        "name": name,
        "versions": list(versions),
        "platform": "mlops_nb",
        "inputs": [_described(each, "data") for each in inputs],
        "outputs": [_described(each, "prediction") for each in outputs],
    }


def _described(given: Column | Tensor, name: str) -> dict[str, Any]:
    if isinstance(given, Tensor):
        datatype = _NAMES.get(given.dtype, "BYTES")
        return {"name": given.name or name, "datatype": datatype, "shape": list(given.shape)}
    kind = _OF_COLUMNS.get(given.type, "BYTES") if isinstance(given.type, str) else "BYTES"
    return {"name": given.name or name, "datatype": kind, "shape": [-1]}
