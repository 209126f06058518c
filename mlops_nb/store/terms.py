"""What a filter is made of: the tree, the sort terms, and the words that may be asked for."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Field:
    """What a comparison is about: `kind` is metric, param, tag, dataset or attribute; `key` its name."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Compare:
    """``field operator values``; the operators are = != < <= > >= like ilike in ~ null, `negated` the rest.

    `negated` is kept apart from `Not`: as in MLflow, ``params.x NOT LIKE 'a'`` asks for runs that have the param.
    """

    field: Field
    operator: str
    values: tuple[Value, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """The text stands in a name, param, tag or the code, whatever its case."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold for its term."""

    term: Node


@dataclass(frozen=True, slots=True)
class Group:
    """All (``and``) or any (``or``) of the terms."""

    word: str
    terms: tuple[Node, ...]


Node = Compare | Contains | Not | Group


@dataclass(frozen=True, slots=True)
class Order:
    """A sort term; what has no value comes last either way."""

    field: Field
    descending: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be asked of one kind of thing: attributes with their type (text, number, time, status), and prefixes."""

    attributes: dict[str, tuple[str, str]]
    prefixes: dict[str, str]


_KINDS = {
    "metric": ("metric", "metrics"),
    "param": ("param", "params", "parameter", "parameters"),
    "tag": ("tag", "tags"),
    "dataset": ("dataset", "datasets"),
    "attribute": ("attribute", "attributes", "attr", "run"),
}

RUN_WORDS = Vocabulary(
    attributes={
        "run_id": ("run_id", "text"),
        "id": ("run_id", "text"),
        "name": ("name", "text"),
        "run_name": ("name", "text"),
        "status": ("status", "status"),
        "start_time": ("start_time", "time"),
        "created": ("start_time", "time"),
        "end_time": ("end_time", "time"),
        "duration": ("duration", "number"),
        "user_id": ("user_id", "text"),
        "user": ("user_id", "text"),
        "experiment": ("experiment", "text"),
        "experiment_name": ("experiment", "text"),
        "experiment_id": ("experiment_id", "text"),
        "notebook": ("notebook", "text"),
        "cell_id": ("cell_id", "text"),
        "line": ("line", "text"),
        "stage": ("stage", "text"),
        "revision": ("revision", "number"),
        "source_type": ("source_type", "text"),
        "parent_run_id": ("parent_run_id", "text"),
        "parent": ("parent_run_id", "text"),
        "lifecycle_stage": ("lifecycle_stage", "text"),
        "code": ("code", "code"),
        "verdict": ("verdict", "text"),
        "restart_run_all": ("restart_run_all", "text"),
    },
    prefixes={word: kind for kind, words in _KINDS.items() for word in words},
)

EXPERIMENT_WORDS = Vocabulary(
    attributes={
        "name": ("name", "text"),
        "experiment_id": ("experiment_id", "text"),
        "creation_time": ("creation_time", "time"),
        "last_update_time": ("last_update_time", "time"),
        "lifecycle_stage": ("lifecycle_stage", "text"),
    },
    prefixes={word: kind for kind in ("tag", "attribute") for word in _KINDS[kind]},
)

LOGGED_WORDS = Vocabulary(
    attributes={
        "name": ("name", "text"),
        "model_id": ("model_id", "text"),
        "model_type": ("model_type", "text"),
        "source_run_id": ("source_run_id", "text"),
        "status": ("status", "text"),
        "creation_timestamp": ("creation_time", "time"),
        "creation_timestamp_ms": ("creation_time", "time"),
        "creation_time": ("creation_time", "time"),
        "last_updated_timestamp": ("last_update_time", "time"),
        "last_updated_timestamp_ms": ("last_update_time", "time"),
    },
    prefixes={word: kind for kind in ("metric", "param", "tag", "attribute") for word in _KINDS[kind]},
)

STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
