"""Finding runs: by id, name, line or change, and by the language of filters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import nan
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, literal, or_, select

from mlops_nb.entities import DataRef, Metric, Page, Run
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.store import schema
from mlops_nb.store.clauses import Clauses, among, conjuncts, list_ids, may_drive
from mlops_nb.store.documents import fetch_data
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.pages import check_limit, open_token, seal_token
from mlops_nb.store.plans import WALK, Plan, count_limit, make_plan
from mlops_nb.store.rows import RUN_COLUMNS, decode_runs, storable
from mlops_nb.store.search import parse_filter, parse_order
from mlops_nb.store.sorting import has_second_part, order_query, walked_row
from mlops_nb.store.statements import fetch_in
from mlops_nb.store.tallies import Tallies
from mlops_nb.store.terms import Compare, Order

_COUNTED = 8
"""Terms of a filter that are counted before it is run."""

parse_cached = lru_cache(maxsize=256)(parse_filter)

_LAST = "\U0010ffff"  # sorts after whatever follows a prefix


class Lookup:
    """The runs of a store, read.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clauses = Clauses(sqlite=database.is_sqlite)
        self._shares: dict[tuple[str, ...], tuple[int, float]] = {}
        self._plans: dict[tuple[str, int, tuple[str, ...] | str | None], tuple[int, Plan]] = {}
        self._tallies = Tallies()

    def get_run(self, run_id: str) -> Run:
        """The run with exactly this id, or `NotFound`."""
        with self._database.read() as transaction:
            return self._get_run(transaction, run_id)

    def find_runs(self, reference: str, *, limit: int = 10) -> list[Run]:
        """Runs whose id starts with, or whose name is, `reference`; newest first. An exact id wins alone."""
        reference = storable(reference)
        if not reference:
            return []
        runs = schema.runs.c
        statement = self._database.statement(
            "find runs",
            lambda: (
                _reading()
                .where(
                    or_(
                        runs.name == bindparam("name"),
                        (runs.run_id >= bindparam("low")) & (runs.run_id < bindparam("high")),
                    )
                )
                .order_by((runs.run_id == bindparam("name")).desc(), runs.start_time.desc(), runs.run_id)
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            rows = transaction.all(statement, name=reference, low=reference, high=reference + _LAST, most=max(limit, 1))
        found = decode_runs(rows)
        return found[:1] if found and found[0].run_id == reference else found[:limit]

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1000,
        page_token: str | None = None,
        view: str = "active",
    ) -> Page:
        """A page of runs. `experiment_ids` None means all; `order_by` takes ``metrics.acc DESC`` and the like."""
        check_limit(limit, view)
        question = [None if experiment_ids is None else sorted(set(experiment_ids)), filter, list(order_by), view]
        ids, listed = list_ids(experiment_ids)
        orders = parse_order([storable(term) for term in order_by])
        position = open_token(page_token, question)
        asked = (ids, storable(filter), orders, view)
        with self._database.read() as transaction:
            numbers, position = self._page(transaction, asked, position, limit, listed)
            rows = fetch_in(transaction, self._database, "runs by no", _reading, schema.runs.c.no, numbers)
        by_number = {row[0]: row for row in rows}
        items: list[Any] = decode_runs(by_number[number] for number in numbers)
        return Page(items, None if position is None else seal_token(question, position))

    def _page(
        self, transaction: Transaction, asked: tuple[Any, ...], position: Any, limit: int, listed: dict[str, str]
    ) -> tuple[list[int], Any]:
        """Row numbers of a page, and the position that the next one begins after (None at the end)."""
        part, after = _check_position(position)
        rows: list[tuple[int, tuple[Any, ...]]] = []
        orders: tuple[Order, ...] = asked[2]
        plan = self._plan(transaction, asked[1], limit, asked[0])
        while part < 2 and len(rows) <= limit:
            nulls = None if after is None else tuple(value is None for value in after)
            shape = (asked, part, nulls, plan)
            statement = self._database.statement(("search", *shape), partial(self._query, *shape))
            given = {f"after_{place}": value for place, value in enumerate(after or ())}
            found = transaction.all(statement, most=limit + 1 - len(rows), **given, **listed)
            rows += [(part, row) for row in found]
            part, after = part + 1, None
            if not has_second_part(orders):
                break
        numbers = [row[0] for _, row in rows[:limit]]
        if len(rows) <= limit:
            return numbers, None
        ended, last = rows[limit - 1]
        return numbers, [ended, list(last[1:])]

    def _plan(
        self, transaction: Transaction, filter: str, limit: int, ids: tuple[str, ...] | str | None = None
    ) -> Plan:
        """How to find a page; thought about again once the store has grown by a tenth."""
        terms = [(place, term) for place, term in enumerate(conjuncts(parse_cached(filter))) if may_drive(term)]
        if not terms or not self._database.is_sqlite:
            return WALK
        highest = transaction.first(self._database.statement("highest", lambda: select(func.max(schema.runs.c.no))))
        runs = int(highest[0] or 0) if highest else 0
        known = self._plans.get((filter, limit, ids))
        if known is not None and known[0] <= runs <= known[0] * 1.1 + 100:
            return known[1]
        counts = []
        for place, term in terms[:_COUNTED]:
            assert isinstance(term, Compare)
            statement = self._database.statement(("count", term), partial(self._clauses.count, term))
            counts.append((place, int(transaction.all(statement, most=count_limit(runs))[0][0])))
        plan = make_plan(runs, counts, limit, self._share_of(transaction, ids, runs))
        if len(self._plans) > 1000:
            self._plans.clear()
        self._plans[filter, limit, ids] = (runs, plan)
        return plan

    def _share_of(self, transaction: Transaction, ids: tuple[str, ...] | str | None, runs: int) -> float:
        """The share of all runs that these experiments have; asked again once the store has grown by a tenth."""
        if ids is None or isinstance(ids, str) or not runs:
            return 1.0
        known = self._shares.get(ids)
        if known is None or not known[0] <= runs <= known[0] * 1.1 + 100:
            column = schema.runs.c.experiment_id
            some = select(literal(1).label("one")).where(among(column, ids)).limit(bindparam("most")).subquery()
            counting = select(func.count()).select_from(some)
            statement = self._database.statement(("of experiments", ids), lambda: counting)
            cap = count_limit(runs)
            count = int(transaction.all(statement, most=cap)[0][0])
            if len(self._shares) > 1000:
                self._shares.clear()
            known = self._shares[ids] = (runs, 1.0 if count >= cap else count / runs)
        return known[1]

    def _query(
        self, asked: tuple[Any, ...], part: int, nulls: tuple[bool, ...] | None, plan: Plan
    ) -> Select[Any]:
        ids, filter, orders, view = asked
        runs = schema.runs.c
        query = select(runs.no).select_from(schema.runs)
        if view != "all":
            query = query.where(runs.lifecycle_stage == view)
        if ids is not None:
            query = query.where(self._clauses.of_experiments(runs.experiment_id, ids))
        row = walked_row(orders, part)
        number = row.c.run if row is not None and plan.driver is None else None
        query = self._clauses.narrow(query, parse_cached(filter), plan, number)
        return order_query(query, orders, part, nulls, row=row, walk=plan.driver is None).limit(bindparam("most"))

    def line_runs(self, line: str, *, limit: int = 50) -> list[Run]:
        """The newest runs of a line of revisions, newest first."""
        runs = schema.runs.c
        statement = self._database.statement(
            "line runs",
            lambda: (
                _reading()
                .where(runs.line == bindparam("line"), runs.lifecycle_stage == "active")
                .order_by(runs.revision.desc())
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            return decode_runs(transaction.all(statement, line=storable(line), most=max(limit, 1)))

    def open_runs(self) -> list[Run]:
        """Runs that say that a process works on them (RUNNING or SCHEDULED), oldest first, with their leases."""
        runs = schema.runs.c
        statement = self._database.statement(
            "open runs",
            lambda: (
                _reading().where(among(runs.status, ("RUNNING", "SCHEDULED"))).order_by(runs.start_time, runs.run_id)
            ),
        )
        with self._database.read() as transaction:
            return decode_runs(transaction.all(statement))

    def changes(self, since: int = 0, *, limit: int = 1000) -> tuple[list[Run], int]:
        """Runs written after change counter `since`, oldest change first, and the counter to ask with next."""
        runs = schema.runs.c
        statement = self._database.statement(
            "changes",
            lambda: (
                _reading()
                .where(runs.changed > bindparam("since"))
                .order_by(runs.changed, runs.run_id)
                .limit(bindparam("most"))
            ),
        )
        same = self._database.statement(
            "same change", lambda: _reading().where(runs.changed == bindparam("change")).order_by(runs.run_id)
        )
        with self._database.read() as transaction:
            found = decode_runs(transaction.all(statement, since=since, most=max(limit, 1)))
            if len(found) >= max(limit, 1):
                # All runs of one change go together, or the counter would step over the rest of them.
                last = found[-1].changed
                found = [run for run in found if run.changed != last] + decode_runs(transaction.all(same, last))
                return found, last
            state = transaction.first(self._database.statement("state", lambda: select(schema.state.c.change)))
        assert state is not None
        return found, max(since, int(state[0])) if not found else int(state[0])

    def last_points(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        """The last point of each metric of these runs, by run; runs without metrics are left out."""
        runs, metrics = schema.runs.c, schema.metrics.c
        found: dict[str, list[Metric]] = {}
        with self._database.read() as transaction:
            rows = fetch_in(
                transaction,
                self._database,
                "last points",
                lambda: select(runs.run_id, metrics.key, metrics.value, metrics.timestamp, metrics.step).join(
                    schema.metrics, metrics.run == runs.no
                ),
                runs.run_id,
                dict.fromkeys(map(storable, run_ids)),
            )
        for run_id, key, value, timestamp, step in rows:
            found.setdefault(run_id, []).append(Metric(key, nan if value is None else value, timestamp, step))
        return found

    def point_counts(self, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many points each metric of these runs has, by run; runs without metrics are left out."""
        runs, metrics = schema.runs.c, schema.metrics.c
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as transaction:
            rows = fetch_in(
                transaction,
                self._database,
                "point counts",
                lambda: select(runs.run_id, metrics.key, metrics.count).join(
                    schema.metrics, metrics.run == runs.no
                ),
                runs.run_id,
                dict.fromkeys(map(storable, run_ids)),
            )
        for run_id, key, count in rows:
            found.setdefault(run_id, {})[key] = count
        return found

    def data_of(self, run_ids: Sequence[str]) -> dict[str, list[DataRef]]:
        """What these runs read and wrote, by run; runs without data are left out."""
        runs = schema.runs.c
        with self._database.read() as transaction:
            numbers = dict(
                fetch_in(
                    transaction,
                    self._database,
                    "runs that touched data",
                    lambda: select(runs.no, runs.run_id).where(
                        runs.logged > 0, exists().where(schema.data.c.run == runs.no)
                    ),
                    runs.run_id,
                    dict.fromkeys(map(storable, run_ids)),
                )
            )
            return {run_id: fetch_data(self._database, transaction, no) for no, run_id in numbers.items()}

    def _get_run(self, transaction: Transaction, run_id: str) -> Run:
        statement = self._database.statement(
            "run", lambda: _reading().where(schema.runs.c.run_id == bindparam("run_id"))
        )
        rows = transaction.all(statement, storable(run_id))
        if not rows:
            raise _unknown(run_id)
        return decode_runs(rows)[0]

    def _number(self, transaction: Transaction, run_id: str) -> int:
        runs = schema.runs.c
        statement = self._database.statement(
            "number", lambda: select(runs.no).where(runs.run_id == bindparam("run_id"))
        )
        row = transaction.first(statement, storable(run_id))
        if row is None:
            raise _unknown(run_id)
        return int(row[0])


def _reading() -> Select[Any]:
    """Runs as `decode_runs` reads them."""
    runs, experiments = schema.runs, schema.experiments
    return select(*(runs.c[name] for name in RUN_COLUMNS), experiments.c.name.label("experiment")).join(
        experiments, experiments.c.experiment_id == runs.c.experiment_id
    )


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"Run {run_id[:60]!a} does not exist.", hint="List runs with: mlops-nb runs")


def _check_position(position: Any) -> tuple[int, tuple[Any, ...] | None]:
    """The part and the keys that a page token holds; tokens come from outside."""
    if position is None:
        return 0, None
    if isinstance(position, list) and len(position) == 2 and position[0] in (0, 1) and isinstance(position[1], list):
        part, after = position
        if all(value is None or isinstance(value, (str, int, float)) for value in after):
            return int(part), tuple(after)
    raise InvalidInput("The page token is damaged.", hint="Begin again without a page token.")
