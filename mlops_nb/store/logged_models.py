"""MLflow's logged models in SQL. They are few: filters and order are worked out in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from sqlalchemy import bindparam, func, select

from mlops_nb.entities import Artifact, Page, check_name, check_tag, now_ms
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import logged_schema as tables
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.logged import LoggedOrder
from mlops_nb.store.pages import check_limit, open_token, seal_token
from mlops_nb.store.rows import encode_json, storable
from mlops_nb.store.search import parse_filter
from mlops_nb.store.sieve import holds
from mlops_nb.store.statements import delete_rows, fetch_in, insert_rows, upsert_rows
from mlops_nb.store.terms import LOGGED_WORDS
from mlops_nb.wire.logged import LoggedModel, LoggedPoint


class LoggedModels:
    """The logged models of a store.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_logged_model(self, model: LoggedModel) -> LoggedModel:
        """Make a logged model; raise `AlreadyExists` if there is one with this id."""
        check_name("model", model.model_id)
        check_name("model", model.name)
        _check(model.params, model.tags)
        with self._database.write() as transaction:
            if self._fetch_logged(transaction, [model.model_id]):
                raise AlreadyExists(f"Logged model '{model.model_id}' exists already.")
            self._put_logged(transaction, model)
        if model.points:
            self.log_model_points({model.model_id: model.points})
        return model

    def get_logged_model(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """The logged model with this id, or `NotFound`; with `deleted`, a deleted one, too."""
        with self._database.read() as transaction:
            return self._add_points(transaction, [self._get_logged(transaction, model_id, deleted=deleted)])[0]

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter: str = "",
        *,
        datasets: Sequence[tuple[str, str]] = (),
        order_by: Sequence[LoggedOrder] = (),
        limit: int = 100,
        page_token: str | None = None,
    ) -> Page:
        """A page of logged models; `datasets` (name, digest or empty) narrows the metrics that the filter means."""
        check_limit(limit, "active")
        node = parse_filter(storable(filter), LOGGED_WORDS)
        keys = [_sort_key(order) for order in order_by]
        ids = sorted(set(experiment_ids))
        asked = [[list(each) for each in datasets], [list(astuple(each)) for each in order_by]]
        question = ["logged models", ids, filter, *asked]
        last = open_token(page_token, question)
        table = tables.logged_models
        with self._database.read() as transaction:
            rows = fetch_in(
                transaction, self._database, "logged by experiment", table.select, table.c.experiment_id,
                map(storable, ids),
            )  # fmt: skip
            found = [model for model in map(_decode, rows) if model.lifecycle_stage == "active"]
            found = self._add_points(transaction, found)
        found = [model for model in found if _fits(node, model, datasets)]
        found.sort(key=lambda model: (-model.creation_time, model.model_id))
        for key, order in reversed(list(zip(keys, order_by, strict=True))):
            found.sort(key=key, reverse=not order.ascending)
        listed = [model.model_id for model in found]
        if last is not None and last not in listed:
            raise InvalidInput("The page token's model is gone.", hint="Begin again without a page token.")
        start = 0 if last is None else listed.index(last) + 1
        items: list[Any] = found[start : start + limit]
        more = len(found) > start + limit
        return Page(items, seal_token(question, items[-1].model_id) if more else None)

    def update_logged_model(
        self,
        model_id: str,
        *,
        status: str | None = None,
        lifecycle_stage: str | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> LoggedModel:
        """Finish, delete, add params, tag (a tag of None is taken away)."""
        _check(params or {}, tags or {})
        with self._database.write() as transaction:
            former = self._get_logged(transaction, model_id, deleted=lifecycle_stage is not None)
            kept = {**former.tags, **(tags or {})}
            changed = replace(
                former,
                status=status or former.status,
                lifecycle_stage=lifecycle_stage or former.lifecycle_stage,
                params={**former.params, **(params or {})},
                tags={key: value for key, value in kept.items() if value is not None},
                last_update_time=max(now_ms(), former.last_update_time + 1),
            )
            self._put_logged(transaction, changed)
            return self._add_points(transaction, [changed])[0]

    def log_model_points(self, points: Mapping[str, Sequence[LoggedPoint]]) -> None:
        """Add points of metrics, by model id."""
        table = tables.logged_points
        with self._database.write() as transaction:
            for model_id, given in points.items():
                former = self._get_logged(transaction, model_id, deleted=True)
                known = {_text_of(point) for point in self._add_points(transaction, [former])[0].points}
                texts = [text for text in dict.fromkeys(map(_text_of, given)) if text not in known]
                highest = self._database.statement(
                    "last logged point",
                    lambda: select(func.max(table.c.seq)).where(table.c.model_id == bindparam("model_id")),
                )
                row = transaction.first(highest, model_id)
                begin = ((row[0] if row else None) or 0) + 1
                rows = [(model_id, begin + place, text) for place, text in enumerate(texts)]
                transaction.many(insert_rows(self._database, table), rows)

    def logged_model_files(self, model_id: str) -> list[Artifact]:
        """The files of a logged model, by path."""
        table = tables.logged_files.c
        statement = self._database.statement(
            "logged files",
            lambda: (
                select(table.path, table.digest, table.size)
                .where(table.model_id == bindparam("model_id"))
                .order_by(table.path)
            ),
        )
        with self._database.read() as transaction:
            self._get_logged(transaction, model_id, deleted=True)
            return [Artifact(*row) for row in transaction.all(statement, storable(model_id))]

    def keep_logged_files(self, model_id: str, files: Sequence[Artifact]) -> None:
        """Add files; one without a digest takes its path out of the tree."""
        latest = {each.path: each for each in files}
        for path in latest:
            check_name("artifact", path)
        with self._database.write() as transaction:
            self._get_logged(transaction, model_id, deleted=True)
            kept = [(model_id, each.path, each.digest, each.size) for each in latest.values() if each.digest]
            gone = [(model_id, each.path) for each in latest.values() if not each.digest]
            transaction.many(upsert_rows(self._database, tables.logged_files), kept)
            transaction.many(delete_rows(self._database, tables.logged_files, "model_id", "path"), gone)

    def _get_logged(self, transaction: Transaction, model_id: str, *, deleted: bool) -> LoggedModel:
        found = self._fetch_logged(transaction, [model_id])
        if not found or (found[0].lifecycle_stage == "deleted" and not deleted):
            raise NotFound(f"Logged model with ID '{model_id[:80]}' not found.")
        return found[0]

    def _fetch_logged(self, transaction: Transaction, ids: Sequence[str]) -> list[LoggedModel]:
        table = tables.logged_models
        rows = fetch_in(
            transaction, self._database, "logged models", table.select, table.c.model_id, map(storable, ids)
        )
        return [_decode(row) for row in rows]

    def _put_logged(self, transaction: Transaction, model: LoggedModel) -> None:
        row = (
            *(getattr(model, key) for key in (
                "model_id", "experiment_id", "name", "model_type", "source_run_id", "status", "lifecycle_stage",
                "creation_time", "last_update_time",
            )),
            encode_json(model.params),
            encode_json(model.tags),
        )  # fmt: skip
        transaction.many(upsert_rows(self._database, tables.logged_models), [row])

    def _add_points(self, transaction: Transaction, models: Sequence[LoggedModel]) -> list[LoggedModel]:
        table = tables.logged_points
        rows = fetch_in(
            transaction, self._database, "logged points", table.select, table.c.model_id,
            [model.model_id for model in models],
        )  # fmt: skip
        points: dict[str, list[LoggedPoint]] = {}
        for model_id, _, text in sorted(set(rows)):
            points.setdefault(model_id, []).append(LoggedPoint(*json.loads(text)))
        return [replace(model, points=tuple(points.get(model.model_id, ()))) for model in models]


def _check(params: Mapping[str, str], tags: Mapping[str, str | None]) -> None:
    for key in params:
        check_name("param", key)
    for key, value in tags.items():
        check_tag(key, value)


def _decode(row: tuple[Any, ...]) -> LoggedModel:
    values: dict[str, Any] = dict(zip(tables.logged_models.columns.keys(), row, strict=True))
    values["params"], values["tags"] = json.loads(values["params"]), json.loads(values["tags"])
    return LoggedModel(**values)


def _text_of(point: LoggedPoint) -> str:
    return encode_json(list(astuple(point)))


def _fits(node: Any, model: LoggedModel, datasets: Sequence[tuple[str, str]]) -> bool:
    if not datasets:
        return node is None or holds(node, model)
    points = tuple(
        point
        for point in model.points
        if any(point.dataset_name == name and digest in ("", point.dataset_digest) for name, digest in datasets)
    )
    return bool(points) and (node is None or holds(node, replace(model, points=points)))


def _sort_key(order: LoggedOrder) -> Callable[[LoggedModel], tuple[bool, Any]]:
    """What has no value is last either way."""
    kind, _, name = order.field.partition(".")
    attributes = LOGGED_WORDS.attributes
    if name and kind == "metrics":
        return lambda model: _rank(_last_value(model, name, order), order)
    if name or kind not in attributes:
        problem = "Only metrics are supported." if name else f"There are: {', '.join(attributes)}."
        raise InvalidInput(f"Invalid order by field name: {order.field[:100]}.", hint=problem)
    return lambda model: _rank(getattr(model, attributes[kind][0]) or None, order)


def _rank(value: Any, order: LoggedOrder) -> tuple[bool, Any]:
    return (order.ascending, 0) if value is None else (not order.ascending, value)


def _last_value(model: LoggedModel, name: str, order: LoggedOrder) -> float | None:
    fitting = [
        point
        for point in model.points
        if point.key == name
        and order.dataset_name in ("", point.dataset_name)
        and order.dataset_digest in ("", point.dataset_digest)
    ]
    return max(fitting, key=lambda point: (point.timestamp, point.step)).value if fitting else None
