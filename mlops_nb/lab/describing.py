"""The description of the lab's routes (OpenAPI 3.1), and the front end's types, both from the shapes of the answers."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Union

from mlops_nb.lab import API, shapes, work_shapes
from mlops_nb.server.openapi import FAULT
from mlops_nb.server.routing import Route

QUERY = {
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "objects": {"type": "array", "items": {"type": "object"}},
    "any": {},
}
_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    type(None): {"type": "null"}, Any: {},
}  # fmt: skip
_SCRIPT = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "any"}
HEAD = """// Generated from mlops_nb/lab/shapes.py by `python -m mlops_nb.lab.describing`; do not edit.
/* eslint-disable */

/** The version of the routes that these types are of. */
export const API = {api};
"""


def describe_routes(routes: Iterable[Route]) -> dict[str, Any]:
    """Routes of the lab, with what goes in and comes out.

    Examples
    --------
    >>> describe_routes([])["openapi"]
    '3.1.0'
    """
    paths: dict[str, Any] = {}
    for route in routes:
        path = re.sub(r"\.\.\.\}", "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _describe(route)
    refused = {"description": "Refused.", "content": _json({"$ref": "#/components/schemas/Fault"})}
    schemas = {name: describe_shape(shape) for name, shape in all_shapes()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mlops_nb in Jupyter", "version": str(API)},
        "paths": paths,
        "components": {"schemas": {**schemas, "Fault": FAULT}, "responses": {"Fault": refused}},
    }


def _describe(route: Route) -> dict[str, Any]:
    parts = re.findall(r"\{(\w+)", route.path)
    parameters = [{"name": each, "in": "path", "required": True, "schema": QUERY["text"]} for each in parts]
    found: dict[str, Any] = {
        "operationId": getattr(route.call, "__name__", "call"),
        "summary": (route.call.__doc__ or "").partition("\n\n")[0].strip(),
        "x-role": route.role,
        "responses": {
            "200": {"description": "Done.", "content": _json(_schema(route.answer))},
            "default": {"$ref": "#/components/responses/Fault"},
        },
    }
    needed = [name for name, kind in route.fields.items() if kind.endswith("!")]
    fields = {name: QUERY[kind.rstrip("!")] for name, kind in route.fields.items()}
    if route.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": name in needed, "schema": schema}
            for name, schema in fields.items()
        ]
    elif fields:
        asked: dict[str, Any] = {"type": "object", "properties": fields, "additionalProperties": False}
        if needed:
            asked["required"] = needed
        found["requestBody"] = {"required": bool(needed), "content": _json(asked)}
    if parameters:
        found["parameters"] = parameters
    return found


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def all_shapes() -> Iterator[tuple[str, Any]]:
    """Each shape of an answer with its name.

    Examples
    --------
    >>> "RunRow" in dict(all_shapes())
    True
    """
    rooms = (shapes, work_shapes)
    return ((name, value) for room in rooms for name, value in vars(room).items() if typing.is_typeddict(value))


def describe_shape(shape: Any) -> dict[str, Any]:
    """The JSON schema of a shape.

    Examples
    --------
    >>> describe_shape(shapes.Changed)["properties"]
    {'changed': {'type': 'integer'}}
    """
    hints = typing.get_type_hints(shape)
    return {
        "type": "object",
        "description": shape.__doc__,
        "properties": {name: _schema(kind) for name, kind in hints.items()},
        "required": [name for name in hints if name in shape.__required_keys__],
    }


def _schema(kind: Any) -> dict[str, Any]:
    if typing.is_typeddict(kind):
        return {"$ref": f"#/components/schemas/{kind.__name__}"}
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return {"type": "array", "items": _schema(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(parts[1])}
    if origin in (types.UnionType, Union):
        return {"anyOf": [_schema(part) for part in parts]}
    raise TypeError(f"no description of {kind}")


def write_types() -> str:
    """The front end's types, as TypeScript.

    Examples
    --------
    >>> "export interface RunRow" in write_types()
    True
    """
    blocks = [HEAD.format(api=API)]
    for name, shape in all_shapes():
        hints = typing.get_type_hints(shape)
        lines = [f"/** {(shape.__doc__ or '').strip()} */", f"export interface {name} {{"]
        for field, kind in hints.items():
            mark = "" if field in shape.__required_keys__ else "?"
            lines.append(f"  {field}{mark}: {_script(kind)};")
        blocks.append("\n".join([*lines, "}"]) + "\n")
    return "\n".join(blocks)


def _script(kind: Any) -> str:
    if typing.is_typeddict(kind):
        return str(kind.__name__)
    if kind in _SCRIPT:
        return _SCRIPT[kind]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        inner = _script(parts[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {_script(parts[1])}>"
    if origin in (types.UnionType, Union):
        return " | ".join(dict.fromkeys(_script(part) for part in parts))
    raise TypeError(f"no type for {kind}")


if __name__ == "__main__":
    import sys

    sys.stdout.write(write_types())
