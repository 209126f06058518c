"""Taking in what journals deliver: all batches of a call in one transaction, with few statements.

What a run becomes is worked out in memory first, as a `Draft`, then written table by table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update

from mlops_nb.entities import Batch, RunStart, new_id, now_ms
from mlops_nb.errors import InvalidState, NotFound
from mlops_nb.store import schema
from mlops_nb.store.curves import store_curves
from mlops_nb.store.documents import store_documents
from mlops_nb.store.drafts import Draft, check_batch
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.rows import encode_json, split_head
from mlops_nb.store.statements import delete_rows, fetch_in, insert_rows, upsert_rows

_LOADED = ("run_id", "no", "status", "logged", "params", "tags", "metric_keys", "metric_values", "lifecycle_stage")


class Intake:
    """The writing half of a store of runs.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, batches: Sequence[Batch], *, guarded: bool = False) -> None:
        """Store what journals deliver, in one transaction; `guarded` refuses what MLflow would."""
        for batch in batches:
            check_batch(batch)
        with self._database.write() as transaction:
            fresh, upto = self._drop_known(transaction, batches)
            if not fresh:
                return
            drafts = self._draft(transaction, fresh)
            for batch in fresh:
                drafts[batch.run_id].take(batch, guarded=guarded)
            self._store(transaction, list(drafts.values()))
            transaction.many(upsert_rows(self._database, schema.deliveries), list(upto.items()))
        self._database.note_growth(sum(draft.is_new for draft in drafts.values()))

    def delivered(self, source: str) -> int:
        """How far the journal `source` has been stored, in bytes; 0 if it is unknown."""
        with self._database.read() as transaction:
            return self._positions(transaction, [source]).get(source, 0)

    def _positions(self, transaction: Transaction, sources: Iterable[str]) -> dict[str, int]:
        table = schema.deliveries.c
        rows = fetch_in(transaction, self._database, "deliveries", _select_positions, table.source, sources)
        return dict(rows)

    def _drop_known(self, transaction: Transaction, batches: Sequence[Batch]) -> tuple[list[Batch], dict[str, int]]:
        """Batches that bring something new, and how far each source is stored with them."""
        sources = {batch.source for batch in batches if batch.source}
        known = self._positions(transaction, sources)
        fresh, upto = [], {}
        for batch in batches:
            if batch.source:
                position = known.get(batch.source, 0)
                if batch.upto <= position:
                    continue
                if batch.since != position:
                    raise InvalidState(
                        f"The journal '{batch.source}' delivers bytes {batch.since} to {batch.upto}, but is stored up "
                        f"to {position}.",
                        hint="Deliver it again from there.",
                    )
                known[batch.source] = upto[batch.source] = batch.upto
            fresh.append(batch)
        return fresh, upto

    def _draft(self, transaction: Transaction, batches: Sequence[Batch]) -> dict[str, Draft]:
        """A draft for each run of the call, with what is stored of it."""
        starts: dict[str, RunStart] = {}
        first: dict[str, Batch] = {}
        for batch in batches:
            first.setdefault(batch.run_id, batch)
            if batch.start is not None:
                starts.setdefault(batch.run_id, batch.start)
        stored = {
            row[0]: row[1:]
            for row in fetch_in(transaction, self._database, "drafts", _select_loaded, schema.runs.c.run_id, first)
        }
        for run_id, batch in first.items():
            if run_id not in stored and batch.start is None:
                raise NotFound(f"Run '{run_id}' does not exist.", hint="Start it before anything is logged to it.")
        change, run_no = self._bump(transaction, len(first) - len(stored))
        names = {start.experiment for run_id, start in starts.items() if run_id not in stored}
        experiment_ids = self._experiment_ids(transaction, names)
        drafts: dict[str, Draft] = {}
        revisions: dict[str, int] = {}
        for run_id in first:
            if run_id in stored:
                drafts[run_id] = Draft(run_id, change, *stored[run_id])
                continue
            start = starts[run_id]
            draft = drafts[run_id] = Draft(run_id, change, run_no)
            run_no -= 1
            draft.begin(start, experiment_ids[start.experiment], self._revision(transaction, start.line, revisions))
        return drafts

    def _bump(self, transaction: Transaction, new_runs: int) -> tuple[int, int]:
        """Advance the counters: (this change, the highest row number reserved). PostgreSQL's writers queue here."""
        state = schema.state
        statement = self._database.statement(
            "bump",
            lambda: (
                update(state)
                .values(change=state.c.change + 1, run_no=state.c.run_no + bindparam("new_runs"))
                .returning(state.c.change, state.c.run_no)
            ),
        )
        row = transaction.first(statement, new_runs=new_runs)
        assert row is not None
        return row[0], row[1]

    def _experiment_ids(self, transaction: Transaction, names: set[str]) -> dict[str, str]:
        """Ids by name; experiments that do not exist are made. A deleted one stays deleted, its new run is kept."""
        if not names:
            return {}
        table = schema.experiments
        found: dict[str, str] = dict(
            fetch_in(
                transaction,
                self._database,
                "experiment ids",
                lambda: select(table.c.name, table.c.experiment_id),
                table.c.name,
                names,
            )
        )
        now = now_ms()
        made = [(new_id(), name, "", "active", now, now, "{}") for name in sorted(names - found.keys())]
        transaction.many(insert_rows(self._database, table), made)
        return found | {row[1]: row[0] for row in made}

    def _revision(self, transaction: Transaction, line: str | None, known: dict[str, int]) -> int:
        if line is None:
            return 1
        if line not in known:
            table = schema.runs
            statement = self._database.statement(
                "revision", lambda: select(func.max(table.c.revision)).where(table.c.line == bindparam("line"))
            )
            row = transaction.first(statement, line)
            known[line] = 0 if row is None or row[0] is None else row[0]
        known[line] += 1
        return known[line]

    def _store(self, transaction: Transaction, drafts: list[Draft]) -> None:
        database = self._database
        self._amend_params(transaction, drafts)
        store_curves(database, transaction, drafts)
        store_documents(database, transaction, drafts)
        for table, rows in (
            (schema.params, [row for draft in drafts for row in draft.param_rows()]),
            (
                schema.tags,
                [(draft.no, key, *split_head(draft.tags[key])) for draft in drafts for key in draft.new_tags],
            ),
            (schema.artifacts, [row for draft in drafts for row in draft.artifact_rows()]),
            (schema.logs, [row for draft in drafts for row in draft.log_rows]),
        ):
            transaction.many(upsert_rows(database, table), rows)
        gone = [(draft.no, key) for draft in drafts for key in draft.dropped_tags]
        transaction.many(delete_rows(database, schema.tags, "run", "key"), gone)
        lost = [(draft.no, path) for draft in drafts for path in draft.dropped_artifacts()]
        transaction.many(delete_rows(database, schema.artifacts, "run", "path"), lost)
        columns = schema.runs.columns.keys()
        new = [tuple([draft.row[name] for name in columns]) for draft in drafts if draft.is_new]
        transaction.many(insert_rows(database, schema.runs), new)
        for draft in drafts:
            if not draft.is_new:
                update_row(database, transaction, draft.no, draft.row)

    def _amend_params(self, transaction: Transaction, drafts: list[Draft]) -> None:
        """Keep the former values of params that got another one."""
        rows = []
        for draft in drafts:
            for key, values in draft.param_values.items():
                if len(values) < 2:
                    continue
                seq, since = self._param_position(transaction, draft.no, key)
                for place, (value, timestamp) in enumerate(values[:-1]):
                    # The first one is what is stored; its time stands in the row that is about to be replaced.
                    when = since if timestamp is None else timestamp
                    rows.append((draft.no, key, seq + place + 1, when, encode_json(value)))
        transaction.many(insert_rows(self._database, schema.param_changes), rows)

    def _param_position(self, transaction: Transaction, run: int, key: str) -> tuple[int, int]:
        changes, params = schema.param_changes, schema.params
        latest = self._database.statement(
            "param changes",
            lambda: select(func.max(changes.c.seq)).where(
                changes.c.run == bindparam("run"), changes.c.key == bindparam("key")
            ),
        )
        stored = self._database.statement(
            "param time",
            lambda: select(params.c.timestamp).where(
                params.c.run == bindparam("run"), params.c.key == bindparam("key")
            ),
        )
        seq, since = transaction.first(latest, run, key), transaction.first(stored, run, key)
        return (seq[0] or 0) if seq else 0, since[0] if since else 0


def _select_positions() -> Select[Any]:
    return select(schema.deliveries.c.source, schema.deliveries.c.upto)


def _select_loaded() -> Select[Any]:
    return select(*(schema.runs.c[name] for name in _LOADED))


def update_row(database: Database, transaction: Transaction, no: int, values: dict[str, Any]) -> None:
    """Set columns of a run's row.

    Parameters
    ----------
    database : Database
        Which keeps the statement for this set of columns.
    transaction : Transaction
        To write in.
    no : int
        The run's row number.
    values : dict
        By column.
    """
    names = tuple(values)
    statement = database.statement(
        ("update run", names),
        lambda: (
            update(schema.runs)
            .values({name: bindparam(name) for name in names})
            .where(schema.runs.c.no == bindparam("row_no"))
        ),
    )
    transaction.run(statement, row_no=no, **values)
