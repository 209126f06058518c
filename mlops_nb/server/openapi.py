"""The description of our own routes, written from the table: OpenAPI 3.1."""

from __future__ import annotations

from functools import cache
from typing import Any

from mlops_nb.server.routing import Request, Route
from mlops_nb.store.calls import ROOT, Call, all_calls
from mlops_nb.wire.records import describe

NUMBER = {
    "description": "A number; what is not finite is an object.",
    "anyOf": [
        {"type": "number"},
        {
            "type": "object",
            "properties": {"$number": {"enum": ["NaN", "Infinity", "-Infinity"]}},
            "required": ["$number"],
            "additionalProperties": False,
        },
    ],
}
FAULT = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error_code", "message"],
}
DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}


@cache
def describe_routes() -> dict[str, Any]:
    """Our own routes, with the nouns that go in and out.

    Examples
    --------
    >>> "/api/mlops-nb/v1/store/get-run" in describe_routes()["paths"]
    True
    """
    nouns: dict[str, Any] = {"Number": NUMBER, "Fault": FAULT}
    paths: dict[str, Any] = {call.path: {"post": _describe_call(call, nouns)} for call in all_calls().values()}
    paths |= _describe_blobs()
    refused = {"description": "Refused.", "content": _json({"$ref": "#/components/schemas/Fault"})}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mlops_nb",
            "version": "1",
            "description": "What MLflow's REST API, which is served beside it, has no place for.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": nouns,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Fault": refused},
        },
    }


def _describe_call(call: Call, nouns: dict[str, Any]) -> dict[str, Any]:
    arguments = {name: describe(kind, nouns) for name, kind in call.arguments.items()}
    asked = {"type": "object", "properties": arguments, "additionalProperties": False}
    needed = [name for name in call.needed if type(None) not in getattr(call.arguments[name], "__args__", ())]
    if needed:
        asked["required"] = needed
    result = {"type": "object", "properties": {"result": describe(call.result, nouns)}, "required": ["result"]}
    return {
        "operationId": call.name,
        "summary": call.about.partition("\n\n")[0],
        "x-role": call.role,
        "requestBody": {"required": bool(needed), "content": _json(asked)},
        "responses": {"200": {"description": "Done.", "content": _json(result)}, **_faults()},
    }


def _describe_blobs() -> dict[str, Any]:
    sizes = {"type": "object", "additionalProperties": {"type": "integer"}}
    stream = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    one = [{"name": "digest", "in": "path", "required": True, "schema": DIGEST}]
    asked = {
        "type": "object",
        "properties": {"digests": {"type": "array", "items": DIGEST, "minItems": 1}},
        "required": ["digests"],
    }
    told = {"type": "object", "properties": {"sizes": sizes}, "required": ["sizes"]}
    kept = {"type": "object", "properties": {"digest": DIGEST, "size": {"type": "integer"}}}
    return {
        f"{ROOT}/blobs": {
            "post": {
                "operationId": "find_blobs",
                "summary": "The size of each of these bytes that is here.",
                "x-role": "read",
                "requestBody": {"required": True, "content": _json(asked)},
                "responses": {"200": {"description": "Done.", "content": _json(told)}, **_faults()},
            }
        },
        f"{ROOT}/blobs/{{digest}}": {
            "parameters": one,
            "get": {
                "operationId": "fetch_blob",
                "summary": "The bytes.",
                "x-role": "read",
                "responses": {"200": {"description": "Done.", "content": stream}, **_faults()},
            },
            "put": {
                "operationId": "keep_blob",
                "summary": "Keep bytes; they must be those of the digest.",
                "x-role": "write",
                "requestBody": {"required": True, "content": stream},
                "responses": {"200": {"description": "Done.", "content": _json(kept)}, **_faults()},
            },
        },
    }


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _faults() -> dict[str, Any]:
    return {"default": {"$ref": "#/components/responses/Fault"}}


def tell(request: Request) -> dict[str, Any]:
    """The description."""
    return describe_routes()


ROUTES = (Route("GET", f"{ROOT}/openapi.json", tell),)
