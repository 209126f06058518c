"""Aliases and stages: which version stands where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam

from mlops_nb.entities import ModelVersion, Signed, check_name
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.store import registry_schema as tables
from mlops_nb.store.engine import Transaction
from mlops_nb.store.registry import NOBODY
from mlops_nb.store.registry_search import select_versions
from mlops_nb.store.rows import encode_json
from mlops_nb.store.versions import Versions

ARCHIVED = "Archived"


class Moves(Versions):
    """The registry of a store, with what moves versions."""

    def move_version(
        self,
        name: str,
        version: int | None,
        *,
        alias: str | None = None,
        stage: str | None = None,
        archive: bool = False,
        back: bool = False,
        by: Signed = NOBODY,
    ) -> ModelVersion | None:
        """Set an alias, a stage, or both in one step.

        `version` None takes the alias away. `archive` moves the other versions of the stage to ``Archived``. `back`
        says in the audit that this is a return to an earlier state (``roll_back_alias``, ``roll_back_stage``).
        """
        if version is None and (alias is None or stage is not None):
            raise InvalidInput("A stage is of a version, and none is named.", hint="Name the version.")
        for kind, value in (("alias", alias), ("stage", stage)):
            if value is not None:
                check_name(kind, value)
        with self._database.write() as transaction:
            model = self._lock_model(transaction, name)
            row = None if version is None else self._version_row(transaction, name, version)
            moved = False
            if alias is not None:
                action = "roll_back_alias" if back else "set_alias"
                moved |= self._set_alias(transaction, model, alias, version, action, by)
            if stage is not None and row is not None:
                action = "roll_back_stage" if back else "set_stage"
                moved |= self._set_stage(transaction, row, stage, action, by)
                if archive and stage != ARCHIVED:
                    for other in self._others_in(transaction, row, stage):
                        moved |= self._set_stage(transaction, other, ARCHIVED, "set_stage", by)
            if moved:
                self._write_model(transaction, model, by)
            return None if version is None else self._read_version(transaction, name, version)

    def _set_alias(
        self, transaction: Transaction, model: dict[str, Any], alias: str, version: int | None, action: str, by: Signed
    ) -> bool:
        aliases: dict[str, int] = json.loads(model["aliases"])
        former = aliases.get(alias)
        if former == version:
            if version is None:
                raise NotFound(
                    f"The registered model {model['name']!r} has no alias {alias!r}.",
                    hint=f"See them with: mlops-nb history {model['name']}",
                )
            return False
        if version is None:
            del aliases[alias]
        else:
            aliases[alias] = version
        model["aliases"] = encode_json(aliases)
        moved = (alias, str(former or ""), str(version or ""))
        self._note(transaction, (model["model_id"], model["name"]), action, version or former, moved, by)
        return True

    def _set_stage(self, transaction: Transaction, row: dict[str, Any], stage: str, action: str, by: Signed) -> bool:
        if row["stage"] == stage:
            return False
        moved = ("stage", row["stage"], stage)
        row["stage"] = stage
        self._write_version(transaction, row, by)
        self._note(transaction, (row["model_id"], row["name"]), action, row["version"], moved, by)
        return True

    def _others_in(self, transaction: Transaction, row: dict[str, Any], stage: str) -> Iterator[dict[str, Any]]:
        versions = tables.versions.c
        statement = self._database.statement(
            "versions in stage",
            lambda: (
                select_versions()
                .where(versions.model_id == bindparam("model_id"), versions.stage == bindparam("stage"))
                .order_by(versions.version)
            ),
        )
        for found in transaction.all(statement, row["model_id"], stage):
            other = dict(zip(row, found, strict=True))
            if other["version"] != row["version"]:
                yield other
