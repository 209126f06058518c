"""Registered models: made, found, described, renamed, deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update

from mlops_nb.entities import Page, RegisteredModel, Signed, check_name, check_tag, new_id, now_ms
from mlops_nb.errors import AlreadyExists
from mlops_nb.store import registry_schema as tables
from mlops_nb.store.audit import Audit, unknown_model
from mlops_nb.store.engine import Transaction
from mlops_nb.store.registry import NOBODY
from mlops_nb.store.registry_search import MODEL_WORDS, Listing, select_models
from mlops_nb.store.rows import encode_json, parse_column, split_head, storable
from mlops_nb.store.statements import delete_rows, fetch_in, insert_into, upsert_rows

_COLUMNS = tuple(tables.models.c.keys())
_LISTING = Listing("registered models", MODEL_WORDS, select_models, (("name", False),), None)
_CHANGED = ("name", "description", "tags", "aliases", "rules", "last_version", "last_update_time")


class Registered(Audit):
    """The registered models of a store."""

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None, by: Signed = NOBODY
    ) -> RegisteredModel:
        """Make a registered model; raise `AlreadyExists` if the name is taken."""
        check_name("registered model", name)
        check_tags(tags)
        with self._database.write() as transaction:
            if not self._make_model(transaction, name, description, tags or {}, by):
                raise _taken(name)
            return self._read_models(transaction, [self._lock_model(transaction, name)])[0]

    def get_model(self, name: str) -> RegisteredModel:
        """The registered model of this name, or `NotFound`."""
        with self._database.read() as transaction:
            return self._read_models(transaction, [self._find_model(transaction, name)])[0]

    def search_models(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 100, page_token: str | None = None
    ) -> Page:
        """A page of registered models, by name."""
        with self._database.read() as transaction:
            rows, token = _LISTING.fetch(self._database, transaction, filter, order_by, limit, page_token)
            found: list[Any] = self._read_models(transaction, [_as_dict(row) for row in rows])
        return Page(found, token)

    def update_model(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        rules: Mapping[str, Any] | None = None,
        by: Signed = NOBODY,
    ) -> RegisteredModel:
        """Rename, describe, tag (a tag of None is taken away), set the rules of promotion."""
        if new_name is not None:
            check_name("registered model", new_name)
        check_tags(tags)
        with self._database.write() as transaction:
            row = self._lock_model(transaction, name)
            if new_name is not None and new_name != name:
                if self._row_of(transaction, new_name) is not None:
                    raise _taken(new_name)
                row["name"] = new_name
                self._note(transaction, (row["model_id"], new_name), "rename", None, ("", name, new_name), by)
            if description is not None and description != row["description"]:
                moved = ("", row["description"], description)
                row["description"] = storable(description)
                self._note(transaction, (row["model_id"], row["name"]), "describe", None, moved, by)
            self._retag(transaction, row, 0, tags or {}, by)
            text = row["rules"] if rules is None else encode_json(dict(rules), "The rules")
            if text != row["rules"]:
                self._note(transaction, (row["model_id"], row["name"]), "rules", None, ("", row["rules"], text), by)
                row["rules"] = text
            self._write_model(transaction, row, by)
            return self._read_models(transaction, [row])[0]

    def delete_model(self, name: str, *, by: Signed = NOBODY) -> None:
        """Take a registered model away with all versions."""
        with self._database.write() as transaction:
            row = self._lock_model(transaction, name)
            for table in (tables.version_files, tables.tags, tables.versions, tables.models):
                transaction.run(delete_rows(self._database, table, "model_id"), row["model_id"])
            self._note(transaction, (row["model_id"], name), "delete_model", None, ("", "", ""), by)

    def _make_model(
        self, transaction: Transaction, name: str, description: str, tags: Mapping[str, str], by: Signed
    ) -> bool:
        """Make the row of a model; False if there is one of this name already."""
        if self._row_of(transaction, name) is not None:
            return False
        model_id, now = new_id(), by.time or now_ms()
        row = (
            model_id, name, storable(description), encode_json(dict(tags)), "{}", "{}", 0, storable(by.user), now, now
        )  # fmt: skip
        statement = self._database.statement(
            "make model", lambda: _insert_unless_taken(self._database.is_sqlite), tables.models.c.keys()
        )
        if transaction.run(statement, *row) != 1:
            return False  # another process was quicker
        self._write_tags(transaction, model_id, 0, tags)
        self._note(transaction, (model_id, name), "create_model", None, ("", "", name), by)
        return True

    def _row_of(self, transaction: Transaction, name: str, *, lock: bool = False) -> dict[str, Any] | None:
        statement = self._database.statement(("model", lock), lambda: _select_by_name(lock))
        row = transaction.first(statement, storable(name))
        return None if row is None else _as_dict(row)

    def _find_model(self, transaction: Transaction, name: str) -> dict[str, Any]:
        row = self._row_of(transaction, name)
        if row is None:
            raise unknown_model(name)
        return row

    def _lock_model(self, transaction: Transaction, name: str) -> dict[str, Any]:
        """The row of a model, which nobody else may change until the transaction ends."""
        row = self._row_of(transaction, name, lock=True)
        if row is None:
            raise unknown_model(name)
        return row

    def _write_model(self, transaction: Transaction, row: dict[str, Any], by: Signed) -> None:
        row["last_update_time"] = max(by.time or now_ms(), row["last_update_time"])
        statement = self._database.statement(
            "update model",
            lambda: (
                update(tables.models)
                .where(tables.models.c.model_id == bindparam("which"))
                .values({key: bindparam(key) for key in _CHANGED})
            ),
        )
        transaction.run(statement, which=row["model_id"], **{key: row[key] for key in _CHANGED})

    def _retag(
        self, transaction: Transaction, row: dict[str, Any], version: int, tags: Mapping[str, str | None], by: Signed
    ) -> None:
        """Change tags of a model's or version's `row`, which the caller writes."""
        before: dict[str, str] = json.loads(row["tags"])
        after = {key: value for key, value in {**before, **tags}.items() if value is not None}
        changed = [key for key in tags if before.get(key) != after.get(key)]
        if not changed:
            return
        row["tags"] = encode_json(after)
        gone = [(row["model_id"], version, key) for key in changed if key not in after]
        transaction.many(delete_rows(self._database, tables.tags, "model_id", "version", "key"), gone)
        self._write_tags(transaction, row["model_id"], version, {key: after[key] for key in changed if key in after})
        for key in changed:
            moved = (key, before.get(key, ""), after.get(key, ""))
            self._note(transaction, (row["model_id"], row["name"]), "tag", version or None, moved, by)

    def _write_tags(self, transaction: Transaction, model_id: str, version: int, tags: Mapping[str, str]) -> None:
        rows = [(model_id, version, key, *split_head(value)) for key, value in tags.items()]
        transaction.many(upsert_rows(self._database, tables.tags), rows)

    def _read_models(self, transaction: Transaction, rows: Sequence[dict[str, Any]]) -> list[RegisteredModel]:
        versions = tables.versions.c
        ids = [row["model_id"] for row in rows]
        counted = fetch_in(transaction, self._database, "count versions", _select_count, versions.model_id, ids)
        stages: dict[str, dict[str, tuple[int, int]]] = {}
        for model_id, stage, count, latest in sorted(counted):
            stages.setdefault(model_id, {})[stage] = (count, latest)
        tags, aliases, rules = (parse_column([row[key] for row in rows]) for key in ("tags", "aliases", "rules"))
        return [
            RegisteredModel(
                row["name"],
                row["description"],
                its_tags,
                its_aliases,
                its_rules,
                sum(count for count, _ in stages.get(row["model_id"], {}).values()),
                max((latest for _, latest in stages.get(row["model_id"], {}).values()), default=0),
                stages.get(row["model_id"], {}),
                user=row["user_id"],
                creation_time=row["creation_time"],
                last_update_time=row["last_update_time"],
            )
            for row, its_tags, its_aliases, its_rules in zip(rows, tags, aliases, rules, strict=True)
        ]


def _as_dict(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_COLUMNS, row, strict=True))


def _select_by_name(lock: bool) -> Select[Any]:
    query = select_models().where(tables.models.c.name == bindparam("name"))
    return query.with_for_update() if lock else query


def _select_count() -> Select[Any]:
    versions = tables.versions.c
    counts = (func.count(), func.max(versions.version))
    return select(versions.model_id, versions.stage, *counts).group_by(versions.model_id, versions.stage)


def _insert_unless_taken(is_sqlite: bool) -> Any:
    return insert_into(tables.models, is_sqlite=is_sqlite).on_conflict_do_nothing(index_elements=["name"])


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"The registered model {name!r} exists already.", hint="Choose another name.")


def check_tags(tags: Mapping[str, str | None] | None) -> None:
    """Refuse tags that some store could not hold.

    Raises
    ------
    InvalidInput
        Naming the first one.

    Examples
    --------
    >>> check_tags({"team": "risk"})
    """
    for key, value in (tags or {}).items():
        check_tag(key, value)
