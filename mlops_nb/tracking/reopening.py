"""A run that is over, open once more for something that is logged late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlops_nb import workspace as workspaces
from mlops_nb.tracking.fluent import begin, resumed
from mlops_nb.tracking.run import ActiveRun


@contextmanager
def reopened(run_id: str) -> Iterator[ActiveRun]:
    """A run that is over, open for something that is logged late; afterwards it ended when and as it had ended.

    Examples
    --------
    >>> from mlops_nb import log_metric, start_run
    >>> with start_run() as run: log_metric("acc", 0.9)
    >>> with reopened(run.run_id) as late: late.set_tags({"note": "late"})
    >>> late.end_time == run.end_time
    True
    """
    space = workspaces.current()
    space.flush()
    before = space.store.get_run(run_id)
    run = begin(space, resumed(space, run_id), outer=None, tags={})
    try:
        yield run
    finally:
        run.finish(before.status, at=before.end_time)
        space.flush()
