"""The verb ``store``: info, verify, gc, upgrade."""

from __future__ import annotations

import argparse
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import CorruptData, NotFound
from mlops_nb.verbs.table import Result

GRACE_HOURS = 24.0


def add_store(parser: argparse.ArgumentParser) -> None:
    """Options of ``store``."""
    parser.add_argument("action", choices=["info", "verify", "gc", "upgrade"], metavar="info|verify|gc|upgrade")
    parser.add_argument(
        "--grace", type=float, default=GRACE_HOURS, metavar="HOURS", help="gc: keep bytes younger than this (24)"
    )


def do_store(asked: argparse.Namespace) -> Result:
    """Look at the store, check its bytes, or free what nothing points at."""
    space = workspaces.current()
    actions = {"info": _info, "verify": _verify, "gc": _collect, "upgrade": _upgrade}
    return actions[asked.action](space, asked)


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
