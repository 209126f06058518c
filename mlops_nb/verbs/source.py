"""Where panels get their runs from: a workspace's store."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_nb.comparison import RunView
from mlops_nb.entities import Points, Run
from mlops_nb.tracking.reading import load_view
from mlops_nb.workspace import Workspace


class StoreSource:
    """The runs of a workspace, for `mlops_nb.panels`.

    Parameters
    ----------
    space : Workspace
    experiment_ids : sequence of str, optional
        Only these experiments.
    """

    def __init__(self, space: Workspace, experiment_ids: Sequence[str] | None = None) -> None:
        self._space = space
        self._experiment_ids = experiment_ids

    def page(
        self, filter: str, order_by: Sequence[str], limit: int, token: str | None
    ) -> tuple[Sequence[Run], str | None]:
        """A page of runs and the next page's token."""
        self._space.flush()
        page = self._space.store.search_runs(
            self._experiment_ids, filter, order_by=order_by, limit=limit, page_token=token
        )
        return page.items, page.next_token

    def view(self, run_id: str) -> RunView:
        """Everything about a run."""
        return load_view(run_id, self._space)

    def history(self, run_id: str, key: str) -> Points:
        """The points of a metric."""
        return self._space.store.history(run_id, key)
