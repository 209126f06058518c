"""What is compared, and what a comparison says: plain data in, plain data out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlops_nb.entities import Artifact, DataRef, Run

__all__ = ["MISSING", "Comparison", "Difference", "Judgement", "Row", "RunView", "Tolerance"]


class _Missing:
    """What a run has where it has nothing: unlike None, which is a value that a param may have."""

    def __repr__(self) -> str:
        return "—"

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()
"""Stands for a value that a run does not have."""


@dataclass(frozen=True)
class RunView:
    """A run with everything that was recorded about it.

    Parameters
    ----------
    run : Run
        The run itself.
    facts : mapping
        What was captured, by kind: ``code``, ``slice``, ``environment``, ``git``, ``outputs``, ``error`` ...
    data : sequence of DataRef
        What it read and wrote.
    artifacts : sequence of Artifact
        Its files.
    read : callable, optional
        Gives the bytes of a digest. Without it files are compared by digest alone.
    """

    run: Run
    facts: Mapping[str, Any] = field(default_factory=dict)
    data: Sequence[DataRef] = ()
    artifacts: Sequence[Artifact] = ()
    read: Callable[[str], bytes] | None = None


class Tolerance(NamedTuple):
    """How far two numbers may be apart: ``|a - b| <= max(relative * max(|a|, |b|), absolute)``.

    Integers and booleans are exact unless the user asked for a tolerance (`covers_integers`).
    """

    relative: float = 1e-6
    absolute: float = 1e-9
    covers_integers: bool = False

    @classmethod
    def of(cls, asked: float | None) -> Tolerance:
        """The tolerance for what the user asked: None is the default, 0 is exact.

        Examples
        --------
        >>> Tolerance.of(0.01)
        Tolerance(relative=0.01, absolute=1e-09, covers_integers=True)
        """
        if asked is None:
            return cls()
        if not 0 <= asked < math.inf:
            from mlops_nb.errors import InvalidInput

            raise InvalidInput(f"A tolerance of {asked} makes no sense.", hint="Give a number from 0, such as 0.01.")
        return cls(asked, min(asked, 1e-9), asked > 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two runs are not the same.

    Parameters
    ----------
    kind : str
        ``metric``, ``output``, ``stderr``, ``artifact``, ``written``, ``model``, ``error``, ``status`` (results);
        ``code``, ``param``, ``data``, ``environment``, ``git``, ``randomness`` (what the results were made from);
        ``duration`` (measured times, which never repeat).
    name : str
        Which one.
    expected, actual : object
        The original's value and the other's; `MISSING` where there is none.
    delta : float, optional
        How far apart: ``actual - expected`` for numbers, 0 to 1 for images.
    within : bool, optional
        For a result, whether it is within the tolerance; None for what is not judged.
    detail : str
        More, for a reader: a diff, for instance.
    """

    kind: str
    name: str
    expected: Any
    actual: Any
    delta: float | None = None
    within: bool | None = None
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The difference as a plain dict; a missing value is None.

        Examples
        --------
        >>> Difference("metric", "acc", 1.0, MISSING).as_json()["actual"] is None
        True
        """
        return {
            "kind": self.kind,
            "name": self.name,
            "expected": None if self.expected is MISSING else self.expected,
            "actual": None if self.actual is MISSING else self.actual,
            "delta": self.delta,
            "within": self.within,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a rerun gave the same.

    Parameters
    ----------
    verdict : str
        ``identical``: every result is the same, after masking what never repeats (addresses, clocks, temporary paths).
        ``equivalent``: every result is within the tolerance. ``diverged``: at least one is not.
    tolerance : Tolerance
        What was used.
    differences : list of dict
        Each with ``kind, name, expected, actual, delta, within, detail``; the worst first.
    suspects : tuple of str
        Of ``code``, ``data``, ``environment``, ``randomness``: which of the things that results are made from differ.
        A suspect is a cause only if the verdict is not ``identical``.
    """

    verdict: str
    tolerance: Tolerance
    differences: list[dict[str, Any]]
    suspects: tuple[str, ...] = ()

    def explain(self) -> str:
        """The verdict in one sentence.

        Examples
        --------
        >>> Judgement("identical", Tolerance(), []).explain()
        'identical: every result is the same.'
        """
        results = [d for d in self.differences if d["within"] is not None]
        off = [d for d in results if not d["within"]]
        stated = f"relative {self.tolerance.relative:g}, absolute {self.tolerance.absolute:g}"
        if self.verdict == "identical":
            return "identical: every result is the same."
        if self.verdict == "equivalent":
            return f"equivalent: {len(results)} results differ, all within the tolerance ({stated})."
        first = f"{off[0]['kind']} {off[0]['name']}"
        more = f" and {len(off) - 1} more" if len(off) > 1 else ""
        return f"diverged: {first}{more} beyond the tolerance ({stated})."


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a comparison: a value for each run, `MISSING` where it has none.

    `same` says that all agree; `close` that all agree within the tolerance.
    """

    part: str
    name: str
    values: tuple[Any, ...]
    same: bool
    close: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side, the first being what the others are measured against.

    Parameters
    ----------
    run_ids : tuple of str
        The runs, in the order of every row's values.
    rows : tuple of Row
        Everything, the same or not, grouped by part: ``run``, ``metrics``, ``params``, ``tags``, ``data``,
        ``environment``, ``git``, ``randomness``, ``outputs``, ``artifacts``, ``models``, ``error``.
    code_diffs : tuple of str
        A unified diff of the code of each run but the first against the first; empty where it is the same.
    """

    run_ids: tuple[str, ...]
    rows: tuple[Row, ...]
    code_diffs: tuple[str, ...] = ()

    def select(self, *parts: str, differences_only: bool = True) -> list[Row]:
        """The rows of some parts, or of all.

        Examples
        --------
        >>> Comparison(("a", "b"), (Row("params", "lr", (1, 2), False, False),)).select("metrics")
        []
        """
        return [row for row in self.rows if (not parts or row.part in parts) and not (differences_only and row.same)]

    def sections(self, *parts: str, differences_only: bool = True) -> dict[str, list[tuple[str, list[Any]]]]:
        """The same by part, as (name, values) with None for what is missing.

        Examples
        --------
        >>> Comparison(("a", "b"), (Row("params", "lr", (1, MISSING), False, False),)).sections()
        {'params': [('lr', [1, None])]}
        """
        found: dict[str, list[tuple[str, list[Any]]]] = {}
        for row in self.select(*parts, differences_only=differences_only):
            values = [None if value is MISSING else value for value in row.values]
            found.setdefault(row.part, []).append((row.name, values))
        return found

    @property
    def code_diff(self) -> str:
        """All diffs of code, one after the other."""
        return "\n".join(diff.rstrip() for diff in self.code_diffs if diff)
