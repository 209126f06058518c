"""The verb ``store``: info, verify, gc, upgrade, migrate, merge."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import CorruptData, InvalidInput, NotFound
from mlops_nb.transfer import merge_stores, migrate_store
from mlops_nb.verbs.moving import progress, told
from mlops_nb.verbs.table import Result

GRACE_HOURS = 24.0

Action = Callable[[workspaces.Workspace, argparse.Namespace], Result]


def add_store(parser: argparse.ArgumentParser) -> None:
    """Options of ``store``."""
    actions = ["info", "verify", "gc", "upgrade", "migrate", "merge"]
    parser.add_argument("action", choices=actions, metavar="|".join(actions))
    parser.add_argument(
        "other", nargs="?", metavar="URL", help="migrate: the empty store to move to; merge: the store to take over"
    )
    parser.add_argument("--other-artifacts", metavar="URL", help="merge: where the files of the other store lie")
    parser.add_argument(
        "--grace", type=float, default=GRACE_HOURS, metavar="HOURS", help="gc: keep bytes younger than this (24)"
    )


def do_store(asked: argparse.Namespace) -> Result:
    """Look at the store, check its bytes, or free what nothing points at."""
    moving: dict[str, Action] = {"migrate": _migrate, "merge": _merge}
    if (asked.action in moving) != bool(asked.other):
        raise InvalidInput(
            f"store {asked.action} {'needs' if asked.action in moving else 'does not take'} another store.",
            hint="For instance: mlops-nb store migrate postgresql://user@host/name --artifacts s3://bucket/path",
        )
    actions: dict[str, Action] = {"info": _info, "verify": _verify, "gc": _collect, "upgrade": _upgrade, **moving}
    return actions[asked.action](workspaces.current(), asked)


def _migrate(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    """Move everything to another store; ``--artifacts`` says where its files shall lie."""
    target = workspaces.open_workspace(asked.other, asked.artifacts_url)
    if asked.artifacts_url:  # of the target: this store's own files lie where they always did
        space = workspaces.open_workspace(asked.store)
    try:
        with progress("migrate", "files and rows") as hearing:
            facts = migrate_store(space, target, tick=hearing.get("tick"))
    finally:
        target.close()
    note = f"From now on: export {workspaces.ENV_STORE}={(asked.other.partition('@')[2] and 'URL') or asked.other}"
    if not target.is_embedded:
        note += f" {workspaces.ENV_ARTIFACTS}={facts['artifacts']}"
    return Result("facts", {key: value for key, value in facts.items() if key != "rows"}, facts, note=note)


def _merge(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    """Add what is in another store to this one."""
    other = workspaces.open_workspace(asked.other, asked.other_artifacts)
    if other.database is not None and not other.database.exists():  # opening it would make an empty one
        raise NotFound(f"There is no store in {asked.other!r}.", hint="Name the folder that holds its store.db.")
    try:
        with progress("merge") as hearing:
            return told(merge_stores(space, other, **hearing))
    finally:
        other.close()


def _info(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    space.flush()
    facts: dict[str, Any] = dict(space.store.info())
    facts["root"] = str(space.root)
    facts["artifacts"] = space.artifacts_url.split("@")[-1]
    facts["artifact_bytes"] = space.artifacts.total_bytes()
    return Result("facts", facts, facts)


def _verify(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    """Read every byte, and name the runs and model versions that damage hits."""
    damaged: list[dict[str, Any]] = []
    wanted: dict[str, list[str]] = {}
    for run in space.store.search_runs(limit=1_000_000, view="all").items:
        for entry in space.store.artifacts(run.run_id):
            wanted.setdefault(entry.digest, []).append(f"{run.run_id}:{entry.path}")
    for version in space.store.search_versions(limit=1_000_000).items:
        for part in ("model", "notes"):
            for entry in space.store.version_files(version.name, version.version, part):
                wanted.setdefault(entry.digest, []).append(f"models:/{version.name}/{version.version}:{entry.path}")
    for digest, users in wanted.items():
        try:
            space.artifacts.verify(digest)
        except NotFound:
            damaged.append({"digest": digest, "problem": "missing", "used_by": users})
        except CorruptData:
            damaged.append({"digest": digest, "problem": "damaged", "used_by": users})
    facts = {"checked": len(wanted), "damaged": damaged}
    return Result("facts", facts, facts, status=1 if damaged else 0)


def _collect(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    """Take deleted runs' rows away, then the bytes that nothing points at any more."""
    gone = [run.run_id for run in space.store.search_runs(limit=1_000_000, view="deleted").items]
    purged = space.store.purge_runs(gone)
    count, size = space.artifacts.collect(space.store.digests(), asked.grace * 3600)
    facts = {"runs_removed": purged, "blobs_removed": count, "bytes_freed": size}
    return Result("facts", facts, facts)


def _upgrade(space: workspaces.Workspace, asked: argparse.Namespace) -> Result:
    """Bring the store to this release's schema."""
    from mlops_nb.store import upgrade_store

    before, after = upgrade_store(space.store_url)
    facts = {"schema": after, "schema_before": before, "upgraded": before != after}
    return Result("facts", facts, facts)
