"""Has a column changed? Tests and distances of two counts over the same bins, through scipy. Counts in, words out.

Two questions are asked of each column, and only both together make drift:

* *Is the difference more than chance?* Kolmogorov-Smirnov for what has an order (at the edges of the reference's bins,
  which makes its p-value cautious: it never rejects more often than with the values themselves), chi-square for
  categories. The p-values of all columns are adjusted after Benjamini and Hochberg: of the columns that are called
  changed, at most the share `Limits.alpha` is expected to be so by chance, however many columns there are.
* *Is it large?* With a million rows every difference is significant. The population stability index over at most ten
  bins says how large it is (below 0.1 is called small, from 0.2 on drift, as in credit scoring, where it comes from),
  less what chance alone is expected to give: ``(bins - 1) (1/n + 1/m)``.

With few rows a test that finds nothing says little: `least_visible` is the smallest shift of the distribution that the
test could have found, and above `Limits.blind` the verdict is "too little data to tell".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_nb.errors import InvalidInput, require

SAME, SLIGHT, DRIFT, UNKNOWN = "same", "slight", "drift", "unknown"
"""Verdicts: no difference beyond chance; one that is real and small; one that is real and large; too little data."""

PSI_BINS = 10
_EMPTY = 1e-4
"""The least share of a bin in the PSI, which is infinite where one side has nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a difference counts.

    Attributes
    ----------
    alpha : float
        The share of false alarms among the columns that are called changed.
    psi : float
        From this population stability index on a real difference is drift.
    blind : float
        If only shifts of the distribution larger than this could be seen, there is too little data.
    quality : float
        From this share of rows on, more missing, impossible or unknown values than in training are a fault.
    """

    alpha: float = 0.01
    psi: float = 0.2
    blind: float = 0.3
    quality: float = 0.01

    def __post_init__(self) -> None:
        for name in ("alpha", "psi", "blind", "quality"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value < (10 if name == "psi" else 1)):
                raise InvalidInput(f"The limit {name} is {value}.", hint="It is more than 0 and less than 1.")


@dataclass(frozen=True, slots=True)
class Difference:
    """How two counts over the same bins differ.

    Attributes
    ----------
    test : str
        ``KS`` or ``chi-square``; empty if there was nothing to test.
    statistic, p : float
    psi : float
        Population stability index, less what chance gives; never below 0.
    js : float
        Jensen-Shannon distance, base 2: 0 the same, 1 nothing in common.
    shift : float or None
        Wasserstein distance in standard deviations of the reference; None for categories.
    visible : float
        The smallest shift of the distribution function that the test could see.
    """

    test: str
    statistic: float
    p: float
    psi: float
    js: float
    shift: float | None
    visible: float


def compare_ordered(
    reference: Sequence[int],
    current: Sequence[int],
    edges: Sequence[float],
    *,
    spread: float = 0.0,
    alpha: float = 0.01,
) -> Difference:
    """Compare counts over bins of an ordered column.

    Parameters
    ----------
    reference, current : sequence of int, length k
        Counts over the same bins.
    edges : sequence of float, length k + 1
        Of the bins; bin i holds ``edges[i] < x <= edges[i + 1]``.
    spread : float
        The reference's standard deviation, by which the Wasserstein distance is divided.
    alpha : float
        For `Difference.visible`.

    Returns
    -------
    Difference

    Examples
    --------
    >>> compare_ordered([50, 50], [50, 50], [0, 1, 2]).statistic
    0.0
    >>> found = compare_ordered([500, 500], [100, 900], [0, 1, 2], spread=0.5)
    >>> round(found.statistic, 2), found.p < 1e-6, round(found.shift, 2)
    (0.4, True, 0.8)
    """
    import numpy

    stats = require("scipy.stats", "monitor", purpose="test for drift")
    old, new = numpy.asarray(reference, dtype=float), numpy.asarray(current, dtype=float)
    n, m = float(old.sum()), float(new.sum())
    if not n or not m:
        return Difference("", 0.0, 1.0, 0.0, 0.0, None, 1.0)
    gap = float(numpy.abs(numpy.cumsum(old) / n - numpy.cumsum(new) / m).max())
    even = n * m / (n + m)
    p = float(stats.kstwo.sf(gap, max(1, round(even)))) if gap > 0 else 1.0
    bounds = numpy.asarray(edges, dtype=float)
    centres = bounds[:-1] / 2 + bounds[1:] / 2  # halved first: their sum may be infinite
    with numpy.errstate(all="ignore"):
        distance = float(stats.wasserstein_distance(centres, centres, old, new))
    shift = distance / spread if spread > 0 and math.isfinite(distance) else None
    few, many = _merge(old), _merge(new, old)
    return Difference("KS", gap, min(1.0, p), stability(few, many), _divergence(old, new), shift, _visible(even, alpha))


def compare_categories(reference: Sequence[int], current: Sequence[int], *, alpha: float = 0.01) -> Difference:
    """Compare counts of the same categories; rare ones are tested together.

    Examples
    --------
    >>> compare_categories([60, 40], [60, 40]).p
    1.0
    >>> compare_categories([600, 400, 0], [300, 300, 400]).p < 1e-9
    True
    """
    import numpy

    stats = require("scipy.stats", "monitor", purpose="test for drift")
    old, new = numpy.asarray(reference, dtype=float), numpy.asarray(current, dtype=float)
    n, m = float(old.sum()), float(new.sum())
    if not n or not m:
        return Difference("", 0.0, 1.0, 0.0, 0.0, None, 1.0)
    visible = _visible(n * m / (n + m), alpha)
    expected = (old + new) * min(n, m) / (n + m)
    rare = expected < 5  # where chi-square is not to be trusted
    table = numpy.stack([old, new])
    table = numpy.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    statistic, p = 0.0, 1.0
    if table.shape[1] > 1:
        found = stats.chi2_contingency(table, correction=False)
        statistic, p = float(found.statistic), float(found.pvalue)
    return Difference("chi-square", statistic, p, stability(old, new), _divergence(old, new), None, visible)


def _merge(counts: Any, guide: Any = None) -> Any:
    """Bins joined until there are at most `PSI_BINS`, of about the same weight in `guide`."""
    import numpy

    if len(counts) <= PSI_BINS:
        return counts
    guide = counts if guide is None else guide
    done = (numpy.cumsum(guide) - guide / 2) / guide.sum()
    return numpy.bincount((done * PSI_BINS).astype(int).clip(0, PSI_BINS - 1), counts, minlength=PSI_BINS)


def stability(reference: Any, current: Any) -> float:
    """The population stability index of two counts over the same bins, less what chance is expected to give.

    Examples
    --------
    >>> stability([500, 500], [500, 500]), round(stability([500, 500], [100, 900]), 2)
    (0.0, 0.88)
    """
    import numpy

    old, new = numpy.asarray(reference, dtype=float), numpy.asarray(current, dtype=float)
    if not old.sum() or not new.sum():
        return 0.0
    used = (old + new) > 0
    old, new = old[used], new[used]
    n, m = old.sum(), new.sum()
    a, b = numpy.maximum(old / n, _EMPTY), numpy.maximum(new / m, _EMPTY)
    raw = float(((b - a) * numpy.log(b / a)).sum())
    return max(0.0, float(raw - (len(old) - 1) * (1 / n + 1 / m)))


def _divergence(old: Any, new: Any) -> float:
    distance = require("scipy.spatial.distance", "monitor", purpose="measure drift")
    found = float(distance.jensenshannon(old, new, base=2))
    return found if math.isfinite(found) else 0.0


def _visible(even: float, alpha: float) -> float:
    """The gap from which on Kolmogorov and Smirnov's test rejects, of so many rows (harmonic mean of both, halved)."""
    return min(1.0, math.sqrt(-math.log(alpha / 2) / 2 / even))


