"""Registered models and versions as MLflow's clients read them, and the sources that they may name. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mlops_nb.entities import ModelVersion, RegisteredModel
from mlops_nb.errors import InvalidInput
from mlops_nb.wire.mlflow import tags_json

_ELSEWHERE = ("s3", "gs", "wasb", "wasbs", "abfs", "abfss", "adl", "hdfs", "viewfs", "dbfs", "r2", "b2")
"""Places that clients open themselves, and this server never does."""


_NO_PROMPT = re.compile(r"\btags?\.[`\"]?mlflow\.prompt\.is_prompt[`\"]?\s*!=\s*'true'", re.IGNORECASE)


def native_model_filter(text: str) -> str:
    """A filter of MLflow's in which what is no prompt need not say so: clients add that to every search.

    Examples
    --------
    >>> native_model_filter("name = 'a' AND tag.`mlflow.prompt.is_prompt` != 'true'")[:35]
    "name = 'a' AND (tags.`mlflow.prompt"
    """
    tag = "tags.`mlflow.prompt.is_prompt`"
    return _NO_PROMPT.sub(f"({tag} IS NULL OR {tag} != 'true')", text)


def version_json(version: ModelVersion) -> dict[str, Any]:
    """A version.

    Examples
    --------
    >>> version_json(ModelVersion("churn", 3))["version"]
    '3'
    """
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.creation_time,
        "last_updated_timestamp": version.last_update_time,
        "user_id": version.user,
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id or "",
        "status": version.status,
        "run_link": version.run_link,
        "model_id": version.logged_model,
        "aliases": list(version.aliases),
        "tags": tags_json(version.tags),
    }


def model_json(model: RegisteredModel, versions: Sequence[ModelVersion]) -> dict[str, Any]:
    """A registered model with the newest version of each stage.

    Examples
    --------
    >>> model_json(RegisteredModel("churn", aliases={"champion": 3}), [])["aliases"]
    [{'alias': 'champion', 'version': '3'}]
    """
    return {
        "name": model.name,
        "creation_timestamp": model.creation_time,
        "last_updated_timestamp": model.last_update_time,
        "user_id": model.user,
        "description": model.description,
        # without their aliases, which stand below: so it is with MLflow
        "latest_versions": [{**version_json(each), "aliases": []} for each in latest_versions(versions)],
        "tags": tags_json(model.tags),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()],
    }


def latest_versions(versions: Sequence[ModelVersion]) -> list[ModelVersion]:
    """The newest version of each stage.

    Examples
    --------
    >>> [each.version for each in latest_versions([ModelVersion("m", 1), ModelVersion("m", 2)])]
    [2]
    """
    found: dict[str, ModelVersion] = {}
    for each in sorted(versions, key=lambda version: version.version):
        found[each.stage] = each
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version comes from: `kind` is ``run``, ``logged``, ``version``, ``proxied`` or ``elsewhere``.

    `owner` is the run's or logged model's id, or the name of a registered model; `path` what stands behind it.
    """

    kind: str
    owner: str = ""
    path: str = ""


def read_source(text: str) -> Source:
    """A source that a client names.

    Raises
    ------
    InvalidInput
        If it names a file of this machine, leaves its place, or is of a kind that nobody should open.

    Examples
    --------
    >>> read_source("runs:/abc/model")
    Source(kind='run', owner='abc', path='model')
    """
    plain = text
    while (decoded := unquote(plain)) != plain:
        plain = decoded
    scheme, mark, rest = plain.partition(":")
    parts = re.split(r"[/\\]", plain)
    if not mark or ".." in parts or re.search(r"[#?;\\\x00-\x1f]", plain):
        raise InvalidInput(f"Invalid model version source: {text[:200]!a}.", hint="For instance runs:/RUN_ID/model")
    if scheme in ("runs", "models") and rest.startswith("/") and not rest.startswith("//"):
        owner, _, path = rest.strip("/").partition("/")
        if scheme == "runs":
            return Source("run", owner, path)
        return Source("version", owner, path) if path else Source("logged", owner)
    if scheme == "mlflow-artifacts" and not rest.startswith("//"):
        return Source("proxied", "", rest.strip("/"))
    if scheme in _ELSEWHERE and rest.startswith("//"):
        return Source("elsewhere")
    raise InvalidInput(
        f"Invalid model version source: {text[:200]!a}. To use a local path as a model version source is not possible "
        "here.",
        hint="Log the model, then name runs:/RUN_ID/PATH.",
    )
