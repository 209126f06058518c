"""What a result was made from, and what else stands beside it: facts flattened into names and values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_nb.comparison.masks import Window
from mlops_nb.comparison.views import RunView

__all__ = [
    "code_of",
    "data_read",
    "data_written",
    "environment_of",
    "flatten",
    "is_duration",
    "randomness_of",
    "sources_of",
    "window_of",
]

_DURATIONS = frozenset(
    "time times elapsed duration durations runtime walltime seconds secs millis milliseconds minutes timestamp latency "
    "took".split()
)
_UNITS = frozenset("s sec ms us ns min h".split())
_PASSING = frozenset(
    "pid captured captured_at time timestamp seconds uptime load memory_available memory_free disk_free".split()
)


def is_duration(name: str) -> bool:
    """Whether a metric's name says that it is a measured time, which never repeats: ``fit_time``, ``elapsed_ms``.

    The last word decides, units left out: ``time_to_failure`` is a result.

    Examples
    --------
    >>> is_duration("fit_time"), is_duration("elapsed_ms"), is_duration("time_to_failure"), is_duration("rmse")
    (True, True, False, False)
    """
    words = [word for word in name.replace("-", "_").replace(".", "_").replace("/", "_").lower().split("_") if word]
    while len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    return bool(words) and words[-1] in _DURATIONS


def window_of(view: RunView) -> Window | None:
    """When the run ran.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> window_of(RunView(Run("a", "a", "0", "e", Status.FINISHED, 1000, 2000)))
    Window(start=1000, end=2000)
    """
    run = view.run
    return Window(run.start_time, max(run.start_time, run.end_time or run.start_time)) if run.start_time > 0 else None


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dotted names; lists stay as they are.

    Examples
    --------
    >>> flatten({"cpu": {"count": 2}, "python": "3.11"})
    {'cpu.count': 2, 'python': '3.11'}
    """
    if not isinstance(value, Mapping):
        return {prefix: value} if prefix else {}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def environment_of(view: RunView) -> dict[str, Any]:
    """Packages by name (in their normalised spelling) with version, then everything else that was captured.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0)
    >>> environment_of(RunView(run, {"environment": {"packages": {"Scikit_Learn": "1.5"}, "python": "3.11"}}))
    {'scikit-learn': '1.5', 'python': '3.11'}
    """
    facts = view.facts.get("environment")
    if not isinstance(facts, Mapping):
        return {}
    found = {name.lower().replace("_", "-").replace(".", "-"): v for name, v in _versions(facts.get("packages"))}
    rest = flatten({key: value for key, value in facts.items() if key not in ("packages", "imported")})
    kept = {name: value for name, value in rest.items() if name.rsplit(".", 1)[-1] not in _PASSING}
    return dict(sorted(found.items())) | kept


def _versions(packages: Any) -> Iterator[tuple[str, Any]]:
    """Packages as name to version, or as an array of ``{name, version, ...}``."""
    if isinstance(packages, Mapping):
        yield from ((str(name), version) for name, version in packages.items())
    elif isinstance(packages, list):
        entries = [entry for entry in packages if isinstance(entry, Mapping)]
        yield from ((str(entry.get("name")), entry.get("version")) for entry in entries)


def randomness_of(view: RunView) -> dict[str, Any]:
    """Each source of randomness with its state: short ones as they are, long ones as a digest.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0)
    >>> randomness_of(RunView(run, {"randomness": {"seed": 1, "python": [0] * 700}}))["python"][:6]
    'state '
    """
    facts = view.facts.get("randomness")
    if not isinstance(facts, Mapping):
        return {}
    if "states" not in facts:
        return {name: _shorten(value) for name, value in facts.items()}
    # Of a tracked cell: the states before each execution of its slice, by place. Readers want the cell's own.
    states, process = list(facts["states"] or ()), facts.get("process") or {}
    found = {"state before the cell": _shorten(states[-1])} if states else {}
    found["fresh entropy"] = bool(facts.get("entropy"))
    found["hash seed"] = process.get("hash_seed")
    return found


def _shorten(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True, default=str)
    return value if len(text) <= 80 else f"state {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def data_read(view: RunView) -> dict[str, str]:
    """What the run read, by path or name, with its digest.

    Examples
    --------
    >>> from mlops_nb.entities import DataRef, Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0)
    >>> data_read(RunView(run, data=[DataRef("a.csv", "sha256:00", 1), DataRef("b.csv", "sha256:01", 1, "write")]))
    {'a.csv': 'sha256:00'}
    """
    return dict(_digests(view, ("read", "log")))


def data_written(view: RunView) -> dict[str, str]:
    """What the run wrote, by path, with its digest.

    Examples
    --------
    >>> from mlops_nb.entities import DataRef, Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0)
    >>> data_written(RunView(run, data=[DataRef("b.csv", "sha256:01", 1, "write")]))
    {'b.csv': 'sha256:01'}
    """
    return dict(_digests(view, ("write",)))


def _digests(view: RunView, modes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for ref in view.data:
        if ref.mode in modes:
            yield ref.path or ref.name or ref.digest, ref.digest


def code_of(view: RunView) -> str:
    """The cell as it was typed.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> code_of(RunView(Run("a", "a", "0", "e", Status.FINISHED, 0), {"code": "x = 1"}))
    'x = 1'
    """
    code = view.facts.get("code")
    return code if isinstance(code, str) else ""


def sources_of(view: RunView) -> list[str]:
    """The cells of the slice, in the order in which they ran.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> facts = {"slice": [{"execution_count": 1, "source": "x = 1"}]}
    >>> sources_of(RunView(Run("a", "a", "0", "e", Status.FINISHED, 0), facts))
    ['x = 1']
    """
    cells = view.facts.get("slice")
    return (
        [str(cell.get("source", "")) for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else []
    )
