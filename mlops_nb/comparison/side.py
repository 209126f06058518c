"""Two or more runs side by side, for a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mlops_nb.comparison.outputs import compare_outputs
from mlops_nb.comparison.records import (
    code_of,
    data_read,
    data_written,
    environment_of,
    flatten,
    randomness_of,
    sources_of,
    window_of,
)
from mlops_nb.comparison.texts import diff_code
from mlops_nb.comparison.values import Level, level_of
from mlops_nb.comparison.views import MISSING, Comparison, Row, RunView, Tolerance
from mlops_nb.errors import InvalidInput

__all__ = ["compare_runs"]

_MOST = 50

_PARTS: dict[str, Callable[[RunView], Mapping[str, Any]]] = {
    "run": lambda view: {
        "status": view.run.status.value,
        "experiment": view.run.experiment,
        "notebook": view.run.notebook,
        "revision": view.run.revision,
        "user": view.run.user,
        "duration_ms": view.run.duration_ms,
    },
    "metrics": lambda view: view.run.metrics,
    "params": lambda view: view.run.params,
    "tags": lambda view: view.run.tags,
    "data": lambda view: data_read(view) | {f"{path} (written)": d for path, d in data_written(view).items()},
    "environment": environment_of,
    "git": lambda view: flatten(view.facts.get("git") or {}),
    "randomness": randomness_of,
    "artifacts": lambda view: {artifact.path: artifact.digest for artifact in view.artifacts},
    "error": lambda view: {
        key: value for key, value in (view.facts.get("error") or {}).items() if key in ("ename", "evalue")
    },
}


def compare_runs(views: Sequence[RunView], tolerance: float | None = None) -> Comparison:
    """Put runs side by side: everything that was recorded, and in what they differ.

    Parameters
    ----------
    views : sequence of RunView
        2 to 50; the first is what the others are measured against.
    tolerance : float, optional
        Relative tolerance for `Row.close`; see `judge`.

    Raises
    ------
    InvalidInput
        If there are fewer than 2 or more than 50.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mlops_nb.entities import Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0, params={"lr": 0.1, "n": 5})
    >>> compare_runs([RunView(run), RunView(replace(run, run_id="b", params={"lr": 0.2, "n": 5}))]).sections()
    {'params': [('lr', [0.1, 0.2])]}
    """
    if not 2 <= len(views) <= _MOST:
        raise InvalidInput(
            f"{len(views)} runs cannot be compared.", hint=f"Name 2 to {_MOST} runs: mlops-nb compare RUN RUN..."
        )
    limits = Tolerance.of(tolerance)
    rows = [row for part, read in _PARTS.items() for row in _rows(part, [read(view) for view in views], limits)]
    rows += _rows("models", _models(views), limits)
    rows += _output_rows(views, limits)
    first = _whole_code(views[0])
    names = [view.run.name or view.run.run_id[:8] for view in views]
    diffs = tuple(
        diff_code(first, _whole_code(view), (names[0], name)) for view, name in zip(views[1:], names[1:], strict=True)
    )
    return Comparison(tuple(view.run.run_id for view in views), tuple(rows), diffs)


def _rows(part: str, sides: Sequence[Mapping[str, Any]], tolerance: Tolerance) -> Iterable[Row]:
    for name in dict.fromkeys(key for side in sides for key in side):
        values = tuple(side.get(name, MISSING) for side in sides)
        worst = max(level_of(values[0], value, tolerance) for value in values[1:])
        yield Row(part, name, values, worst is Level.SAME, worst.within)


def _models(views: Sequence[RunView]) -> list[dict[str, Any]]:
    """Models by place: their class, and what is set of those whose class all runs have: of others it says nothing."""
    listed = [[model for model in view.facts.get("models") or () if isinstance(model, Mapping)] for view in views]
    common = set.intersection(*({model.get("class") for model in models} for models in listed))
    sides: list[dict[str, Any]] = []
    for models in listed:
        side: dict[str, Any] = {}
        for place, model in enumerate(models, 1):
            kind = str(model.get("class") or model.get("name"))
            side[f"model {place}"] = kind.rpartition(".")[2]
            if kind in common:
                side |= flatten(model.get("params") or {}, kind.rpartition(".")[2])
        sides.append(side)
    return sides


def _output_rows(views: Sequence[RunView], tolerance: Tolerance) -> Iterable[Row]:
    """Outputs against those of the first run: what it showed and, for each other run, what that one showed instead."""
    first = views[0]
    shown: dict[str, list[Any]] = {}
    levels: dict[str, Level] = {}
    for column, view in enumerate(views[1:], 1):
        outputs = [side.facts.get("outputs") or () for side in (first, view)]
        windows = (window_of(first), window_of(view))
        for difference in compare_outputs(outputs[0], outputs[1], tolerance, windows):
            values = shown.setdefault(difference.name, [difference.expected] * len(views))
            values[column] = difference.actual
            level = Level.CLOSE if difference.within else Level.FAR
            levels[difference.name] = max(levels.get(difference.name, Level.SAME), level)
    for name, values in shown.items():
        yield Row("outputs", name, tuple(values), False, levels[name].within)


def _whole_code(view: RunView) -> str:
    """The slice if there is one, since it is what made the result; else the cell."""
    return "\n\n".join(sources_of(view)) or code_of(view)
