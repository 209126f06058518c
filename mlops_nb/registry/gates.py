"""Gates: the checks that a version has to pass before it gets an alias or a stage, kept with the model as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.artifacts import check_path
from mlops_nb.entities import RegisteredModel, check_name
from mlops_nb.errors import InvalidInput
from mlops_nb.registry.governed import sign
from mlops_nb.registry.names import check_alias, check_model_name, check_stage
from mlops_nb.registry.resolving import own_stages
from mlops_nb.workspace import Workspace

GATES = "gates"
VERDICTS = ("identical", "equivalent", "diverged", "failed")
LIMIT = 50

_SHAPES: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "metric": {"metric": (str,), "min": (int, float), "max": (int, float)},
    "better": {
        "metric": (str,), "than": (str,), "by": (int, float), "mode": (str,), "data": (str,), "same_data": (bool,),
    },
    "verdict": {"accept": (list,)},
    "notebook": {
        "path": (str,), "params": (dict,), "parameter": (str,), "metric": (str,), "min": (int, float),
        "max": (int, float),
    },
    "approver": {"users": (list,), "other_than_author": (bool,)},
}  # fmt: skip
_NEEDED = {"metric": ("metric",), "better": ("metric",), "notebook": ("path",)}
_EXAMPLE = 'For instance: {"check": "metric", "metric": "auc", "min": 0.8}.'


def set_gates(
    name: str,
    target: str,
    checks: Sequence[Mapping[str, Any]],
    *,
    comment: str = "",
    user: str | None = None,
    space: Workspace | None = None,
) -> list[dict[str, Any]]:
    """Say what a version has to pass before it gets an alias or a stage.

    Parameters
    ----------
    name : str
        The registered model.
    target : str
        ``@champion``, or a stage such as ``Production``.
    checks : sequence of mappings
        All of them must pass; none opens the gate. Each has a ``check``:

        * ``metric``: ``metric`` is at least ``min`` and at most ``max``;
        * ``better``: ``metric`` is better than that of the version at ``than`` (by default the target's holder) by at
          least ``by``; ``mode`` is ``max`` (the default) or ``min``. Both are measured on the same data, by digest,
          unless ``same_data`` is false; ``data`` names which, if the runs have several;
        * ``verdict``: the run was reproduced, and the verdict is one of ``accept`` (identical or equivalent);
        * ``notebook``: the notebook at ``path`` is executed with the version's URI as its ``parameter`` (``model_uri``)
          and with ``params``, does not fail, and gives ``metric`` between ``min`` and ``max``;
        * ``approver``: one of ``users`` (anybody, if there are none) promotes it or has approved it, with
          ``other_than_author`` somebody else than who registered it.
    comment : str
        Why, for the audit.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    list of dict
        The checks as they are kept.

    Raises
    ------
    InvalidInput
        Naming the check and what is wrong with it; nothing is changed.

    Examples
    --------
    >>> from mlops_nb.registry.governed import create_model
    >>> _ = create_model("churn")
    >>> set_gates("churn", "@champion", [{"check": "metric", "metric": "auc", "min": 0.8}])
    [{'check': 'metric', 'metric': 'auc', 'min': 0.8}]
    """
    space = space or workspaces.current()
    place = check_target(target, space)
    if len(checks) > LIMIT:
        raise InvalidInput(f"{place} has {len(checks)} checks, and {LIMIT} are the most.", hint="Leave some out.")
    kept = [check_gate(check, number, space) for number, check in enumerate(checks, 1)]
    model = space.store.get_model(check_model_name(name))
    gates = {key: value for key, value in gates_of(model).items() if key != place}
    if kept:
        gates[place] = kept
    space.store.update_model(name, rules={**model.rules, GATES: gates}, by=sign(comment, user=user))
    return kept


def gates_of(model: RegisteredModel) -> dict[str, list[dict[str, Any]]]:
    """The checks of a registered model, by target: ``@champion``, ``Production`` ...

    Examples
    --------
    >>> gates_of(RegisteredModel("churn"))
    {}
    """
    found = model.rules.get(GATES)
    return found if isinstance(found, dict) else {}


def check_target(target: object, space: Workspace) -> str:
    """Where a version can be promoted to: ``@ALIAS``, or a stage in its usual spelling."""
    if isinstance(target, str) and target.startswith("@"):
        return "@" + check_alias(target[1:])
    return check_stage(target, own_stages(space))


def check_gate(check: object, number: int, space: Workspace) -> dict[str, Any]:
    """Accept a check, or say what is wrong with it."""
    if not isinstance(check, Mapping) or check.get("check") not in _SHAPES:
        kind = check.get("check") if isinstance(check, Mapping) else check
        hint = f"There are: {', '.join(_SHAPES)}. {_EXAMPLE}"
        raise InvalidInput(f"Check {number} is {str(kind)[:40]!r}, which is no kind of check.", hint=hint)
    kind = str(check["check"])
    shape = _SHAPES[kind]
    for key, value in check.items():
        if key != "check" and (key not in shape or not _fits(value, shape[key])):
            fault = "does not take" if key not in shape else "has a wrong"
            hint = f"It takes: {', '.join(shape)}." if shape else _EXAMPLE
            raise InvalidInput(f"Check {number} ({kind}) {fault} {str(key)[:40]!r}.", hint=hint)
    for key in _NEEDED.get(kind, ()):
        if key not in check:
            raise InvalidInput(f"Check {number} ({kind}) lacks {key!r}.", hint=_EXAMPLE)
    try:
        _check_values(kind, check, space)
    except InvalidInput as error:
        raise InvalidInput(f"Check {number} ({kind}): {error.message}", hint=error.hint) from None
    return dict(check)


def _fits(value: object, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool) and bool not in types:
        return False
    return isinstance(value, types) and not (isinstance(value, float) and not math.isfinite(value))


def _check_values(kind: str, check: Mapping[str, Any], space: Workspace) -> None:
    def refuse(what: str, hint: str = _EXAMPLE) -> InvalidInput:
        return InvalidInput(f"it {what}.", hint=hint)

    if "metric" in check:
        check_name("metric", check["metric"])
    low, high = check.get("min"), check.get("max")
    if kind == "metric" and low is None and high is None:
        raise refuse("has neither 'min' nor 'max'")
    if low is not None and high is not None and low > high:
        raise refuse(f"asks for at least {low} and at most {high}")
    if kind == "notebook" and "metric" not in check and (low is not None or high is not None):
        raise refuse("has a limit, but no 'metric'")
    if kind == "notebook":
        check_path(check["path"])
    if check.get("mode", "max") not in ("max", "min"):
        raise refuse(f"has the mode {check['mode']!r}", "Use max or min.")
    if check.get("by", 0) < 0:
        raise refuse("has a negative 'by'", "Name a margin of 0 or more, and the mode max or min.")
    if "than" in check:
        check_target(check["than"], space)
    if kind == "verdict" and not set(check.get("accept", ())) <= set(VERDICTS):
        raise refuse("accepts a verdict that there is not", f"There are: {', '.join(VERDICTS)}.")
    if kind == "approver" and not all(isinstance(user, str) and user for user in check.get("users", ())):
        raise refuse("names a user that is no text", "Name users as the audit shows them.")
