"""What the panels ask for. Whoever shows a panel hands over a source; the panels read no store themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlops_nb.comparison import RunView
from mlops_nb.entities import Points, Run


class RunsSource(Protocol):
    """Where a panel's runs come from. Every method may be called from any thread: a front end's message may arrive in
    a thread of its own (kernel subshells)."""

    def page(
        self, filter: str, order_by: Sequence[str], limit: int, token: str | None
    ) -> tuple[Sequence[Run], str | None]:
        """A page of runs and the next page's token (None at the end); `InvalidInput` if the filter does not parse."""

    def view(self, run_id: str) -> RunView:
        """A run with all that was recorded about it, or `NotFound`."""

    def history(self, run_id: str, key: str) -> Points:
        """The points of a metric; empty if there are none."""
