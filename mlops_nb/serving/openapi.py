"""The description of a service, with the model's own example filled in: OpenAPI 3.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops_nb.models.examples import SERVING_FILE
from mlops_nb.models.signature import Column, Signature, Tensor
from mlops_nb.serving import oip
from mlops_nb.serving.payload import FORMS
from mlops_nb.serving.scoring import Served

_KINDS = {
    "boolean": {"type": "boolean"}, "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"}, "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"}, "string": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"}, "datetime": {"type": "string", "format": "date-time"},
}  # fmt: skip
_SAMPLES = {"boolean": True, "integer": 1, "long": 1, "float": 0.5, "double": 0.5, "string": "text", "binary": "AAAA",
            "datetime": "2026-11-30T12:00:00"}  # fmt: skip
_LARGE = 256 << 10


def describe(served: Served, has_token: bool) -> dict[str, Any]:
    """The description.

    Parameters
    ----------
    served : Served
        The champion.
    has_token : bool
        Whether a token is asked for.
    """
    source, signature = served.source, served.loaded.signature
    example = example_of(served)
    error = {"description": "Refused: the message names what does not fit.", "content": _content(_ERROR)}
    paths = {
        "/invocations": {
            "post": {
                "summary": "Ask the model",
                "description": "MLflow's scoring protocol, as JSON in one of its forms, or as CSV with a header.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _schema(signature), "example": example}, "text/csv": {}},
                },
                "responses": {"200": {"description": "The predictions.", "content": _content(_ANSWER)}, "400": error},
            }
        },
        "/feedback": {
            "post": {
                "summary": "Say what turned out to be true",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _FEEDBACK}}},
                "responses": {"200": {"description": "How many truths were taken."}, "400": error},
            }
        },
        f"/v2/models/{source.name}/infer": {
            "post": {
                "summary": "Ask the model by the Open Inference Protocol",
                "requestBody": {"required": True, "content": {"application/json": {"example": infer_example(served)}}},
                "responses": {"200": {"description": "The outputs as tensors."}, "400": error},
            }
        },
    }
    for path, summary in _LOOKS.items():
        paths[path.replace("NAME", source.name)] = {
            "get": {"summary": summary, "responses": {"200": {"description": "OK"}}}
        }
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": source.name, "version": source.version, "description": f"Served from {source.uri}."},
        "paths": paths,
    }
    if has_token:
        made["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
        made["security"] = [{"token": []}]
    return made


_LOOKS = {
    "/ping": "Whether it answers", "/health": "The same, in a word", "/version": "The version of mlops_nb",
    "/metrics": "Counters for Prometheus", "/status": "Counters as JSON", "/v2": "The server",
    "/v2/health/live": "Whether it lives", "/v2/health/ready": "Whether it answers",
    "/v2/models/NAME": "Inputs and outputs of the model", "/v2/models/NAME/ready": "Whether the model answers",
}  # fmt: skip
_ERROR = {"type": "object", "properties": {"error_code": {"type": "string"}, "message": {"type": "string"},
                                           "request_id": {"type": "string"}}}  # fmt: skip
_ANSWER = {"type": "object", "properties": {"predictions": {}}, "required": ["predictions"]}
_FEEDBACK = {
    "type": "object",
    "properties": {"request_id": {"type": "string"}, "row": {"type": "integer", "default": 0}, "truth": {}},
    "required": ["request_id", "truth"],
}


def example_of(served: Served) -> Any:
    """A request that the model takes: its own example, else one made up from the signature."""
    path = Path(served.loaded.folder, SERVING_FILE)
    try:
        if path.stat().st_size <= _LARGE:
            return _without_nan(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        pass
    inputs = (served.loaded.signature.inputs if served.loaded.signature else None) or ()
    if inputs and all(isinstance(each, Column) and each.name is not None for each in inputs):
        values = [_SAMPLES.get(str(each.type)) for each in inputs if isinstance(each, Column)]
        return {"dataframe_split": {"columns": [each.name for each in inputs], "data": [values]}}
    if inputs and isinstance(inputs[0], Tensor):
        made: Any = 0.5
        for size in reversed(inputs[0].shape):
            made = [made] * (1 if size < 0 else min(size, 4))
        return {"inputs": made}
    return {"inputs": ["text"]}


def infer_example(served: Served) -> Any:
    """The same in the Open Inference Protocol, where the inputs are columns."""
    found = example_of(served)
    described = {each["name"]: each for each in oip.metadata("", [], served.loaded.signature)["inputs"]}
    table = found.get("dataframe_split") if isinstance(found, dict) else None
    if not table or not table.get("data"):
        return {"inputs": [{**each, "shape": [1], "data": []} for each in described.values()]}
    inputs = []
    for place, name in enumerate(table["columns"]):
        values = [row[place] for row in table["data"][:1]]
        datatype = described.get(name, {}).get("datatype", "BYTES")
        inputs.append({"name": name, "shape": [len(values)], "datatype": datatype, "data": values})
    return {"inputs": inputs}


def _schema(signature: Signature | None) -> dict[str, Any]:
    inputs = (signature.inputs if signature else None) or ()
    columns = {each.name: each for each in inputs if isinstance(each, Column) and each.name is not None}
    forms: dict[str, Any] = {form: {} for form in FORMS}
    if columns:
        fields = {name: _KINDS.get(str(each.type), {}) for name, each in columns.items()}
        required = [name for name, each in columns.items() if each.required]
        record = {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
        forms["dataframe_records"] = {"type": "array", "items": record}
        split = {"columns": {"type": "array", "items": {"enum": list(columns)}}, "data": {"type": "array"}}
        forms["dataframe_split"] = {"type": "object", "properties": split, "required": ["data"]}
    params = {param.name: {"default": param.default} for param in (signature.params if signature else None) or ()}
    if params:
        forms["params"] = {"type": "object", "properties": params}
    return {"type": "object", "properties": forms, "oneOf": [{"required": [form]} for form in FORMS]}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value
