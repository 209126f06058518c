"""The run card under a tracked cell: compared with what this cell gave before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run, Status
from mlops_nb.tracking.patience import in_a_moment

if TYPE_CHECKING:
    from mlops_nb.magics.session import Session
    from mlops_nb.magics.tracked import TrackedCell

KEPT = 50


class CardMemory:
    """The last runs of each line of revisions: read from the store once, then kept up by the session itself."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Run]] = {}
        self._best: dict[str, dict[str, float]] = {}

    def earlier(self, line: str) -> list[Run]:
        """Earlier runs of a line, newest first."""
        if line not in self._lines:
            found = _read(line)
            if found is None:
                return []  # the next cell asks again
            self._lines[line] = found
        return self._lines[line]

    def best(self, line: str, but: str) -> dict[str, float]:
        """The best values so far of a line's metrics; without those of the run `but`, which the store may have."""
        if line not in self._best:
            best = best_of([run for run in self.earlier(line) if run.run_id != but])
            if line not in self._lines:
                return best
            self._best[line] = best
        return self._best[line]

    def add(self, run: Run) -> None:
        """Remember a run that has just ended."""
        if run.line is not None:
            best = self.best(run.line, run.run_id)
            self._lines[run.line] = [run, *self.earlier(run.line)][:KEPT]
            self._best[run.line] = best_of([run], best)


def _read(line: str) -> list[Run] | None:
    """The runs of a line; None if the store does not answer as fast as a cell ends."""
    space = workspaces.current()
    if space.is_open:
        return in_a_moment(space, lambda: space.store.line_runs(line, limit=KEPT))
    if space.database is not None:
        from mlops_nb.store.peek import peek_line  # no SQLAlchemy: half a second that the first cell does not pay

        return peek_line(space.database, line, KEPT)
    return []


def best_of(runs: list[Run], before: Mapping[str, float] | None = None) -> dict[str, float]:
    """The best value so far of each metric whose name tells whether higher or lower is better, in runs that finished.

    Examples
    --------
    >>> best_of([Run("1", "a", "0", "e", Status.FINISHED, 0, metrics={"acc": 0.9, "loss": 0.3, "n": 4.0})])
    {'acc': 0.9, 'loss': 0.3}
    """
    from mlops_nb.panels.format import better_direction

    best = dict(before or {})
    for run in [each for each in runs if each.status is Status.FINISHED]:
        for key, value in run.metrics.items():
            direction = better_direction(key)
            if not direction or math.isnan(value):
                continue
            if key not in best or direction * value > direction * best[key]:
                best[key] = value
    return best


def show_card(session: Session, cell: TrackedCell) -> None:
    """Display the card of a tracked cell that has just ended."""
    from IPython.display import display

    from mlops_nb.panels.card import run_card

    line = cell.run.start.line or ""
    earlier = [run for run in session.cards.earlier(line) if run.run_id != cell.run.run_id]
    previous = next((run for run in earlier if run.status is Status.FINISHED), None)
    run = cell.snapshot(earlier[0] if earlier else None)
    is_lost = cell.run.is_mute
    known: dict[str, Any] = {
        "previous": previous,
        "best": session.cards.best(line, cell.run.run_id),
        "curves": cell.thin_curves(),
        "models": cell.models,
        "badge": cell.badge,
        "data": cell.data,
        "redactions": cell.redactions,
        "notes": [*cell.notes, *(["nothing of this run is kept: its journal cannot be written"] if is_lost else [])],
        "error": cell.error,
        "outputs_kept": None if is_lost else len(cell.collector.outputs()),
    }
    session.cards.add(run)
    display(run_card(run, **known), raw=True)
