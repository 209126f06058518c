"""How to find a page of runs: begin with the filter's sharpest term, or walk the order and try each run.

PostgreSQL's planner knows; SQLite's can not guess when a walk that stops at the limit is the shorter way, so the terms
are counted, which their indexes give in a fraction of a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

CAP = 2000
"""Counting goes no further, plus a share of all runs in large stores."""

STEPS = 3
"""How many steps of a walk cost as much as one run that a driver leaves, which has to be looked up and sorted."""


LISTED = 2000
"""A term that leaves no more runs is listed once for a walk, which then looks into that list and into no table."""


class Plan(NamedTuple):
    """The place of the filter's term to begin with (None walks the order), and of those that are listed for a walk."""

    driver: int | None = None
    listed: tuple[int, ...] = ()


WALK = Plan()


def count_limit(runs: int) -> int:
    """How far a term is counted.

    Examples
    --------
    >>> count_limit(100_000)
    7000
    """
    return CAP + runs // 20


def make_plan(runs: int, counts: Sequence[tuple[int, int]], limit: int, share: float = 1.0) -> Plan:
    """The term to begin with, or a walk in the order.

    Parameters
    ----------
    runs : int
        Runs in the store.
    counts : sequence of (int, int)
        For each term that an index serves: its place in the filter, and how many runs it leaves (at most
        `count_limit`).
    limit : int
        Runs wanted.
    share : float
        Of all runs, those that are asked about at all: of their experiments.

    Returns
    -------
    Plan

    Examples
    --------
    >>> make_plan(10_000, [(0, 4500), (1, 400)], 100), make_plan(10_000, [(0, 2500)], 100)
    (Plan(driver=1, listed=()), Plan(driver=None, listed=()))
    >>> make_plan(10_000, [(0, 1000)], 100)
    Plan(driver=None, listed=(0,))
    """
    if not counts:
        return WALK
    cap = count_limit(runs)
    for _, count in counts:  # as if the terms did not depend on each other
        part = min(1.0, max(count, 1) / max(runs, 1))
        share *= part if count < cap else math.sqrt(part)  # of a term that goes on beyond the cap: between that and all
    walked = limit / share if share else math.inf
    fewest, place = min((count, place) for place, count in counts)
    if walked >= runs or fewest * STEPS <= walked:
        return Plan(place)
    # Making the list costs a step for each of its runs, and saves the better half of a step of the walk.
    return Plan(None, tuple(place for place, count in counts if count < min(cap, LISTED) and count <= walked))
