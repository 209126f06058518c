"""What is known of one run beside its row: curves, captured facts, files, data, live output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam, literal_column, select, union

from mlops_nb.entities import Artifact, DataRef, LogLine, ParamValue, Points
from mlops_nb.store import logged_schema, registry_schema, schema
from mlops_nb.store.curves import fetch_curve, fetch_outline
from mlops_nb.store.documents import fetch_data, fetch_facts
from mlops_nb.store.lookup import Lookup
from mlops_nb.store.outlines import Outline, make_view
from mlops_nb.store.rows import storable


class Contents(Lookup):
    """The contents of runs, read."""

    def history(self, run_id: str, key: str) -> Points:
        """All points of a metric in the order in which they were logged; empty if there are none."""
        return fetch_curve(self._database, storable(run_id), storable(key))

    def outline(
        self,
        run_id: str,
        key: str,
        *,
        points: int = 800,
        by: str = "step",
        low: float | None = None,
        high: float | None = None,
    ) -> Outline:
        """A metric's curve as it is drawn."""
        view = make_view(points, by, low, high)
        return fetch_outline(self._database, storable(run_id), storable(key), view)

    def param_history(self, run_id: str, key: str) -> list[tuple[ParamValue, int]]:
        """Every value that a param had, with the time in milliseconds, oldest first."""
        params, changes = schema.params, schema.param_changes
        former = self._database.statement(
            "param history",
            lambda: (
                select(changes.c.value, changes.c.timestamp)
                .where(changes.c.run == bindparam("run"), changes.c.key == bindparam("key"))
                .order_by(changes.c.seq)
            ),
        )
        current = self._database.statement(
            "param time",
            lambda: select(params.c.timestamp).where(
                params.c.run == bindparam("run"), params.c.key == bindparam("key")
            ),
        )
        with self._database.read() as transaction:
            run = self._get_run(transaction, run_id)
            no = self._number(transaction, run_id)
            if key not in run.params:
                return []
            values = [(json.loads(value), when) for value, when in transaction.all(former, no, key)]
            since = transaction.first(current, no, key)
        assert since is not None
        return [*values, (run.params[key], since[0])]

    def facts(self, run_id: str, kinds: Sequence[str] | None = None) -> dict[str, Any]:
        """What was captured, by kind (``code``, ``environment``, ``git``, ``outputs`` ...), as plain JSON values."""
        with self._database.read() as transaction:
            return fetch_facts(self._database, transaction, self._number(transaction, run_id), kinds)

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The run's files, by path; a path logged twice has its last digest."""
        table = schema.artifacts.c
        statement = self._database.statement(
            "artifacts",
            lambda: (
                select(table.path, table.digest, table.size).where(table.run == bindparam("run")).order_by(table.path)
            ),
        )
        with self._database.read() as transaction:
            return [Artifact(*row) for row in transaction.all(statement, self._number(transaction, run_id))]

    def data(self, run_id: str) -> list[DataRef]:
        """What the run read and wrote."""
        with self._database.read() as transaction:
            return fetch_data(self._database, transaction, self._number(transaction, run_id))

    def runs_with_data(self, digest: str) -> list[tuple[str, str]]:
        """(run id, mode) of each run that read, wrote or kept bytes of this digest: the edges of lineage."""
        runs, data, artifacts = schema.runs.c, schema.data.c, schema.artifacts.c
        wanted: BindParameter[str] = bindparam("digest")
        statement = self._database.statement(
            "runs with data",
            lambda: union(
                select(runs.run_id, data.mode).join(schema.data, data.run == runs.no).where(data.digest == wanted),
                select(runs.run_id, literal_column("'artifact'").label("mode"))
                .join(schema.artifacts, artifacts.run == runs.no)
                .where(artifacts.digest == wanted),
            ).order_by("run_id", "mode"),
        )
        with self._database.read() as transaction:
            return [(run_id, mode) for run_id, mode in transaction.all(statement, digest=storable(digest))]

    def logs(self, run_id: str, *, after: int = 0, limit: int = 1000) -> list[tuple[int, LogLine]]:
        """Live output after sequence number `after`, each with its own number."""
        table = schema.logs.c
        statement = self._database.statement(
            "logs",
            lambda: (
                select(table.seq, table.timestamp, table.stream, table.text)
                .where(table.run == bindparam("run"), table.seq > bindparam("after"))
                .order_by(table.seq)
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            rows = transaction.all(statement, run=self._number(transaction, run_id), after=after, most=max(limit, 1))
        return [
            (seq, LogLine(timestamp, stream, bytes(text).decode("utf-8", "surrogatepass")))
            for seq, timestamp, stream, text in rows
        ]

    def digests(self) -> set[str]:
        """Every artifact and data digest that a row points at: what garbage collection must keep."""
        statement = self._database.statement(
            "digests",
            lambda: union(
                select(schema.artifacts.c.digest),
                select(schema.data.c.digest),
                select(registry_schema.version_files.c.digest),
                select(logged_schema.logged_files.c.digest),
            ),
        )
        with self._database.read() as transaction:
            return {row[0] for row in transaction.all(statement)}
