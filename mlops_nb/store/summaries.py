"""Many runs at once, as numbers: how many fit, in which groups, with which keys; for lists of 100,000 runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import fsum, isfinite, sqrt
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, and_, bindparam, func, null, select

from mlops_nb.errors import InvalidInput
from mlops_nb.store import schema
from mlops_nb.store.clauses import list_ids
from mlops_nb.store.engine import Transaction
from mlops_nb.store.lookup import Lookup, parse_cached
from mlops_nb.store.pages import check_limit
from mlops_nb.store.plans import WALK, Plan
from mlops_nb.store.rows import storable
from mlops_nb.store.statements import fetch_in
from mlops_nb.store.tallies import Tally

COLUMNS = {
    "notebook": "notebook",
    "cell": "line",
    "experiment": "experiment_id",
    "parent": "parent_run_id",
    "status": "status",
    "stage": "stage",
    "user": "user_id",
}
"""What runs may be grouped by, beside ``params.KEY`` and ``tags.KEY``, and the column that it is."""

_ALL = 1 << 40

LARGE = 20_000
"""Runs from which on groups are remembered run by run."""

AFRESH = 5_000
"""Runs written since, from which on all are read again."""


class Summaries(Lookup):
    """Counts and groups of runs."""

    def count_runs(self, experiment_ids: Sequence[str] | None = None, filter: str = "", *, view: str = "active") -> int:
        """How many runs fit."""
        check_limit(1, view)
        asked, listed = self._asked(experiment_ids, filter, view)
        with self._database.read() as transaction:
            plan = self._plan(transaction, asked[1], _ALL)
            query = self._database.statement(
                ("count runs", asked, plan),
                lambda: self._subset(select(func.count()).select_from(schema.runs), asked, plan),
            )
            return int(transaction.all(query, **listed)[0][0])

    def group_runs(
        self,
        by: str,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",
        *,
        metrics: Sequence[str] = (),
        limit: int = 500,
        view: str = "active",
    ) -> list[dict[str, Any]]:
        """Groups of runs, the newest first: ``key, count, newest, oldest, newest_run, statuses, metrics`` (of these:
        count, mean, std, min, max of last values). `by` is a word of `COLUMNS`, ``params.KEY`` or ``tags.KEY``."""
        check_limit(limit, view)
        asked, listed = self._asked(experiment_ids, filter, view)
        with self._database.read() as transaction:
            change, highest = self._state(transaction)
            if highest >= LARGE:
                tallied = self._tallied(transaction, by, asked, listed, list(dict.fromkeys(metrics)), (change, highest))
                found = tallied[:limit]
                newest = self._ids(transaction, [each["newest_run"] for each in found])
                return [{**each, "newest_run": newest.get(each["newest_run"])} for each in found]
            plan = self._plan(transaction, asked[1], _ALL)
            statement = self._database.statement(
                ("groups", by, asked, plan), partial(self._groups, by, asked, plan)
            )
            groups = _merge(transaction.all(statement, **listed), limit)
            newest = self._ids(transaction, [each["newest_run"] for each in groups.values()])
            for each in groups.values():
                each["newest_run"] = newest.get(each["newest_run"])
            for metric in dict.fromkeys(metrics):
                given = {**listed, "metric": storable(metric)}
                for key, figures in self._measure_groups(transaction, by, asked, plan, given).items():
                    if key in groups:
                        groups[key]["metrics"][metric] = figures
        return list(groups.values())

    def run_keys(self, kind: str, *, limit: int = 300) -> list[tuple[str, int]]:
        """The keys of ``metrics``, ``params`` or ``tags``, each with the number of its runs, most used first."""
        table = _table(kind)
        statement = self._database.statement(
            ("keys", kind),
            lambda: (
                select(table.c.key, func.count().label("runs"))
                .group_by(table.c.key)
                .order_by(func.count().desc(), table.c.key)
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            return [(str(key), int(count)) for key, count in transaction.all(statement, most=limit)]

    def run_values(self, field: str, *, limit: int = 50) -> list[tuple[str, int]]:
        """Values of a word of `COLUMNS`, ``params.KEY`` or ``tags.KEY``, each with the number of its runs, whether
        these are deleted or not: so an index gives them, and no run is looked up."""
        column, key = _values(field)
        statement = self._database.statement(
            ("values", field),
            lambda: (
                select(column, func.count().label("runs"))
                .where(column.is_not(None), *key)
                .group_by(column)
                .order_by(func.count().desc(), column)
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            return [(str(value), int(count)) for value, count in transaction.all(statement, most=limit)]

    def last_change(self) -> int:
        """The change counter as it is now: `changes` since it are none."""
        with self._database.read() as transaction:
            return self._state(transaction)[0]

    def _state(self, transaction: Transaction) -> tuple[int, int]:
        """The change counter, and the highest number that a run was given."""
        state = schema.state.c
        row = transaction.first(self._database.statement("counters", lambda: select(state.change, state.run_no)))
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _tallied(
        self, transaction: Transaction, by: str, asked: tuple[Any, ...], listed: dict[str, str], metrics: list[str],
        state: tuple[int, int],
    ) -> list[dict[str, Any]]:
        """Groups of a large store: what is remembered of its runs, with those that were written since."""
        change, highest = state
        runs, names = schema.runs.c, {f"metric_{at}": storable(name) for at, name in enumerate(metrics)}
        counting = self._database.statement(
            ("count", "runs"), lambda: select(func.count()).select_from(schema.runs)
        )
        writing = self._database.statement(
            "written since", lambda: select(runs.no).where(runs.changed > bindparam("since")).limit(bindparam("most"))
        )
        with self._tallies.hold((by, asked, tuple(listed.values()), tuple(metrics)), lambda: Tally(metrics)) as tally:
            count = int(transaction.all(counting)[0][0])
            written = [row[0] for row in transaction.all(writing, since=tally.change, most=AFRESH)]
            expected = tally.runs + sum(number > tally.highest for number in written)
            if len(written) >= AFRESH or expected != count or change < tally.change:  # or some were purged
                plan = self._plan(transaction, asked[1], _ALL)
                statement = self._database.statement(
                    ("tally", by, asked, plan, len(metrics)), partial(self._run_rows, by, asked, plan, len(metrics))
                )
                tally.clear()
                tally.put(transaction.all(statement, **listed, **names))
            elif written:
                build = partial(self._run_rows, by, asked, WALK, len(metrics))
                name = ("tally of", by, asked, len(metrics))
                rows = fetch_in(transaction, self._database, name, build, runs.no, written, **listed, **names)
                tally.drop(written)
                tally.put(rows)
            tally.change, tally.runs, tally.highest = change, count, highest
            return tally.groups(_ALL)

    def _run_rows(self, by: str, asked: tuple[Any, ...], plan: Plan, metrics: int) -> Select[Any]:
        """Each run as a tally has it."""
        runs, (key, source) = schema.runs.c, _key(by)
        values = []
        for at in range(metrics):
            row = schema.metrics.alias()
            mine = row.c.run == runs.no, row.c.key == bindparam(f"metric_{at}")
            values.append(select(row.c.value).where(*mine).scalar_subquery())
        columns = runs.no, key.label("key"), runs.status, runs.start_time, *values
        return self._subset(select(*columns).select_from(source), asked, plan)

    @staticmethod
    def _asked(experiment_ids: Sequence[str] | None, filter: str, view: str) -> tuple[tuple[Any, ...], dict[str, str]]:
        ids, listed = list_ids(experiment_ids)
        return (ids, storable(filter), view), listed

    def _subset(self, query: Select[Any], asked: tuple[Any, ...], plan: Plan) -> Select[Any]:
        ids, filter, view = asked
        runs = schema.runs.c
        if view != "all":
            query = query.where(runs.lifecycle_stage == view)
        if ids is not None:
            query = query.where(self._clauses.of_experiments(runs.experiment_id, ids))
        return self._clauses.narrow(query, parse_cached(filter), plan)

    def _groups(self, by: str, asked: tuple[Any, ...], plan: Plan) -> Select[Any]:
        runs = schema.runs.c
        key, source = _key(by)
        columns = func.count(), func.max(runs.start_time), func.min(runs.start_time), func.max(runs.no)
        # no plain columns: SQLite would walk an index of theirs, and jump from run to run
        grouped = func.coalesce(key, null()).label("key"), func.coalesce(runs.status, null()).label("status")
        query: Select[Any] = select(*grouped, *columns).select_from(source)  # type: ignore[assignment]
        return self._subset(query, asked, plan).group_by(*grouped)

    def _measure_groups(
        self, transaction: Transaction, by: str, asked: tuple[Any, ...], plan: Plan, given: dict[str, str]
    ) -> dict[Any, dict[str, Any]]:
        """Figures of a metric's last values, group by group. The values are summed here: a database would sort all runs
        to tell a group's mean, before it could square the differences from it."""
        runs, row = schema.runs.c, schema.metrics.alias()

        def build() -> Select[Any]:
            key, source = _key(by)
            # beside each run, and not joined: SQLite would walk the metric's values, and jump from run to run
            value = select(row.c.value).where(row.c.run == runs.no, row.c.key == bindparam("metric")).scalar_subquery()
            return self._subset(select(key.label("key"), value).select_from(source), asked, plan)

        statement = self._database.statement(("measure groups", by, asked, plan), build)
        values: dict[Any, list[float]] = {}
        for key, value in transaction.all(statement, **given):
            if value is not None and isfinite(value):
                values.setdefault(key, []).append(value)
        return {key: _figures(held) for key, held in values.items()}

    def _ids(self, transaction: Transaction, numbers: Sequence[int]) -> dict[int, str]:
        runs = schema.runs.c
        rows = fetch_in(
            transaction, self._database, "ids by no", lambda: select(runs.no, runs.run_id), runs.no, numbers
        )
        return {row[0]: row[1] for row in rows}


