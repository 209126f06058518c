"""Checks, changes and digests in words, for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_nb.entities import ModelChange


def check_words(check: Mapping[str, Any]) -> str:
    """A check in words.

    Examples
    --------
    >>> check_words({"check": "better", "metric": "auc", "by": 0.01})
    'auc is more than what is there now by 0.01, on the same data'
    """
    kind = check.get("check")
    limits = [f"at {side} {_number(check[key])}" for key, side in (("min", "least"), ("max", "most")) if key in check]
    if kind == "metric":
        return f"{check['metric']} is {' and '.join(limits)}"
    if kind == "better":
        than = f"that of {check['than']}" if "than" in check else "what is there now"
        by = f" by {_number(check['by'])}" if check.get("by") else ""
        fair = ", on the same data" if check.get("same_data", True) else ""
        return f"{check['metric']} is {'less' if check.get('mode') == 'min' else 'more'} than {than}{by}{fair}"
    if kind == "verdict":
        return f"the run was reproduced: {' or '.join(check.get('accept') or ('identical', 'equivalent'))}"
    if kind == "notebook":
        gives = f" and gives {check['metric']} {' and '.join(limits)}" if "metric" in check else ""
        return f"the notebook {check['path']}, executed on it, does not fail{gives}"
    users = ", ".join(check.get("users") or ()) or "anybody"
    return f"approved by {users}" + (" who did not register it" if check.get("other_than_author") else "")


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def change_words(change: ModelChange, *, forced: bool = True) -> str:
    """An entry of the audit in words.

    Examples
    --------
    >>> change_words(ModelChange(1, "churn", "set_alias", 3, "champion", "2", "3"))
    '@champion: version 2 → 3'
    """
    number = f"version {change.version}" if change.version else change.name
    said = {
        "create_model": f"{change.name} made",
        "register": f"{number} registered",
        "rename": f"renamed from {change.old} to {change.new}",
        "describe": f"{number} described",
        "tag": f"{number}: tag {change.subject} " + (f"= {change.new}" if change.new else "taken away"),
        "rules": "gates changed",
        "status": f"{number}: {change.old} → {change.new}",
        "delete_version": f"{number} deleted",
        "delete_model": f"{change.name} deleted",
        "approve": f"{number} approved",
        "monitor": f"{number} monitored: {change.subject}",
        "retrain": f"{number} retrained: " + (f"version {change.new}" if change.new else "nothing came of it"),
        "refuse": f"{number} refused for {change.subject}",
        "set_stage": f"{number}: {change.old} → {change.new}",
        "roll_back_stage": f"{number} back in {change.new}",
        "set_alias": f"@{change.subject}: " + _steps(change),
        "roll_back_alias": f"@{change.subject}: back, " + _steps(change),
    }.get(change.action, change.action)
    return said + (" (forced)" if forced and change.by.forced else "")


def _steps(change: ModelChange) -> str:
    if not change.new:
        return f"taken from version {change.old}"
    return f"version {change.old} → {change.new}" if change.old else f"version {change.new}"


def short_digest(digest: str) -> str:
    """The beginning of a digest, which tells it apart.

    Examples
    --------
    >>> short_digest("sha256:0123456789abcdef0123")
    '0123456789ab'
    """
    return digest.rpartition(":")[2][:12]
