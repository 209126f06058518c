"""The tables of MLflow's logged models."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from mlops_nb.store.schema import Int, Str, metadata


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Str, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Int, primary_key=key, autoincrement=False, nullable=False)


logged_models = Table(
    "logged_models",
    metadata,
    _text("model_id", key=True),
    _text("experiment_id"),
    _text("name"),
    _text("model_type"),
    _text("source_run_id"),
    _text("status"),
    _text("lifecycle_stage"),
    _number("creation_time"),
    _number("last_update_time"),
    _text("params"),
    _text("tags"),
    Index("logged_models_by_experiment", "experiment_id"),
    sqlite_with_rowid=False,
)

logged_points = Table(
    "logged_model_points",
    metadata,
    _text("model_id", key=True),
    _number("seq", key=True),
    _text("point"),  # JSON: [key, value, timestamp, step, run_id, dataset_name, dataset_digest]
    sqlite_with_rowid=False,
)

logged_files = Table(
    "logged_model_files",
    metadata,
    _text("model_id", key=True),
    _text("path", key=True),
    _text("digest"),
    _number("size"),
    Index("logged_files_by_digest", "digest"),
    sqlite_with_rowid=False,
)
