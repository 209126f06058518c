"""Is the data what it was in training: missing, impossible, unknown values. Pure: counts in, a sentence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_nb.monitoring.drift import Limits, more_than_chance
from mlops_nb.monitoring.tallies import Faults


def judge_quality(profile: Mapping[str, Any], faults: Faults, limits: Limits, *, tried: int = 1) -> tuple[str, str]:
    """Compare the faults of a column with those that it had in training.

    Parameters
    ----------
    profile : mapping
        The column's entry in the reference.
    faults : Faults
    limits : Limits
        A fault is a share of at least ``quality`` more than in training, which is more than chance.
    tried : int
        Columns that are looked at: so many times stricter is the test (Bonferroni).

    Returns
    -------
    (str, str)
        ``ok`` or ``fault``, and the sentence.

    Examples
    --------
    >>> judge_quality({"count": 1000, "missing": 0}, Faults(rows=1000, missing=200), Limits())
    ('fault', '20 % are missing (0 % in training)')
    >>> judge_quality({"count": 1000, "missing": 210}, Faults(rows=1000, missing=200), Limits())
    ('ok', '')
    """
    known = int(profile.get("count") or 0) + int(profile.get("missing") or 0)
    if not faults.rows or not known:
        return "ok", ""
    alpha = limits.alpha / max(1, tried)
    present = int(profile.get("count") or 0)
    names = ", ".join(list(faults.new_values)[:3])
    checks = (
        (faults.missing, int(profile.get("missing") or 0), known, "are missing"),
        (faults.wrong_type, 0, known, f"are no {profile.get('kind', 'value')} values"),
        (faults.infinite, int(profile.get("infinite") or 0), present, "are infinite"),
        (faults.below, 2, present, f"are below the minimum of training ({_number(profile.get('min'))})"),
        (faults.above, 2, present, f"are above the maximum of training ({_number(profile.get('max'))})"),
        (faults.new, 2, present, f"are values that training did not have ({names})"),
    )
    said = []
    for count, before, total, words in checks:
        share, was = count / faults.rows, before / total if total else 0.0
        if share - was >= limits.quality and more_than_chance(count, faults.rows, before, total) <= alpha:
            beside = f" ({_percent(was)} in training)" if words == "are missing" else ""
            said.append(f"{_percent(share)} {words}{beside}")
    return ("fault", "; ".join(said)) if said else ("ok", "")


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share < 0.995 else f"{share * 100:.0f} %"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
