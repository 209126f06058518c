"""What brings a store of an older release up to date: a function a version, each as it was when it was released."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text, desc

_INT = BigInteger().with_variant(Integer(), "sqlite")
_STR = Text().with_variant(Text(collation="C"), "postgresql")


def _table(metadata: MetaData, name: str, columns: str, *indexes: Index, rowid: bool = False) -> Table:
    """A table from words like ``*model_id version?:int run_id?``: ``*`` marks the key, ``?`` what may be NULL."""
    made = []
    for word in columns.split():
        label, _, kind = word.partition(":")
        key, null = label.startswith("*"), label.endswith("?")
        column = _INT if kind == "int" else _STR
        made.append(Column(label.strip("*?"), column, primary_key=key, nullable=null, autoincrement=False))
    return Table(name, metadata, *made, *indexes, sqlite_with_rowid=rowid)


def add_registry(connection: Connection) -> None:
    """Version 2: the registry of models, and MLflow's logged models."""
    metadata = MetaData()
    _table(
        metadata, "registered_models",
        "*model_id name description tags aliases rules last_version:int user_id creation_time:int last_update_time:int",
        Index("models_by_name", "name", unique=True),
        rowid=True,
    )  # fmt: skip
    versions = _table(
        metadata, "model_versions",
        "*model_id *version:int run_id? source path digest size:int description tags stage status user_id"
        " creation_time:int last_update_time:int run_link logged_model",
        Index("versions_by_run", "run_id"),
        Index("versions_by_digest", "digest"),
    )  # fmt: skip
    Index("versions_by_time", desc(versions.c.last_update_time), versions.c.model_id, versions.c.version)
    _table(
        metadata, "version_files",
        "*model_id *version:int *part *path digest size:int",
        Index("version_files_by_digest", "digest"),
    )  # fmt: skip
    _table(
        metadata, "model_tags",
        "*model_id *version:int *key head text?",
        Index("model_tags_by_text", "key", "head", "model_id", "version"),
    )  # fmt: skip
    _table(
        metadata, "model_changes",
        "*seq:int model_id name action version?:int subject old new user_id time:int why run_id? forced:int detail",
        Index("model_changes_by_model", "model_id", "seq"),
        Index("model_changes_by_name", "name", "seq"),
        rowid=True,
    )  # fmt: skip
    _table(metadata, "settings", "*key value")
    _table(
        metadata, "logged_models",
        "*model_id experiment_id name model_type source_run_id status lifecycle_stage creation_time:int"
        " last_update_time:int params tags",
        Index("logged_models_by_experiment", "experiment_id"),
    )  # fmt: skip
    _table(metadata, "logged_model_points", "*model_id *seq:int point")
    _table(
        metadata, "logged_model_files", "*model_id *path digest size:int",
        Index("logged_files_by_digest", "digest"),
    )  # fmt: skip
    metadata.create_all(connection, checkfirst=False)


def index_stages(connection: Connection) -> None:
    """Version 3: lists of models count versions by stage in an index."""
    versions = _table(MetaData(), "model_versions", "*model_id *version:int stage")
    Index("versions_by_stage", versions.c.model_id, versions.c.stage, versions.c.version).create(connection)


STEPS: Mapping[int, Callable[[Connection], None]] = {2: add_registry, 3: index_stages}
"""What brings a store from the version before to this one; plain Core and DDL, never the live `schema`."""
