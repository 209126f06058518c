"""The store of runs in SQL: what `open_store` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Select, Table, delete, func, select, union

from mlops_nb.entities import Run, Status, check_name, check_tag, now_ms
from mlops_nb.errors import InvalidInput
from mlops_nb.store import registry_schema, schema
from mlops_nb.store.contents import Contents
from mlops_nb.store.engine import Database, Transaction, connect_engine
from mlops_nb.store.experiments import Experiments, bump_change
from mlops_nb.store.intake import Intake, update_row
from mlops_nb.store.logged_models import LoggedModels
from mlops_nb.store.lookup import Lookup
from mlops_nb.store.migrations import prepare, read_version
from mlops_nb.store.moves import Moves
from mlops_nb.store.rows import SCHEMA, encode_json, split_head
from mlops_nb.store.statements import delete_rows, fetch_in, upsert_rows
from mlops_nb.store.summaries import Summaries

_OF_A_RUN = (
    schema.params, schema.param_changes, schema.metrics, schema.points, schema.tags, schema.facts, schema.artifacts,
    schema.data, schema.logs,
)  # fmt: skip


class SqlStore(Intake, Experiments, Contents, Moves, LoggedModels, Summaries):
    """A `Store` in SQLite or PostgreSQL.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        Lookup.__init__(self, database)

    def update_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        status: str | None = None,
        end_time: int | None = None,
        lifecycle_stage: str | None = None,
        parent_run_id: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Change a run from outside its journal: rename, close, delete, restore, nest, tag."""
        values = _check_changes(name, status, end_time, lifecycle_stage)
        if parent_run_id is not None:
            values["parent_run_id"] = check_name("run", parent_run_id)
        for key, value in (tags or {}).items():
            check_tag(key, value)
        with self._database.write() as transaction:
            run = self._get_run(transaction, run_id)
            no = self._number(transaction, run_id)
            if tags:
                kept = {**run.tags, **tags}
                values["tags"] = encode_json({key: value for key, value in kept.items() if value is not None})
                gone = [(no, key) for key, value in tags.items() if value is None]
                transaction.many(delete_rows(self._database, schema.tags, "run", "key"), gone)
                rows = [(no, key, *split_head(value)) for key, value in tags.items() if value is not None]
                transaction.many(upsert_rows(self._database, schema.tags), rows)
            values["changed"] = bump_change(self._database, transaction)
            update_row(self._database, transaction, no, values)
            return self._get_run(transaction, run_id)

    def purge_runs(self, run_ids: Sequence[str]) -> int:
        """Take away the rows of runs that are marked deleted; returns how many."""
        runs = schema.runs
        database = self._database
        with database.write() as transaction:
            numbers = fetch_in(transaction, database, "deleted runs", _select_deleted, runs.c.run_id, run_ids)
            if not numbers:
                return 0
            for table in _OF_A_RUN:
                transaction.many(delete_rows(database, table, "run"), numbers)
            transaction.many(delete_rows(database, runs, "no"), numbers)
            self._drop_orphans(transaction)
            bump_change(database, transaction)
        return len(numbers)

    def _drop_orphans(self, transaction: Transaction) -> None:
        """Take away documents that no run points at any more."""
        used = union(
            select(schema.facts.c.digest), select(schema.data.c.profile).where(schema.data.c.profile.is_not(None))
        )
        for table in (schema.documents, schema.sources):
            self._drop_unused(transaction, table, used)

    def _drop_unused(self, transaction: Transaction, table: Table, used: CompoundSelect[Any]) -> None:
        statement = self._database.statement(
            ("orphans", table.name), lambda: delete(table).where(table.c.digest.not_in(used))
        )
        transaction.run(statement)

    def info(self) -> dict[str, Any]:
        """What `store info` shows: url (credentials redacted), schema version, counts, sizes in bytes."""
        counted = {
            "experiments": schema.experiments,
            "runs": schema.runs,
            "artifacts": schema.artifacts,
            "documents": schema.documents,
            "models": registry_schema.models,
            "versions": registry_schema.versions,
        }
        with self._database.read() as transaction:
            counts = {name: self._count(transaction, table) for name, table in counted.items()}
            points = transaction.all(
                self._database.statement("count points", lambda: select(func.sum(schema.metrics.c.count)))
            )[0][0]
            size = self._database.measure(transaction)
        url = self._database.engine.url.render_as_string(hide_password=True)
        return {"url": url, "schema": SCHEMA, **counts, "points": int(points or 0), "bytes": size}

    def _count(self, transaction: Transaction, table: Table) -> int:
        statement = self._database.statement(("count", table.name), lambda: select(func.count()).select_from(table))
        return int(transaction.all(statement)[0][0])

    def close(self) -> None:
        """Give back connections. The store may not be used afterwards."""
        self._database.close()


def _select_deleted() -> Select[Any]:
    return select(schema.runs.c.no).where(schema.runs.c.lifecycle_stage == "deleted")


def _check_changes(
    name: str | None, status: str | None, end_time: int | None, lifecycle_stage: str | None
) -> dict[str, Any]:
    """The columns that a change from outside sets."""
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = check_name("run", name)
    if status is not None:
        if status not in Status.__members__:
            raise InvalidInput(f"There is no status '{status}'.", hint=f"Use one of: {', '.join(Status.__members__)}.")
        values["status"] = str(Status(status))
    if end_time is not None:
        values["end_time"] = end_time
    if lifecycle_stage is not None:
        if lifecycle_stage not in ("active", "deleted"):
            raise InvalidInput(f"There is no lifecycle stage '{lifecycle_stage}'.", hint="Use active or deleted.")
        values["lifecycle_stage"] = lifecycle_stage
        values["deleted_time"] = now_ms() if lifecycle_stage == "deleted" else None
    return values


def open_sql_store(url: str) -> SqlStore:
    """Open the store at a SQLAlchemy URL, made or migrated where that is needed.

    Parameters
    ----------
    url : str
        Of SQLite or PostgreSQL.

    Returns
    -------
    SqlStore
        Ready; any thread may use it.

    Raises
    ------
    StoreError
        If it cannot be opened, is corrupt, of another program, or of a newer release.

    Examples
    --------
    >>> open_sql_store("sqlite://").get_experiment("0").name
    'Default'
    """
    database = connect_engine(url)
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def upgrade_sql_store(url: str) -> tuple[int, int]:
    """Bring an older store to this release's tables (SQLite: after a copy aside).

    Parameters
    ----------
    url : str
        Of SQLite or PostgreSQL.

    Returns
    -------
    tuple of int
        The version of its tables before and after.

    Raises
    ------
    StoreError
        If it cannot be opened, or is of a newer release; then nothing is changed.

    Examples
    --------
    >>> upgrade_sql_store("sqlite://") == (SCHEMA, SCHEMA)
    True
    """
    database = connect_engine(url)
    try:
        before = read_version(database)
        prepare(database, upgrade=True)
    finally:
        database.close()
    return SCHEMA if before is None else before, SCHEMA
