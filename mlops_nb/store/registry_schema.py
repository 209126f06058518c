"""The tables of the registry of models.

A model's and a version's row is its read model; `model_tags` is a narrow table beside them, for filters only. The audit
(`model_changes`) is only ever added to, and outlives what it tells of.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from mlops_nb.store.schema import Int, Str, metadata


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Str, primary_key=key, nullable=null)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, Int, primary_key=key, autoincrement=False, nullable=null)


models = Table(
    "registered_models",
    metadata,
    _text("model_id", key=True),  # stays when the model is renamed
    _text("name"),
    _text("description"),
    _text("tags"),
    _text("aliases"),
    _text("rules"),
    _number("last_version"),  # the highest number ever given: that of a deleted version is not given again
    _text("user_id"),
    _number("creation_time"),
    _number("last_update_time"),
    Index("models_by_name", "name", unique=True),
)

versions = Table(
    "model_versions",
    metadata,
    _text("model_id", key=True),
    _number("version", key=True),
    _text("run_id", null=True),
    _text("source"),
    _text("path"),
    _text("digest"),
    _number("size"),
    _text("description"),
    _text("tags"),
    _text("stage"),
    _text("status"),
    _text("user_id"),
    _number("creation_time"),
    _number("last_update_time"),
    _text("run_link"),
    _text("logged_model"),
    Index("versions_by_run", "run_id"),
    Index("versions_by_digest", "digest"),
    Index("versions_by_stage", "model_id", "stage", "version"),  # a list of models counts theirs in it
    sqlite_with_rowid=False,
)
Index("versions_by_time", versions.c.last_update_time.desc(), versions.c.model_id, versions.c.version)

version_files = Table(
    "version_files",
    metadata,
    _text("model_id", key=True),
    _number("version", key=True),
    _text("part", key=True),  # ``model``: what was registered; ``notes``: what was written about it later
    _text("path", key=True),
    _text("digest"),
    _number("size"),
    Index("version_files_by_digest", "digest"),
    sqlite_with_rowid=False,
)

tags = Table(
    "model_tags",
    metadata,
    _text("model_id", key=True),
    _number("version", key=True),  # 0: of the model itself
    _text("key", key=True),
    _text("head"),
    _text("text", null=True),
    Index("model_tags_by_text", "key", "head", "model_id", "version"),
    sqlite_with_rowid=False,
)

changes = Table(
    "model_changes",
    metadata,
    _number("seq", key=True),
    _text("model_id"),
    _text("name"),
    _text("action"),
    _number("version", null=True),
    _text("subject"),
    _text("old"),
    _text("new"),
    _text("user_id"),
    _number("time"),
    _text("why"),
    _text("run_id", null=True),
    _number("forced"),
    _text("detail"),
    Index("model_changes_by_model", "model_id", "seq"),
    Index("model_changes_by_name", "name", "seq"),
)

settings = Table(
    "settings",
    metadata,
    _text("key", key=True),
    _text("value"),
    sqlite_with_rowid=False,
)
