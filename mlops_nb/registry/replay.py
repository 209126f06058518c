"""What was when: the audit of a model, replayed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlops_nb.entities import ModelChange

_ALIAS = ("set_alias", "roll_back_alias")
_STAGE = ("set_stage", "roll_back_stage")


def versions_at(changes: Iterable[ModelChange]) -> set[int]:
    """The versions that are there after these changes.

    Examples
    --------
    >>> versions_at([ModelChange(1, "m", "register", 1), ModelChange(2, "m", "register", 2)])
    {1, 2}
    """
    found: set[int] = set()
    for change in changes:
        if change.action == "register" and change.version is not None:
            found.add(change.version)
        elif change.action == "delete_version" and change.version is not None:
            found.discard(change.version)
        elif change.action == "delete_model":
            found.clear()
    return found


def alias_at(changes: Iterable[ModelChange], alias: str) -> int | None:
    """The version that an alias names after these changes.

    Examples
    --------
    >>> alias_at([ModelChange(1, "m", "set_alias", 3, "champion", "", "3")], "champion")
    3
    """
    found: int | None = None
    for change in changes:
        if change.action in _ALIAS and change.subject == alias:
            found = int(change.new) if change.new else None
        elif change.action == "delete_model":
            found = None
    return found


def holders_at(changes: Iterable[ModelChange], stage: str) -> set[int]:
    """The versions that stand in a stage after these changes.

    Examples
    --------
    >>> holders_at([ModelChange(1, "m", "set_stage", 3, "stage", "None", "Production")], "Production")
    {3}
    """
    changes = list(changes)
    if stage == "None":
        moved = {c.version: c.new for c in changes if c.action in _STAGE}
        return {version for version in versions_at(changes) if moved.get(version, stage) == stage}
    found: set[int] = set()
    for change in changes:
        if change.version is None:
            if change.action == "delete_model":
                found.clear()
        elif change.action in _STAGE:
            (found.add if change.new == stage else found.discard)(change.version)
        elif change.action == "delete_version":
            found.discard(change.version)
    return found


def former_holder(changes: Sequence[ModelChange], *, alias: str | None = None, stage: str | None = None) -> int | None:
    """The version to roll back to: the one that held the alias or stage before the present one did, and still exists.

    Rolling back twice goes back two steps, not to and fro: a return takes what came after it off the pile.

    Parameters
    ----------
    changes : sequence of ModelChange
        The whole audit of the model.
    alias, stage : str
        Either.

    Returns
    -------
    int or None
        None if there was none before.

    Examples
    --------
    >>> moves = [ModelChange(n, "m", "set_alias", n, "best", "", str(n)) for n in (1, 2, 3)]
    >>> there = [ModelChange(0, "m", "register", n) for n in (1, 2, 3)]
    >>> former_holder([*there, *moves], alias="best")
    2
    >>> former_holder([*there, *moves, ModelChange(4, "m", "roll_back_alias", 2, "best", "3", "2")], alias="best")
    1
    """
    pile: list[int] = []
    for change in changes:
        held = change.version
        if held is None or not _is_arrival(change, alias, stage):
            continue
        if change.action.startswith("roll_back"):
            while pile and pile[-1] != held:
                pile.pop()
        if not pile or pile[-1] != held:
            pile.append(held)
    there = versions_at(changes)
    present = {alias_at(changes, alias)} if alias is not None else holders_at(changes, str(stage))
    return next((number for number in reversed(pile) if number in there and number not in present), None)


def _is_arrival(change: ModelChange, alias: str | None, stage: str | None) -> bool:
    if alias is not None:
        return change.action in _ALIAS and change.subject == alias and change.new != ""
    return change.action in _STAGE and change.new == stage
