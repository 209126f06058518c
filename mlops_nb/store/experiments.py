"""Experiments: made, found, renamed, deleted and restored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from mlops_nb.entities import Experiment, Page, check_name, check_tag, new_id, now_ms
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import schema
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.pages import check_limit, open_token, seal_token
from mlops_nb.store.rows import encode_json, storable
from mlops_nb.store.search import parse_filter, parse_order
from mlops_nb.store.sieve import holds, sort_value
from mlops_nb.store.statements import insert_rows
from mlops_nb.store.terms import EXPERIMENT_WORDS

_COLUMNS = tuple(schema.experiments.c.keys())


class Experiments:
    """Experiments of a store. They are few: filters and order are worked out in memory.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_experiment(
        self, name: str, *, artifact_location: str = "", tags: Mapping[str, str] | None = None
    ) -> Experiment:
        """Make an experiment; raise `AlreadyExists` if the name is taken (also by a deleted one)."""
        check_name("experiment", name)
        for key, value in (tags or {}).items():
            check_tag(key, value)
        now = now_ms()
        made = Experiment(new_id(), name, storable(artifact_location), "active", now, now, dict(tags or {}))
        row = (made.experiment_id, name, made.artifact_location, "active", now, now, encode_json(made.tags))
        with self._database.write() as transaction:
            self._refuse_taken(transaction, name)
            transaction.run(insert_rows(self._database, schema.experiments), *row)
        return made

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with this id, or `NotFound`."""
        with self._database.read() as transaction:
            return self._get(transaction, experiment_id)

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment with this name, deleted ones included, or None."""
        with self._database.read() as transaction:
            return self._find(transaction, "name", name)

    def search_experiments(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1000,
        page_token: str | None = None,
        view: str = "active",
    ) -> Page:
        """A page of experiments; `view` is ``active``, ``deleted`` or ``all``."""
        check_limit(limit, view)
        node = parse_filter(storable(filter), EXPERIMENT_WORDS)
        orders = parse_order([storable(term) for term in order_by], EXPERIMENT_WORDS)
        question = ["experiments", filter, list(order_by), view]
        last = open_token(page_token, question)
        with self._database.read() as transaction:
            rows = transaction.all(self._database.statement("experiments", lambda: select(schema.experiments)))
        found = [
            each
            for each in map(_decode, rows)
            if view in (each.lifecycle_stage, "all") and (node is None or holds(node, each))
        ]
        found.sort(key=lambda each: each.experiment_id)
        found.sort(key=lambda each: -each.creation_time)
        for order in reversed(orders):
            found.sort(key=lambda each, order=order: sort_value(order, each), reverse=order.descending)  # type: ignore[misc]
        start = 0
        if last is not None:
            ids = [each.experiment_id for each in found]
            if last not in ids:
                raise InvalidInput("The page token's experiment is gone.", hint="Begin again without a page token.")
            start = ids.index(last) + 1
        items: list[Any] = found[start : start + limit]
        more = len(found) > start + limit
        return Page(items, seal_token(question, items[-1].experiment_id) if more else None)

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        lifecycle_stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Experiment:
        """Rename, delete or restore, tag (a tag of None is taken away)."""
        if name is not None:
            check_name("experiment", name)
        for key, value in (tags or {}).items():
            check_tag(key, value)
        if lifecycle_stage not in (None, "active", "deleted"):
            raise InvalidInput(f"There is no lifecycle stage '{lifecycle_stage}'.", hint="Use active or deleted.")
        with self._database.write() as transaction:
            former = self._get(transaction, experiment_id)
            if name not in (None, former.name):
                assert name is not None
                self._refuse_taken(transaction, name)
            now = max(now_ms(), former.last_update_time + 1)
            kept = {**former.tags, **(tags or {})}
            changed = Experiment(
                experiment_id,
                former.name if name is None else name,
                former.artifact_location,
                lifecycle_stage or former.lifecycle_stage,
                former.creation_time,
                now,
                {key: value for key, value in kept.items() if value is not None},
            )
            self._change(transaction, former, changed)
            return changed

    def _change(self, transaction: Transaction, former: Experiment, changed: Experiment) -> None:
        table, runs = schema.experiments, schema.runs
        transaction.run(
            self._database.statement(
                "update experiment",
                lambda: (
                    update(table)
                    .where(table.c.experiment_id == bindparam("which"))
                    .values({key: bindparam(key) for key in ("name", "lifecycle_stage", "last_update_time", "tags")})
                ),
            ),
            which=changed.experiment_id,
            name=changed.name,
            lifecycle_stage=changed.lifecycle_stage,
            last_update_time=changed.last_update_time,
            tags=encode_json(changed.tags),
        )
        if former.lifecycle_stage == changed.lifecycle_stage and former.name == changed.name:
            return
        change = bump_change(self._database, transaction)
        mine = runs.c.experiment_id == bindparam("which")
        if former.name != changed.name:  # runs carry the name to their readers
            transaction.run(
                self._database.statement(
                    "touch runs", lambda: update(runs).where(mine).values(changed=bindparam("now"))
                ),
                which=changed.experiment_id,
                now=change,
            )
        if former.lifecycle_stage == changed.lifecycle_stage:
            return
        # Its runs go with it, as in MLflow; those that were deleted on their own stay deleted when it is restored.
        gone = changed.lifecycle_stage == "deleted"
        statement = self._database.statement(
            ("cascade", gone),
            lambda: (
                update(runs)
                .where(mine, runs.c.deleted_time.is_(None) if gone else runs.c.deleted_time < 0)
                .values(
                    changed=bindparam("now"),
                    lifecycle_stage="deleted" if gone else "active",
                    deleted_time=bindparam("time"),
                )
            ),
        )
        time = -changed.last_update_time if gone else None
        transaction.run(statement, which=changed.experiment_id, now=change, time=time)

    def _get(self, transaction: Transaction, experiment_id: str) -> Experiment:
        found = self._find(transaction, "experiment_id", experiment_id)
        if found is None:
            raise NotFound(f"Experiment '{experiment_id}' does not exist.")
        return found

    def _find(self, transaction: Transaction, column: str, value: str) -> Experiment | None:
        table = schema.experiments
        statement = self._database.statement(
            ("experiment", column), lambda: select(table).where(table.c[column] == bindparam("value"))
        )
        row = transaction.first(statement, storable(value))
        return None if row is None else _decode(row)

    def _refuse_taken(self, transaction: Transaction, name: str) -> None:
        taken = self._find(transaction, "name", name)
        if taken is not None:
            state = "" if taken.lifecycle_stage == "active" else " and is deleted"
            raise AlreadyExists(
                f"Experiment '{name}' exists already{state}.",
                hint="Restore it, or choose another name." if state else "Choose another name.",
            )


def bump_change(database: Database, transaction: Transaction) -> int:
    """Advance the store's change counter.

    Parameters
    ----------
    database : Database
        Which compiles the statement.
    transaction : Transaction
        To write in.

    Returns
    -------
    int
        What the touched runs are to be stamped with.
    """
    state = schema.state
    statement = database.statement(
        "bump change", lambda: update(state).values(change=state.c.change + 1).returning(state.c.change)
    )
    row = transaction.first(statement)
    assert row is not None
    return int(row[0])


def _decode(row: tuple[Any, ...]) -> Experiment:
    experiment_id, name, location, stage, created, updated, tags = row
    return Experiment(experiment_id, name, location, stage, created, updated, json.loads(tags))
