"""ONNX, run by onnxruntime (no code in it)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, model_file
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.trust import Risk

FILE = "model.onnx"
_PROTO_LIMIT = 2_000_000_000
"""Bytes that one protocol buffer can hold; larger models keep their weights in a file beside it."""


class OnnxModel:
    """A model's file, with the graph and the session that runs it made when they are asked for."""

    def __init__(self, path: Path, providers: Any) -> None:
        self._path = path
        self._providers = providers
        self._session: Any = None

    @property
    def graph(self) -> Any:
        """The ``onnx.ModelProto``."""
        return require("onnx", "onnx", purpose="read an ONNX graph").load(str(self._path))

    @property
    def session(self) -> Any:
        """The ``onnxruntime.InferenceSession``."""
        if self._session is None:
            runtime = require("onnxruntime", "onnx", purpose="run an ONNX model")
            there = set(runtime.get_available_providers())
            wanted = [each for each in self._providers or () if each in there] or ["CPUExecutionProvider"]
            try:
                self._session = runtime.InferenceSession(str(self._path), providers=wanted)
            except Exception as error:  # onnxruntime's errors have no common ancestor
                raise CorruptData(f"{self._path.name} cannot be loaded: {str(error)[:200]}.") from error
        return self._session


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.onnx``; `example` is not needed."""
    onnx = require("onnx", "onnx", purpose="save an ONNX model")

    check_options("onnx", options, ("providers",))
    path = folder / FILE
    if isinstance(model, onnx.ModelProto):
        large = model.ByteSize() > _PROTO_LIMIT
        onnx.save_model(model, str(path), save_as_external_data=large, location=f"{FILE}.data" if large else None)
    else:
        source = getattr(model, "_model_bytes", None)
        if source is None:
            raise InvalidInput(
                "This onnxruntime session does not keep its model.", hint="Log the onnx.ModelProto it was made from."
            )
        path.write_bytes(source)
    settings = {
        "onnx_version": onnx.__version__, "data": FILE, "code": None, "onnx_session_options": None,
        "providers": list(options.get("providers") or ["CPUExecutionProvider"]),
    }  # fmt: skip
    return Saved(settings, {"data": FILE}, ("onnx", "onnxruntime"))


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """None: a graph of known operators."""
    return []


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The file; what is damaged is refused at once."""
    model = OnnxModel(model_file(folder, settings, "data", default=FILE), settings.get("providers"))
    assert model.session is not None
    return model


def wrap(model: Any) -> Any:
    """A graph, or a session, as it will be when it is loaded."""
    wrapped = OnnxModel(Path(FILE), None)
    if hasattr(model, "SerializeToString"):
        runtime = require("onnxruntime", "onnx", purpose="run an ONNX model")
        model = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wrapped._session = model
    return wrapped


def unwrap(model: Any) -> Any:
    """The graph, as MLflow gives it."""
    return model.graph


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """A frame in, a frame out; arrays in, an array (or a dict of them) out."""
    inputs = {each.name: each for each in model.session.get_inputs()}
    outputs = [each.name for each in model.session.get_outputs()]

    def score(data: Any, params: dict[str, Any]) -> Any:
        import numpy

        feed = {name: _fitted(value, inputs[name]) for name, value in _feed(data, list(inputs)).items()}
        found = model.session.run(outputs, feed)
        if kind_of(data) == "frame":
            import pandas

            columns = {name: _column(numpy.asarray(value)) for name, value in zip(outputs, found, strict=True)}
            return pandas.DataFrame(columns, index=data.index)
        return found[0] if len(found) == 1 else dict(zip(outputs, found, strict=True))

    return score


def _feed(data: Any, names: list[str]) -> dict[str, Any]:
    kind = kind_of(data)
    if kind == "mapping":
        return {name: data[name] for name in names}
    if kind == "frame" and len(names) > 1:
        return {name: data[name].to_numpy() for name in names}
    if len(names) > 1:
        raise InvalidInput(f"The model takes {len(names)} inputs: {', '.join(names)}.", hint="Give a dict or a frame.")
    return {names[0]: data.to_numpy() if kind == "frame" else data}


_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64", "tensor(int32)": "int32"}


def _fitted(value: Any, spec: Any) -> Any:
    """In the type and the number of dimensions that the graph declares."""
    import numpy

    array = numpy.asarray(value)
    wanted = _DTYPES.get(spec.type)
    if wanted is not None and array.dtype.kind in "iuf" and array.dtype != wanted:
        array = array.astype(wanted)
    elif spec.type == "tensor(string)" and array.dtype != object:
        array = array.astype(object)
    if len(spec.shape or ()) == array.ndim + 1:
        array = array.reshape(*array.shape, 1)
    return array


def _column(array: Any) -> Any:
    if array.ndim <= 1:
        return array
    return array.reshape(len(array)) if array.size == len(array) else list(array)