def adjust(found: Sequence[Difference]) -> list[float]:
    """The p-values of several columns, adjusted after Benjamini and Hochberg; of those that were tested.

    Examples
    --------
    >>> adjust([Difference("KS", 0.2, p, 0.0, 0.0, None, 0.1) for p in (0.01, 0.5, 0.02)])
    [0.03, 0.5, 0.03]
    """
    stats = require("scipy.stats", "monitor", purpose="correct for many columns")
    tested = [number for number, each in enumerate(found) if each.test]
    values = [each.p for each in found]
    if tested:
        adjusted = stats.false_discovery_control([values[number] for number in tested])
        for number, value in zip(tested, adjusted, strict=True):
            values[number] = float(value)
    return values


def decide(found: Difference, p: float, rows: int, limits: Limits) -> tuple[str, str]:
    """The verdict on a column, and why, in plain words.

    Parameters
    ----------
    found : Difference
    p : float
        The adjusted p-value.
    rows : int
        Values that were compared with the reference.
    limits : Limits

    Returns
    -------
    (str, str)
        `SAME`, `SLIGHT`, `DRIFT` or `UNKNOWN`, and the sentence.

    Examples
    --------
    >>> decide(Difference("KS", 0.02, 0.8, 0.001, 0.01, 0.02, 0.1), 0.8, 900, Limits())
    ('same', 'differs no more than by chance (p 0.8)')
    >>> decide(Difference("KS", 0.4, 1e-9, 0.6, 0.3, 0.9, 0.1), 1e-8, 900, Limits())
    ('drift', 'has moved by 0.90 standard deviations: PSI 0.60, p 1e-08')
    >>> decide(Difference("KS", 0.2, 0.9, 0.0, 0.1, 0.0, 0.5), 0.9, 12, Limits())[1]
    'too little data to tell: of 12 rows only a shift of 50 % or more could be seen'
    """
    if not found.test:
        return UNKNOWN, "nothing to compare" if rows else "no value was seen"
    if p <= limits.alpha:
        size = f"PSI {found.psi:.2f}, p {p:.1g}" if p >= 1e-99 else f"PSI {found.psi:.2f}, p below 1e-99"
        moved = f"has moved by {found.shift:.2f} standard deviations: {size}" if found.shift is not None else ""
        if found.psi >= limits.psi:
            return DRIFT, moved or f"has other shares than in training: {size}"
        return SLIGHT, f"differs really, but little ({size})"
    if found.visible > limits.blind:
        return UNKNOWN, (
            f"too little data to tell: of {rows:,} rows only a shift of {found.visible:.0%} or more could be seen"
        ).replace("%", " %")
    return SAME, f"differs no more than by chance (p {p:.2g})"


def more_than_chance(count: int, rows: int, expected: int, out_of: int) -> float:
    """The probability that chance makes `count` of `rows` or more, with `expected` of `out_of` seen before (Fisher).

    Examples
    --------
    >>> more_than_chance(0, 100, 0, 100), more_than_chance(50, 100, 1, 1000) < 1e-9
    (1.0, True)
    """
    stats = require("scipy.stats", "monitor", purpose="test for faults in data")
    if not count or not rows or not out_of or count / rows <= expected / out_of:
        return 1.0
    return float(stats.hypergeom.sf(count - 1, rows + out_of, count + expected, rows))
