"""The tables.

A run's row is its read model: params, tags and last metrics stand in it whole, so that a page of runs is one row each.
`params`, `metrics` and `tags` are narrow tables beside it, for filters and order only. They point at a run by its
row number, which is a quarter of the size of its id.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

Int: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is an alias of SQLite's row id
# Order by code point, as SQLite does, and an index that serves equality whatever the server's locale is.
Str: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Str, primary_key=key, nullable=null)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, Int, primary_key=key, autoincrement=False, nullable=null)


state = Table(
    "mlops_nb_state",
    metadata,
    _number("id", key=True),
    _number("schema"),
    _number("change"),
    _number("run_no"),
)

experiments = Table(
    "experiments",
    metadata,
    _text("experiment_id", key=True),
    _text("name"),
    _text("artifact_location"),
    _text("lifecycle_stage"),
    _number("creation_time"),
    _number("last_update_time"),
    _text("tags"),
    Index("experiments_by_name", "name", unique=True),
)

runs = Table(
    "runs",
    metadata,
    _number("no", key=True),
    _text("run_id"),
    _text("name"),
    _text("experiment_id"),
    _text("status"),
    _number("start_time"),
    _number("end_time", null=True),
    _text("user_id"),
    _text("lifecycle_stage"),
    _text("parent_run_id", null=True),
    _text("notebook", null=True),
    _text("cell_id", null=True),
    _text("line", null=True),
    _number("revision"),
    _text("stage", null=True),
    _text("source_type"),
    _number("changed"),
    _text("lease", null=True),
    _number("logged"),
    _number("deleted_time", null=True),  # negative: it was deleted with its experiment
    _text("params"),
    _text("tags"),
    _text("metric_keys"),
    Column("metric_values", LargeBinary, nullable=False),
)
# Indexes of some rows only say so to SQLite, and `migrations` tells PostgreSQL: naming that one here would import its
# dialect into every process, for a fifth of the time that opening a store takes.
Index("runs_by_id", runs.c.run_id, unique=True)
Index("runs_by_time", runs.c.start_time.desc(), runs.c.run_id)
Index("runs_by_experiment", runs.c.experiment_id, runs.c.start_time.desc(), runs.c.run_id)
Index("runs_by_name", runs.c.name)
Index("runs_by_change", runs.c.changed)
Index(
    "runs_by_line",
    runs.c.line,
    runs.c.revision,
    sqlite_where=runs.c.line.is_not(None),
)
Index(
    "runs_by_parent",
    runs.c.parent_run_id,
    sqlite_where=runs.c.parent_run_id.is_not(None),
)
_OPEN = runs.c.status.in_(("RUNNING", "SCHEDULED"))
Index("runs_open", runs.c.status, sqlite_where=_OPEN)

params = Table(
    "params",
    metadata,
    _number("run", key=True),
    _text("key", key=True),
    _number("timestamp"),
    Column("number", Double),
    _text("head"),
    _text("text", null=True),
    Index("params_by_text", "key", "head", "run"),
    Index("params_by_number", "key", "number", "run"),
    sqlite_with_rowid=False,
)

param_changes = Table(
    "param_changes",
    metadata,
    _number("run", key=True),
    _text("key", key=True),
    _number("seq", key=True),
    _number("timestamp"),
    _text("value"),
    sqlite_with_rowid=False,
)

metrics = Table(
    "metrics",
    metadata,
    _number("run", key=True),
    _text("key", key=True),
    Column("value", Double),  # NULL is NaN
    _number("step"),
    _number("timestamp"),
    _number("count"),
    _number("seq"),  # the last chunk in `points`; 0: there is none, and this row is the only point
    _number("tail"),  # points in that chunk
    Index("metrics_by_value", "key", "value", "run"),
    sqlite_with_rowid=False,
)

points = Table(
    "points",
    metadata,
    _number("run", key=True),
    _text("key", key=True),
    _number("seq", key=True),
    _number("count"),
    Column("chunk", LargeBinary, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    _number("run", key=True),
    _text("key", key=True),
    _text("head"),
    _text("text", null=True),
    Index("tags_by_text", "key", "head", "run"),
    sqlite_with_rowid=False,
)

documents = Table(
    "documents",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _text("text"),
)

facts = Table(
    "facts",
    metadata,
    _number("run", key=True),
    _text("kind", key=True),
    Column("digest", LargeBinary, nullable=False),
    Index("facts_by_digest", "digest", "kind", "run"),
    sqlite_with_rowid=False,
)

artifacts = Table(
    "artifacts",
    metadata,
    _number("run", key=True),
    _text("path", key=True),
    _text("digest"),
    _number("size"),
    Index("artifacts_by_digest", "digest"),
    sqlite_with_rowid=False,
)

data = Table(
    "data",
    metadata,
    _number("run", key=True),
    Column("key", LargeBinary, primary_key=True),
    _number("seq"),
    _text("digest"),
    _text("mode"),
    _text("name"),
    _text("context"),
    _text("value"),
    Column("profile", LargeBinary),
    Index("data_by_digest", "digest"),
    Index("data_by_name", "name", "run"),
    Index("data_by_profile", "profile"),
    sqlite_with_rowid=False,
)

logs = Table(
    "logs",
    metadata,
    _number("run", key=True),
    _number("seq", key=True),
    _number("timestamp"),
    _text("stream"),
    Column("text", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    _text("source", key=True),
    _number("upto"),
    sqlite_with_rowid=False,
)
