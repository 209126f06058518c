"""What child processes logged into a run of this process, as far as it is known now."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlops_nb.errors import MlopsError
from mlops_nb.journal import JournalReader, children_of
from mlops_nb.tracking.patience import in_a_moment

if TYPE_CHECKING:
    from mlops_nb.tracking.run import ActiveRun

__all__ = ["metrics_of_children"]


def metrics_of_children(run: ActiveRun) -> dict[str, float]:
    """Last values of the metrics that forked and spawned children logged into a run.

    From their journals, and from the store where these have been delivered; nothing is opened for a run without
    children.

    Parameters
    ----------
    run : ActiveRun
        A run of this process.

    Returns
    -------
    dict of str to float

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run:
    ...     metrics_of_children(run)
    {}
    """
    space = run.workspace
    journals = children_of(space.journals, [run.run_id])
    if not journals and run.run_id not in space.drain.runs_of_children:
        return {}
    latest: dict[str, tuple[int, int, float]] = {}
    for path in journals:
        with contextlib.suppress(OSError, MlopsError):  # delivered and taken away just now, or half written
            reader = JournalReader(path)
            while (batch := reader.read(path.stat().st_size)) is not None:
                for key, points in batch.metrics.items():
                    last = max(zip(points.steps, points.timestamps, points.values, strict=True))
                    latest[key] = max(last, latest.get(key, last))
    stored: dict[str, float] = {}
    if run.run_id in space.drain.runs_of_children:
        with contextlib.suppress(MlopsError):
            found = in_a_moment(space, lambda: space.store.get_run(run.run_id))
            stored = dict(found.metrics) if found else {}
    return {**stored, **{key: value for key, (_, _, value) in latest.items()}}
