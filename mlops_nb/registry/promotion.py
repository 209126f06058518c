"""Promoting a version to an alias or a stage, through the gates; and the way back."""

from __future__ import annotations

from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import ModelChange, ModelVersion
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.registry.checking import Candidate, Checked, Execute, PromotionRefused
from mlops_nb.registry.gates import gates_of
from mlops_nb.registry.governed import sign
from mlops_nb.registry.names import ModelUri, check_alias, check_model_name, check_stage, parse_reference
from mlops_nb.registry.replay import former_holder
from mlops_nb.registry.resolving import find_version, own_stages
from mlops_nb.workspace import Workspace


def promote(
    name: str,
    version: int | str,
    alias: str | None = None,
    stage: str | None = None,
    comment: str = "",
    archive: bool = False,
    force: bool = False,
    *,
    user: str | None = None,
    execute: Execute | None = None,
    space: Workspace | None = None,
) -> ModelVersion:
    """Give a version an alias, a stage, or both, if it passes the gates of each.

    Parameters
    ----------
    name : str
        The registered model.
    version : int or str
        Its version; or an alias (``@challenger``) or stage that it has now.
    alias : str, optional
        For instance ``champion``; the version that had it loses it.
    stage : str, optional
        ``None``, ``Staging``, ``Production``, ``Archived`` or one of the project's own.
    comment : str
        Why, for the audit.
    archive : bool, default False
        Move the versions that stand in `stage` now to ``Archived``.
    force : bool, default False
        Promote although a check fails; needs a comment. What failed stands in the audit.
    user : str, optional
        Who; the user of this process by default.
    execute : callable, optional
        Executes the notebooks that a gate asks for.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    ModelVersion
        As it is now.

    Raises
    ------
    PromotionRefused
        If a check fails, with the numbers; the attempt stands in the audit.
    InvalidInput
        If neither an alias nor a stage is named, one of them cannot be one, or `force` lacks a comment.
    NotFound
        If there is no such version.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = mlops_nb.register_model(run.run_id, "churn")
    >>> promote("churn", 1, alias="champion", comment="the first one").aliases
    ('champion',)
    """
    space = space or workspaces.current()
    if alias is None and stage is None:
        raise InvalidInput("A promotion needs an alias or a stage.", hint="For instance: --alias champion")
    if force and not comment.strip():
        raise InvalidInput("A forced promotion needs a comment, for the audit.", hint="Say why with --comment.")
    alias = None if alias is None else check_alias(alias)
    stage = None if stage is None else check_stage(stage, own_stages(space))
    space.flush()
    found = _find(name, version, space)
    by = sign(comment, user=user)
    targets = [target for target in (alias and f"@{alias}", stage) if target]
    checks = try_gates(found, targets, user=by.user, execute=execute, space=space)
    failed = {target: [each for each in each_found if not each.passed] for target, each_found in checks.items()}
    refused = next((target for target, each in failed.items() if each), None)
    detail = {"checks": {target: [each.as_json() for each in checks[target]] for target in checks}} if checks else {}
    if refused is not None and not force:
        by = sign(comment, user=user, detail=detail)
        space.store.note_change(found.name, "refuse", version=found.version, subject=refused, by=by)
        raise PromotionRefused(found, refused, [each for several in checks.values() for each in several])
    by = sign(comment, user=user, forced=refused is not None, detail=detail)
    moved = space.store.move_version(found.name, found.version, alias=alias, stage=stage, archive=archive, by=by)
    assert moved is not None  # only taking an alias away gives none
    return moved


def try_gates(
    version: ModelVersion,
    targets: list[str],
    *,
    user: str | None = None,
    execute: Execute | None = None,
    space: Workspace | None = None,
) -> dict[str, list[Checked]]:
    """Try the checks of each target (``@champion``, ``Production``) on a version, and change nothing.

    Returns
    -------
    dict of str to list of Checked
        Targets that have a gate.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> try_gates(mlops_nb.register_model(run.run_id, "churn"), ["@champion"])
    {}
    """
    space = space or workspaces.current()
    gates = gates_of(space.store.get_model(version.name))
    found = {}
    for target in targets:
        if gates.get(target):
            candidate = Candidate(version, target, user or workspaces.user_name(), space, execute)
            found[target] = candidate.try_all(gates[target])
    return found


