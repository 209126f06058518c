"""A cell's fitted models, logged afterwards: when somebody registers them, and they still are what the cell made."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlops_nb.tracking.offers import keep_offer

if TYPE_CHECKING:
    from mlops_nb.magics.session import Session


def offer_afterwards(session: Session, run_id: str, models: Sequence[dict[str, Any]], index: int) -> None:
    """Keep weak references to the models of a cell, so that its run can log them when they are wanted.

    Parameters
    ----------
    session : Session
    run_id : str
        The cell's run.
    models : sequence of dict
        As from `mlops_nb.capture.estimators.fitted_models`.
    index : int
        The execution: a model that a later one has changed is not this run's any more.
    """
    held: list[tuple[dict[str, Any], Callable[[], Any]]] = []
    for each in models:
        value = session.namespace.get(each["name"])
        try:
            held.append((each, weakref.ref(value)))
        except TypeError:  # without a weak reference the cell's memory would be ours to hold: not worth it
            continue
    if held:
        keep_offer(run_id, lambda: _log(session, run_id, held, index))


def _log(session: Session, run_id: str, held: Sequence[tuple[dict[str, Any], Callable[[], Any]]], index: int) -> bool:
    from mlops_nb.models.offering import offer
    from mlops_nb.tracking.reopening import reopened

    namespace = session.namespace
    wanted = [
        each for each, reference in held
        if reference() is not None and namespace.get(each["name"]) is reference() and _is_as_made(session, each, index)
    ]  # fmt: skip
    if not wanted:
        return False
    with reopened(run_id) as run:
        return bool(offer(wanted, namespace, run))


def _is_as_made(session: Session, model: dict[str, Any], index: int) -> bool:
    following = session.following
    if following is None:
        return True
    writers = following.follower.ledger.writers.get(model["name"], ())
    return not writers or writers[-1] <= index
