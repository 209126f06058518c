"""How a run begins: a fresh id, the time, and a name that can be read out."""

from __future__ import annotations

from typing import Any

from mlops_nb.entities import RunStart, check_name, new_id, now_ms


def new_start(name: str | None, experiment: str, user: str, **fields: Any) -> RunStart:
    """A `RunStart` with a fresh id, the time, and a name that can be read out when none is given.

    Examples
    --------
    >>> new_start("first", "Default", "ana").name
    'first'
    """
    run_id = new_id()
    text = name if name else random_name(run_id)
    check_name("run", text)
    check_name("experiment", experiment)
    return RunStart(run_id, text, experiment, _later_than_the_last(), user=user, **fields)


_last_start = 0


def _later_than_the_last() -> int:
    """Now, in ms; or a moment more: runs that begin in the same millisecond are still told apart, newest first."""
    global _last_start
    now = now_ms()
    # A clock that was set back by more than that is the truth from now on.
    _last_start = _last_start + 1 if 0 <= _last_start - now < 1000 else now
    return _last_start


ADJECTIVES = (
    "amber bold brisk calm clear crisp deft eager early fair fleet fond grand keen kind late light lively lucid mellow"
)
NOUNS = "alder ash aspen beech birch brook cedar cliff cove dune elm fern field fir fjord glade grove heath hill lake"


def random_name(run_id: str) -> str:
    """A short name made from a run's random bits.

    Examples
    --------
    >>> random_name("0190c9f0a1b27000" + "0" * 16)
    'amber-alder-000'
    """
    bits = int(run_id[-12:], 16)
    adjectives, nouns = ADJECTIVES.split(), NOUNS.split()
    return f"{adjectives[bits % 20]}-{nouns[bits // 20 % 20]}-{bits // 400 % 1000:03d}"
