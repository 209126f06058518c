"""Registered models as the plain JSON that others rely on (``models --json``, ``history --json``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlops_nb.entities import ModelChange, ModelVersion, RegisteredModel
from mlops_nb.tracking.shapes import iso_time, public_value


def version_json(version: ModelVersion) -> dict[str, Any]:
    """A version: the public keys first, then all else.

    Examples
    --------
    >>> [*version_json(ModelVersion("churn", 3))][:6]
    ['version', 'stage', 'aliases', 'run_id', 'digest', 'created']
    """
    return {
        "version": version.version,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "run_id": version.run_id,
        "digest": version.digest,
        "created": iso_time(version.creation_time),
        "updated": iso_time(version.last_update_time),
        "user": version.user,
        "description": version.description,
        "tags": dict(version.tags),
        "status": version.status,
        "source": version.source,
        "path": version.path,
        "size": version.size,
    }


def model_json(model: RegisteredModel, versions: Sequence[ModelVersion]) -> dict[str, Any]:
    """One entry of ``models --json``.

    Examples
    --------
    >>> model_json(RegisteredModel("churn"), [])["name"]
    'churn'
    """
    return {
        "name": model.name,
        "description": model.description,
        "tags": dict(model.tags),
        "aliases": dict(model.aliases),
        "created": iso_time(model.creation_time),
        "updated": iso_time(model.last_update_time),
        "versions": [version_json(version) for version in versions],
    }


def change_json(change: ModelChange) -> dict[str, Any]:
    """An entry of the audit.

    Examples
    --------
    >>> change_json(ModelChange(1, "churn", "register", 1))["action"]
    'register'
    """
    return {
        "time": iso_time(change.by.time),
        "action": change.action,
        "version": change.version,
        "subject": change.subject,
        "from": change.old,
        "to": change.new,
        "user": change.by.user,
        "why": change.by.why,
        "run_id": change.by.run_id,
        "forced": change.by.forced,
        "detail": public_value(change.by.detail),
    }
