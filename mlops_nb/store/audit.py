"""The audit of the registry, and the store's settings: written in the transaction of the change that they tell of."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, select

from mlops_nb.entities import ModelChange, Signed, check_name, now_ms
from mlops_nb.errors import NotFound
from mlops_nb.store import registry_schema as tables
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.experiments import bump_change
from mlops_nb.store.registry import NOBODY
from mlops_nb.store.rows import encode_json, storable
from mlops_nb.store.statements import delete_rows, insert_rows, upsert_rows


class Audit:
    """The audit of a store, and its settings.

    Parameters
    ----------
    database : Database
        Prepared by `migrations`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def model_changes(self, name: str, *, version: int | None = None, limit: int | None = None) -> list[ModelChange]:
        """The audit of a model, oldest first, also of a deleted one; `limit` keeps the newest. Else empty."""
        changes = tables.changes.c
        mine = self._database.statement(
            "model changes",
            lambda: (
                select(tables.changes)
                .where(changes.model_id == bindparam("model_id"))
                .order_by(changes.seq.desc())
                .limit(bindparam("most"))
            ),
        )
        with self._database.read() as transaction:
            model_id = self._identity(transaction, storable(name))
            rows = [] if model_id is None else transaction.all(mine, model_id=model_id, most=limit or 1_000_000_000)
        found = [_decode(row) for row in reversed(rows)]
        return found if version is None else [change for change in found if change.version == version]

    def note_change(
        self, name: str, action: str, *, version: int | None = None, subject: str = "", old: str = "", new: str = "",
        by: Signed = NOBODY,
    ) -> ModelChange:  # fmt: skip
        """Add an entry to the audit that changes nothing else: an approval, a refusal."""
        with self._database.write() as transaction:
            model_id = self._identity(transaction, storable(name))
            if model_id is None:
                raise unknown_model(name)
            return self._note(transaction, (model_id, name), action, version, (subject, old, new), by)

    def get_setting(self, key: str) -> Any:
        """A setting of the store as plain JSON, or None."""
        settings = tables.settings.c
        statement = self._database.statement(
            "setting", lambda: select(settings.value).where(settings.key == bindparam("key"))
        )
        with self._database.read() as transaction:
            row = transaction.first(statement, storable(key))
        return None if row is None else json.loads(row[0])

    def set_setting(self, key: str, value: Any, *, by: Signed = NOBODY) -> None:
        """Keep a setting of the store; None takes it away."""
        check_name("setting", key)
        text = encode_json(value, f"The setting '{key}'")
        with self._database.write() as transaction:
            if value is None:
                transaction.run(delete_rows(self._database, tables.settings, "key"), key)
            else:
                transaction.run(upsert_rows(self._database, tables.settings), key, text)
            self._note(transaction, ("", ""), "set", None, (key, "", text), by)

    def _identity(self, transaction: Transaction, name: str) -> str | None:
        """The id of the model of this name, else of the last one that had it."""
        models, changes = tables.models.c, tables.changes.c
        current = self._database.statement(
            "model id", lambda: select(models.model_id).where(models.name == bindparam("name"))
        )
        former = self._database.statement(
            "former model id",
            lambda: (
                select(changes.model_id).where(changes.name == bindparam("name")).order_by(changes.seq.desc()).limit(1)
            ),
        )
        row = transaction.first(current, name) or transaction.first(former, name=name)
        return None if row is None else str(row[0])

    def _note(
        self,
        transaction: Transaction,
        model: tuple[str, str],
        action: str,
        version: int | None,
        moved: tuple[str, str, str],
        by: Signed,
    ) -> ModelChange:
        """Add an entry; `moved` is (subject, old, new). Returns it as it stands there."""
        seq = bump_change(self._database, transaction)
        time = by.time or now_ms()
        subject, old, new = map(storable, moved)
        row = (
            seq, *model, action, version, subject, old, new, storable(by.user), time, storable(by.why), by.run_id,
            int(by.forced), encode_json(by.detail, "The detail of a change"),
        )  # fmt: skip
        transaction.run(insert_rows(self._database, tables.changes), *row)
        return _decode(row)


def _decode(row: tuple[Any, ...]) -> ModelChange:
    seq, _, name, action, version, subject, old, new, user, time, why, run_id, forced, detail = row
    signed = Signed(user, why, run_id, bool(forced), json.loads(detail), time)
    return ModelChange(seq, name, action, version, subject, old, new, signed)


def unknown_model(name: str) -> NotFound:
    """The error for a registered model that is not there.

    Examples
    --------
    >>> str(unknown_model("churn"))
    "There is no registered model 'churn'. List them with: mlops-nb models"
    """
    return NotFound(f"There is no registered model {str(name)[:80]!r}.", hint="List them with: mlops-nb models")
