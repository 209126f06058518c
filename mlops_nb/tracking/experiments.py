"""Experiments by their names: made when they are not there, and asked for once a process."""

from __future__ import annotations

from mlops_nb.entities import Experiment
from mlops_nb.errors import AlreadyExists
from mlops_nb.tracking.faults import shielded
from mlops_nb.tracking.patience import in_a_moment
from mlops_nb.workspace import Workspace


def find_or_make(space: Workspace, name: str) -> Experiment | None:
    """The experiment with this name, made if there is none; None if a store elsewhere does not answer in a moment.

    Examples
    --------
    >>> from mlops_nb.workspace import current
    >>> find_or_make(current(), "Default").experiment_id
    '0'
    """
    return _find_or_make(name, space)


@shielded
def _find_or_make(name: str, space: Workspace) -> Experiment | None:
    return in_a_moment(space, lambda: _ask_or_make(space, name))


def _ask_or_make(space: Workspace, name: str) -> Experiment | None:
    found = space.store.find_experiment(name)
    if found is not None:
        return found
    try:
        return space.store.create_experiment(name)
    except AlreadyExists:  # another process has made it meanwhile
        return space.store.find_experiment(name)
