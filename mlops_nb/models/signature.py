"""What goes into a model and what comes out, in MLflow's terms: columns, tensors and params, as JSON.

A schema is a list of columns (``{"type": "double", "name": "age", "required": true}``) or of tensors. Types are
``boolean, integer, long, float, double, string, binary, datetime``, and nested ``array``, ``object``, ``map``, ``any``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_nb.errors import CorruptData

SCALARS = frozenset(("boolean", "integer", "long", "float", "double", "string", "binary", "datetime"))
NESTED = frozenset(("array", "object", "map", "any", "sparkml_vector"))

Type = str | dict[str, Any]
"""A scalar's name, or MLflow's dict for what is nested."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Without a name it is known by its place. Of one that is not `required`, the values may be missing."""

    type: Type
    name: str | None = None
    required: bool = True

    def to_json(self) -> dict[str, Any]:
        """MLflow's shape."""
        made: dict[str, Any] = {"type": self.type} if isinstance(self.type, str) else dict(self.type)
        if self.name is not None:
            made["name"] = self.name
        return {**made, "required": self.required}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array: its NumPy dtype, and its shape with -1 for what may vary."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """MLflow's shape."""
        made: dict[str, Any] = {} if self.name is None else {"name": self.name}
        return {**made, "type": "tensor", "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}


@dataclass(frozen=True, slots=True)
class Param:
    """A setting of a call of predict, with its default. `shape` is ``(-1,)`` for a list."""

    name: str
    type: Type
    default: Any = None
    shape: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """MLflow's shape."""
        shape = None if self.shape is None else list(self.shape)
        made: dict[str, Any] = {"type": self.type} if isinstance(self.type, str) else dict(self.type)
        return {"name": self.name, "default": self.default, "shape": shape, **made}


Field = Column | Tensor


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives. A part that is None is not known, and not enforced.

    Examples
    --------
    >>> signature = Signature((Column("double", "age"),), (Column("long"),))
    >>> signature.to_json()["inputs"]
    '[{"type": "double", "name": "age", "required": true}]'
    >>> Signature.from_json(signature.to_json()) == signature
    True
    """

    inputs: tuple[Field, ...] | None = None
    outputs: tuple[Field, ...] | None = None
    params: tuple[Param, ...] | None = None

    @property
    def is_tensors(self) -> bool:
        """Whether the inputs are arrays rather than columns."""
        return bool(self.inputs) and isinstance((self.inputs or ())[0], Tensor)

    @property
    def columns(self) -> list[str]:
        """Names of the inputs, where they have names."""
        return [field.name for field in self.inputs or () if field.name is not None]

    def to_json(self) -> dict[str, Any]:
        """What stands under ``signature`` in an MLmodel file: each part is a text of JSON."""
        return {
            key: None if part is None else json.dumps([each.to_json() for each in part]) for key, part in self._parts()
        }

    def to_plain(self) -> dict[str, Any]:
        """The same with each part as a list, for people and for our own JSON."""
        return {key: None if part is None else [each.to_json() for each in part] for key, part in self._parts()}

    def _parts(self) -> Iterable[tuple[str, tuple[Any, ...] | None]]:
        return (("inputs", self.inputs), ("outputs", self.outputs), ("params", self.params))

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Signature:
        """Read what stands under ``signature`` in an MLmodel file.

        Raises
        ------
        CorruptData
            If it has another shape.
        """
        try:
            return cls(
                _fields(found.get("inputs")),
                _fields(found.get("outputs")),
                None if found.get("params") is None else tuple(_param(each) for each in _parse(found["params"])),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CorruptData(
                f"The model's signature cannot be read: {type(error).__name__}: {error}.",
                hint="Fetch the model again from where it came, or save it again.",
            ) from None


def _parse(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


def _fields(text: Any) -> tuple[Field, ...] | None:
    if text is None:
        return None
    parsed = _parse(text)
    if not isinstance(parsed, list):
        raise TypeError("a schema is a list")
    return tuple(_field(each) for each in parsed)


def _field(found: dict[str, Any]) -> Field:
    name = found.get("name")
    if name is not None and not isinstance(name, str):
        name = str(name)
    if found["type"] == "tensor":
        spec = found["tensor-spec"]
        return Tensor(str(spec["dtype"]), tuple(int(each) for each in spec["shape"]), name)
    required = found.get("required")
    if required is None:
        required = not found.get("optional", False)  # MLflow's word before 2.6
    return Column(_type(found), name, bool(required))


def _type(found: dict[str, Any]) -> Type:
    kind = found["type"]
    if kind in SCALARS:
        return str(kind)
    if kind in NESTED:
        return {key: value for key, value in found.items() if key in ("type", "items", "properties", "values")}
    raise ValueError(f"the type {kind!r:.60} is unknown")


def _param(found: dict[str, Any]) -> Param:
    shape = found.get("shape")
    kind = _type({**found, "type": found.get("type") or found["dtype"]})
    return Param(str(found["name"]), kind, found["default"], None if shape is None else tuple(shape))


def type_name(kind: Type) -> str:
    """A type as a word for people.

    Examples
    --------
    >>> type_name({"type": "array", "items": {"type": "string"}})
    'array of string'
    """
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return f"array of {type_name(_inner(kind.get('items')))}"
    if kind["type"] == "map":
        return f"map of {type_name(_inner(kind.get('values')))}"
    return str(kind["type"])


def _inner(found: Any) -> Type:
    if not isinstance(found, dict) or "type" not in found:
        return "any type"
    return str(found["type"]) if found["type"] in SCALARS else found