def _merge(rows: Sequence[Sequence[Any]], limit: int) -> dict[Any, dict[str, Any]]:
    """The newest groups, of rows that are told apart by status as well."""
    groups: dict[Any, dict[str, Any]] = {}
    for key, status, count, newest, oldest, number in rows:
        group = groups.setdefault(
            key,
            {"key": key, "count": 0, "newest": newest, "oldest": oldest, "newest_run": number, "statuses": {}},
        )
        group["count"] += int(count)
        group["newest"], group["oldest"] = max(group["newest"], newest), min(group["oldest"], oldest)
        group["newest_run"] = max(group["newest_run"], number)
        group["statuses"][status] = int(count)
        group["metrics"] = {}
    ordered = sorted(groups.values(), key=lambda each: (-each["newest"], str(each["key"])))
    return {each["key"]: each for each in ordered[:limit]}


def _figures(values: list[float]) -> dict[str, Any]:
    mean = fsum(values) / len(values)
    spread = fsum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else None
    return {
        "count": len(values),
        "mean": mean,
        "std": sqrt(spread) if spread is not None and isfinite(spread) else None,
        "min": min(values),
        "max": max(values),
    }


def _table(kind: str) -> Any:
    tables = {"metrics": schema.metrics, "params": schema.params, "tags": schema.tags}
    if kind not in tables:
        raise InvalidInput(f"There are no {kind[:40]!a} of a run.", hint=f"Use one of: {', '.join(tables)}.")
    return tables[kind]


def _key(by: str) -> tuple[ColumnElement[Any], FromClause]:
    """The column that runs are grouped by, and the tables that it is in."""
    runs = schema.runs
    column, keys = _values(by)
    if not keys:
        return column, runs
    row = column.table
    return column, runs.outerjoin(row, and_(row.c.run == runs.c.no, *keys))


def _values(by: str) -> tuple[Column[Any], list[ColumnElement[bool]]]:
    """The column that holds what runs are grouped by, and what its rows have in common."""
    if by in COLUMNS:
        return schema.runs.c[COLUMNS[by]], []
    kind, dot, key = by.partition(".")
    if not dot or kind not in ("params", "tags") or not key:
        words = ", ".join([*COLUMNS, "params.KEY", "tags.KEY"])
        raise InvalidInput(f"Runs cannot be grouped by {by[:60]!a}.", hint=f"Use one of: {words}.")
    row = _table(kind).alias("grouped")
    return row.c.head, [row.c.key == storable(key)]