def _find(name: str, version: int | str, space: Workspace) -> ModelVersion:
    check_model_name(name)
    if isinstance(version, int):
        return space.store.get_version(name, version)
    return find_version(parse_reference(f"{name}{version}" if version.startswith("@") else f"{name}/{version}"), space)


def roll_back(
    name: str, target: str, *, comment: str = "", user: str | None = None, space: Workspace | None = None
) -> ModelVersion:
    """Give an alias or a stage back to the version that had it before. Again goes one further back.

    No gate is tried: the version was there already. In a stage, the versions that stand there now are archived.

    Parameters
    ----------
    name : str
        The registered model.
    target : str
        An alias (``champion`` or ``@champion``) or a stage.
    comment : str
        Why, for the audit.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    ModelVersion
        The one that is there now.

    Raises
    ------
    NotFound
        If there is no such model, or nobody was there before.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> for version in (1, 2):
    ...     _ = mlops_nb.register_model(run.run_id, "churn"), promote("churn", version, "champion")
    >>> roll_back("churn", "champion").version
    1
    """
    space = space or workspaces.current()
    model = space.store.get_model(check_model_name(name))
    changes = space.store.model_changes(name)
    where = _target(target, set(model.aliases) | {change.subject for change in changes}, space)
    former = former_holder(changes, **where)
    if former is None:
        shown = f"@{where['alias']}" if "alias" in where else where["stage"]
        raise NotFound(
            f"No version of {name!r} was {shown} before.", hint=f"See who was what when with: mlops-nb history {name}"
        )
    by = sign(comment, user=user)
    moved = space.store.move_version(name, former, **where, archive="stage" in where, back=True, by=by)
    assert moved is not None
    return moved


def _target(target: str, aliases: set[str], space: Workspace) -> dict[str, str]:
    """An alias that the model has or had, else a stage."""
    if target.startswith("@"):
        return {"alias": check_alias(target[1:])}
    if target in aliases and target != "stage":
        return {"alias": target}
    try:
        return {"stage": check_stage(target, own_stages(space))}
    except InvalidInput:
        known = ", ".join(f"@{alias}" for alias in sorted(aliases)) or "none"
        raise NotFound(f"{target[:60]!r} is neither an alias nor a stage.", hint=f"Aliases: {known}.") from None


def approve(
    reference: str, *, comment: str = "", user: str | None = None, space: Workspace | None = None
) -> ModelChange:
    """Say that a version may be promoted, for gates that ask for an approver.

    Parameters
    ----------
    reference : str
        ``NAME/VERSION``, ``NAME@ALIAS`` or a ``models:/`` URI.
    comment : str
        Why, for the audit.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    ModelChange
        The entry in the audit.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = mlops_nb.register_model(run.run_id, "churn")
    >>> approve("churn/1", user="ann").by.user
    'ann'
    """
    space = space or workspaces.current()
    version = find_version(parse_reference(reference), space)
    return space.store.note_change(version.name, "approve", version=version.version, by=sign(comment, user=user))


def split_reference(reference: str) -> tuple[str, str]:
    """``NAME/VERSION``, ``NAME@ALIAS`` or a ``models:/`` URI as the two words that `promote` takes.

    Examples
    --------
    >>> split_reference("churn/3"), split_reference("churn@challenger")
    (('churn', '3'), ('churn', '@challenger'))
    """
    found: ModelUri = parse_reference(reference)
    return found.name, f"@{found.at}" if found.kind == "alias" else found.at


def refusal_json(error: PromotionRefused) -> dict[str, Any]:
    """A refused promotion as plain JSON.

    Examples
    --------
    >>> refusal_json(PromotionRefused(ModelVersion("m", 1), "@a", [Checked("metric", False, "low")]))["checks"]
    [{'check': 'metric', 'passed': False, 'text': 'low'}]
    """
    return {"refused": error.message, "checks": [check.as_json() for check in error.checks]}
