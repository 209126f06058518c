"""Copying registered models: numbers, aliases and stages stay; what differs is told, never overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mlops_nb.artifacts import subtree, tree_digest
from mlops_nb.entities import Artifact, ModelVersion, RegisteredModel, Signed
from mlops_nb.errors import MlopsError, NotFound
from mlops_nb.store import Store
from mlops_nb.transfer.parcels import File, Origin

KeepAll = Callable[[Iterator[File], str], list[Artifact]]

_RUN = re.compile(r"runs:/(?P<id>[0-9a-f]{32})/(?P<path>.*)|.*/(?P<id2>[0-9a-f]{32})/artifacts/(?P<path2>.*)")
_LOGGED = re.compile(r"models:/(?P<id>m-[0-9a-f]{32})|.*/models/(?P<id2>m-[0-9a-f]{32})/artifacts(?P<path2>/.*)?")


def copy_models(origin: Origin, store: Store, keep: KeepAll) -> None:
    """Copy every registered model with its versions.

    Parameters
    ----------
    origin : Origin
        Where from.
    store : Store
        Where to; its runs and logged models are there already.
    keep : callable
        Stores files.
    """
    for model in origin.models():
        try:
            _Registering(origin, store, keep, model).copy()
        except MlopsError as error:
            origin.report.lose("registered models", f"The registered model {model.name}: {error}")


class _Registering:
    def __init__(self, origin: Origin, store: Store, keep: KeepAll, model: RegisteredModel) -> None:
        self.origin, self.store, self.keep, self.model = origin, store, keep, model
        self.report = origin.report
        self.matched: set[int] = set()  # versions here that are one of theirs already
        self.why = f"copied from {origin.report.source}"

    def copy(self) -> None:
        """Copy the model."""
        model, store, report = self.model, self.store, self.report
        try:
            there = store.get_model(model.name)
            report.count(report.same, "registered models")
            if missing := {key: value for key, value in model.tags.items() if key not in there.tags}:
                store.update_model(model.name, tags=missing, by=Signed(why=self.why))
        except NotFound:
            there = store.create_model(
                model.name, description=model.description, tags=model.tags, by=self._by(model.user, model.creation_time)
            )
            if model.rules:
                store.update_model(model.name, rules=model.rules, by=Signed(why=self.why))
            report.count(report.new, "registered models")
            self._keep_history()
        known = {each.version: each for each in store.model_versions([model.name]).get(model.name, [])}
        numbers: dict[int, int] = {}
        for version in sorted(self.origin.versions(model), key=lambda each: each.version):
            try:
                numbers[version.version] = self._version(version, known)
            except MlopsError as error:
                report.lose("model versions", f"The version {model.name}/{version.version}: {error}")
        self._aliases(there, numbers)

    def _version(self, version: ModelVersion, known: dict[int, ModelVersion]) -> int:
        """Copy a version; the number that it has here."""
        store, report, name = self.store, self.report, self.model.name
        given = self.origin.version_files(version)
        whose = f"the version {name}/{version.version}"
        files = self._named_files(version) if given is None else self.keep(given, whose)
        digest = tree_digest(files) if files and given is None else version.digest
        for there in known.values():
            if there.version not in self.matched and _is_same(version, digest, there):
                self.matched.add(there.version)
                missing = {key: value for key, value in version.tags.items() if key not in there.tags}
                if missing:
                    store.update_version(name, there.version, tags=missing, by=Signed(why=self.why))
                self._stage(version, there.version, there.stage)
                report.count(report.grown if missing else report.same, "model versions")
                return there.version
        taken = version.version in known
        made = store.create_version(
            name,
            source=version.source,
            run_id=version.run_id,
            path=version.path or self._path_of(version),
            digest=digest,
            files=files,
            description=version.description,
            tags=version.tags,
            status=version.status,
            run_link=version.run_link,
            logged_model=version.logged_model,
            version=None if taken else version.version,
            by=self._by(version.user, version.creation_time),
        )
        if not files:
            report.lose("files of model versions", f"The files of {whose}: they lie at {version.source[:200]!a}.")
        if taken:
            report.lose(
                "numbers of versions", f"{whose.capitalize()} became {name}/{made.version}: its number is taken."
            )
        known[made.version] = made
        self.matched.add(made.version)
        self._stage(version, made.version, made.stage)
        report.count(report.new, "model versions")
        return made.version

    def _stage(self, version: ModelVersion, number: int, stage: str) -> None:
        if stage == "None" and version.stage != "None":
            by = self._by(version.user, version.last_update_time)
            self.store.move_version(self.model.name, number, stage=version.stage, by=by)

    def _aliases(self, there: RegisteredModel, numbers: dict[int, int]) -> None:
        for alias, number in self.model.aliases.items():
            mine, theirs = numbers.get(number), there.aliases.get(alias)
            if mine is None or mine == theirs:
                continue
            if theirs is None:
                by = self._by("", self.model.last_update_time)
                self.store.move_version(self.model.name, mine, alias=alias, by=by)
            else:
                text = f"The alias {self.model.name}@{alias} stays at version {theirs}; there it is at {number}."
                self.report.lose("aliases", text)

    def _keep_history(self) -> None:
        """The audit that the model had is kept as one entry of its new one."""
        changes = [_plain_change(each) for each in self.origin.changes(self.model)]
        if changes:
            by = Signed(why=self.why, detail={"changes": changes})
            self.store.note_change(self.model.name, "copy", by=by)

    def _by(self, user: str, time: int) -> Signed:
        return Signed(user, self.why, time=time)

    def _named_files(self, version: ModelVersion) -> list[Artifact]:
        """The files that the source of a version names, out of what was copied before."""
        try:
            if version.logged_model or version.source.startswith("models:/m-"):
                model_id = version.logged_model or version.source.removeprefix("models:/").partition("/")[0]
                return list(self.store.logged_model_files(model_id))
            if found := _LOGGED.fullmatch(version.source):
                return list(self.store.logged_model_files(found["id"] or found["id2"]))
            if found := _RUN.fullmatch(version.source):
                path = found["path"] or found["path2"] or ""
                return list(subtree(self.store.artifacts(found["id"] or found["id2"]), path.strip("/")))
        except NotFound:
            pass
        return []

    def _path_of(self, version: ModelVersion) -> str:
        found = None if version.logged_model else _RUN.fullmatch(version.source)
        return "" if found is None else (found["path"] or found["path2"] or "").strip("/")


def _is_same(version: ModelVersion, digest: str, there: ModelVersion) -> bool:
    """Whether a version is the one that is there: the same number and origin, or the same run and bytes."""
    if (version.run_id or "") != (there.run_id or ""):
        return False
    if version.version == there.version:
        return version.source == there.source or (digest != "" and digest == there.digest)
    same = digest == there.digest and version.source == there.source
    return same and version.creation_time == there.creation_time


def _plain_change(change: Any) -> dict[str, Any]:
    by = change.by
    return {
        "action": change.action, "version": change.version, "subject": change.subject, "old": change.old,
        "new": change.new, "user": by.user, "why": by.why, "time": by.time, "run_id": by.run_id, "forced": by.forced,
        "detail": by.detail,
    }  # fmt: skip
