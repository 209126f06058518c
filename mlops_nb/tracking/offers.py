"""What a run of this process could still log: models that its cell fitted, while they are as they were."""

from __future__ import annotations

from collections.abc import Callable

KEPT_OFFERS = 100
"""Cells whose fitted models can still be logged afterwards; those of earlier ones are given up."""

_offers: dict[str, Callable[[], bool]] = {}


def keep_offer(run_id: str, log: Callable[[], bool]) -> None:
    """Remember how the models that a run fitted can still be logged; `log` says whether it did.

    Examples
    --------
    >>> keep_offer("r1", lambda: True)
    >>> take_offer("r1"), take_offer("r1")
    (True, False)
    """
    _offers[run_id] = log
    while len(_offers) > KEPT_OFFERS:
        del _offers[next(iter(_offers))]


def take_offer(run_id: str) -> bool:
    """Log the models that a run of this process fitted; False if it fitted none, or they are gone or changed since."""
    log = _offers.get(run_id)
    if log is None or not log():
        return False
    _offers.pop(run_id, None)
    return True


def offered_runs() -> list[str]:
    """Runs of this process whose models can still be logged, the latest first.

    Examples
    --------
    >>> offered_runs()
    []
    """
    return list(reversed(_offers))
