"""Versions of registered models: registered under a number of their own, found, described, moved, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, exists, not_, select, update

from mlops_nb.entities import Artifact, ModelVersion, Page, Signed, check_name, now_ms
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import registry_schema as tables
from mlops_nb.store.engine import Transaction
from mlops_nb.store.registered import Registered, check_tags
from mlops_nb.store.registry import NOBODY
from mlops_nb.store.registry_search import VERSION_WORDS, Listing, select_versions
from mlops_nb.store.rows import encode_json, parse_column, storable
from mlops_nb.store.statements import delete_rows, fetch_in, insert_rows, upsert_rows

_COLUMNS = ("name", "aliases", *tables.versions.c.keys())
_TAGS = _COLUMNS.index("tags")
_NEWEST = (("last_update_time", True), ("name", False), ("version", True))
_LISTING = Listing("model versions", VERSION_WORDS, select_versions, _NEWEST, tables.versions.c.version)
_CHANGED = ("description", "tags", "stage", "status", "last_update_time")
_STATUSES = ("READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION")


class Versions(Registered):
    """The versions of registered models."""

    def create_version(
        self,
        name: str,
        *,
        source: str,
        run_id: str | None = None,
        path: str = "",
        digest: str = "",
        files: Sequence[Artifact] = (),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        status: str = "READY",
        run_link: str = "",
        logged_model: str = "",
        make_model: bool = False,
        version: int | None = None,
        by: Signed = NOBODY,
    ) -> ModelVersion:
        """Register a version; `make_model` makes the model if there is none, `version` is for imports."""
        check_name("registered model", name)
        check_tags(tags)
        _check_status(status)
        given = (
            run_id, *map(storable, (source, path, digest)), sum(file.size for file in files), storable(description),
            encode_json(dict(tags or {})), "None", status, storable(by.user),
        )  # fmt: skip
        with self._database.write() as transaction:
            if make_model:
                self._make_model(transaction, name, "", {}, by)
            row = self._lock_model(transaction, name)
            number = self._take_number(transaction, row, version)
            now = by.time or max(now_ms(), row["last_update_time"])
            model_id = row["model_id"]
            stored = (model_id, number, *given, now, now, storable(run_link), storable(logged_model))
            transaction.run(insert_rows(self._database, tables.versions), *stored)
            self._write_files(transaction, (model_id, number, "model"), files)
            self._write_tags(transaction, model_id, number, tags or {})
            self._write_model(transaction, row, by)
            moved = ("", "", digest)
            self._note(transaction, (model_id, name), "register", number, moved, _of_run(by, run_id))
            return self._read_version(transaction, name, number)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """The version, or `NotFound`."""
        with self._database.read() as transaction:
            return self._read_version(transaction, name, version)

    def search_versions(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 1000, page_token: str | None = None
    ) -> Page:
        """A page of versions of all models, those changed last first, as MLflow does."""
        with self._database.read() as transaction:
            rows, token = _LISTING.fetch(self._database, transaction, filter, order_by, limit, page_token)
        found: list[Any] = _decode(rows)
        return Page(found, token)

    def model_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """All versions of some models, newest first; a name without a model is left out."""
        return self._versions_of(names, "versions by model", select_versions)

    def latest_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """The newest version of each stage of some models, newest first; a name without a model is left out."""
        return self._versions_of(names, "latest versions by model", _select_latest)

    def _versions_of(
        self, names: Sequence[str], what: str, query: Callable[[], Select[Any]]
    ) -> dict[str, list[ModelVersion]]:
        wanted = [storable(name) for name in names]
        with self._database.read() as transaction:
            models = fetch_in(
                transaction, self._database, "models by name", _select_names, tables.models.c.name, wanted
            )
            ids = [model_id for _, model_id in models]
            rows = fetch_in(transaction, self._database, what, query, tables.versions.c.model_id, ids)
        found: dict[str, list[ModelVersion]] = {name: [] for name, _ in models}
        for version in _decode(rows):
            found[version.name].append(version)
        for several in found.values():
            several.sort(key=lambda each: -each.version)
        return found

    def update_version(
        self,
        name: str,
        version: int,
        *,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        status: str | None = None,
        by: Signed = NOBODY,
    ) -> ModelVersion:
        """Describe, tag, set the status."""
        check_tags(tags)
        if status is not None:
            _check_status(status)
        with self._database.write() as transaction:
            model = self._lock_model(transaction, name)
            row = self._version_row(transaction, name, version)
            for action, column, value in (("describe", "description", description), ("status", "status", status)):
                if value is not None and value != row[column]:
                    moved = ("", row[column], value)
                    row[column] = storable(value)
                    self._note(transaction, (row["model_id"], name), action, version, moved, by)
            self._retag(transaction, row, version, tags or {}, by)
            self._write_version(transaction, row, by)
            self._write_model(transaction, model, by)
            return self._read_version(transaction, name, version)

    def delete_version(self, name: str, version: int, *, by: Signed = NOBODY) -> None:
        """Take a version away, with the aliases that name it."""
        with self._database.write() as transaction:
            model = self._lock_model(transaction, name)
            row = self._version_row(transaction, name, version)
            aliases: dict[str, int] = json.loads(model["aliases"])
            for alias in [alias for alias, number in aliases.items() if number == version]:
                del aliases[alias]
                moved = (alias, str(version), "")
                self._note(transaction, (row["model_id"], name), "set_alias", version, moved, by)
            model["aliases"] = encode_json(aliases)
            for table in (tables.version_files, tables.tags, tables.versions):
                which = delete_rows(self._database, table, "model_id", "version")
                transaction.run(which, row["model_id"], version)
            moved = ("", row["stage"], row["digest"])
            self._note(transaction, (row["model_id"], name), "delete_version", version, moved, by)
            self._write_model(transaction, model, by)

    def version_files(self, name: str, version: int, part: str = "model") -> list[Artifact]:
        """The files of a version by path: its ``model``, or the ``notes`` that were written about it later."""
        files = tables.version_files.c
        statement = self._database.statement(
            "version files",
            lambda: (
                select(files.path, files.digest, files.size)
                .where(
                    files.model_id == bindparam("model_id"),
                    files.version == bindparam("version"),
                    files.part == bindparam("part"),
                )
                .order_by(files.path)
            ),
        )
        with self._database.read() as transaction:
            row = self._version_row(transaction, name, version)
            return [Artifact(*each) for each in transaction.all(statement, row["model_id"], version, part)]

    def keep_notes(self, name: str, version: int, files: Sequence[Artifact]) -> None:
        """Keep files about a version beside it (its card); one of the same path is replaced. Not in the audit."""
        with self._database.write() as transaction:
            row = self._version_row(transaction, name, version)
            self._write_files(transaction, (row["model_id"], version, "notes"), files)

    def _take_number(self, transaction: Transaction, row: dict[str, Any], wanted: int | None) -> int:
        """The number of a new version; `row` is locked, so nobody else takes the same."""
        if wanted is None:
            row["last_version"] += 1
            return int(row["last_version"])
        check_version(wanted)
        if self._find_version(transaction, row["name"], wanted) is not None:
            raise AlreadyExists(f"{row['name']!r} has a version {wanted} already.", hint="Leave the number out.")
        row["last_version"] = max(row["last_version"], wanted)
        return wanted

    def _write_files(self, transaction: Transaction, place: tuple[str, int, str], files: Iterable[Artifact]) -> None:
        rows = [(*place, storable(file.path), file.digest, file.size) for file in files]
        transaction.many(upsert_rows(self._database, tables.version_files), rows)

    def _find_version(self, transaction: Transaction, name: str, version: int) -> tuple[Any, ...] | None:
        statement = self._database.statement(
            "version",
            lambda: select_versions().where(
                tables.models.c.name == bindparam("name"), tables.versions.c.version == bindparam("version")
            ),
        )
        return transaction.first(statement, storable(name), check_version(version))

    def _version_row(self, transaction: Transaction, name: str, version: int) -> dict[str, Any]:
        row = self._find_version(transaction, name, version)
        if row is None:
            self._find_model(transaction, name)
            hint = f"See its versions with: mlops-nb history {name}"
            raise NotFound(f"The registered model {name!r} has no version {version}.", hint=hint)
        return dict(zip(_COLUMNS, row, strict=True))

    def _read_version(self, transaction: Transaction, name: str, version: int) -> ModelVersion:
        row = self._version_row(transaction, name, version)
        return _decode([tuple(row.values())])[0]

    def _write_version(self, transaction: Transaction, row: dict[str, Any], by: Signed) -> None:
        row["last_update_time"] = max(by.time or now_ms(), row["last_update_time"])
        versions = tables.versions
        statement = self._database.statement(
            "update version",
            lambda: (
                update(versions)
                .where(versions.c.model_id == bindparam("which"), versions.c.version == bindparam("number"))
                .values({key: bindparam(key) for key in _CHANGED})
            ),
        )
        given = {key: row[key] for key in _CHANGED}
        transaction.run(statement, which=row["model_id"], number=row["version"], **given)


def _of_run(by: Signed, run_id: str | None) -> Signed:
    return by if by.run_id or not run_id else Signed(by.user, by.why, run_id, by.forced, by.detail, by.time)


def _select_names() -> Select[Any]:
    return select(tables.models.c.name, tables.models.c.model_id)


def _select_latest() -> Select[Any]:
    """Versions that have no newer one in their stage."""
    mine, newer = tables.versions.c, tables.versions.alias().c
    same = (newer.model_id == mine.model_id, newer.stage == mine.stage, newer.version > mine.version)
    return select_versions().where(not_(exists().where(*same)))


def _decode(rows: Sequence[tuple[Any, ...]]) -> list[ModelVersion]:
    tags = parse_column([row[_TAGS] for row in rows])
    named: dict[str, dict[int, tuple[str, ...]]] = {}
    found = []
    for row, its_tags in zip(rows, tags, strict=True):
        name, text, _, version, run_id, source, path, digest, size, description, _, stage, status, *rest = row
        aliases = named.get(text)
        if aliases is None:
            aliases = named[text] = _by_version(json.loads(text))
        user, created, updated, run_link, logged_model = rest
        found.append(
            ModelVersion(
                name, version, run_id, source, path, digest, size, description, its_tags, aliases.get(version, ()),
                stage, status, user, created, updated, run_link, logged_model,
            )
        )  # fmt: skip
    return found


def _by_version(aliases: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for alias in sorted(aliases):
        found[aliases[alias]] = (*found.get(aliases[alias], ()), alias)
    return found


def _check_status(status: str) -> None:
    if status not in _STATUSES:
        raise InvalidInput(f"There is no status {status!r} of a version.", hint=f"Use one of: {', '.join(_STATUSES)}.")


def check_version(version: object) -> int:
    """A version's number, from 1 to what a database's integer holds.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> check_version(3)
    3
    """
    if type(version) is int and 1 <= version < 2**63:
        return version
    raise InvalidInput(f"{str(version)[:40]!r} is no version of a model.", hint="Versions are numbered from 1.")
