"""A session as facts of a run, in parts of which each is written once: no cell pays for how long the session is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_nb.wire.encoded import Encoded

PART = 64
"""Executions of one part: full ones do not change any more, so that all runs of a session share their documents."""
LIMIT = 1_000_000
"""Characters of source that are kept; beyond it the oldest ones are left empty."""
KIND = "session"
_KEYS = ("index", "execution_count", "cell_id", "source", "error", "needs")
_encode = json.JSONEncoder(separators=(",", ":")).encode


class SessionFacts:
    """What is recorded of a session that grows.

    Parameters
    ----------
    clean : callable
        Takes secrets out of a cell's source.

    Examples
    --------
    >>> session = SessionFacts(lambda source: source)
    >>> one = {"index": 0, "execution_count": 1, "cell_id": None, "source": "x = 1", "error": "", "needs": []}
    >>> [whole_session(session.of([one]))["session"][0]["source"], len(session.of([one]))]
    ['x = 1', 1]
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._texts: list[str] = []
        self._full: dict[int, Encoded] = {}
        self._size = 0
        self._cut = 0

    def of(self, log: Sequence[Mapping[str, Any]]) -> dict[str, Encoded]:
        """The facts of a run that ends now, by kind; `log` holds every execution, those of the last call first."""
        for entry in log[len(self._texts) :]:
            self._texts.append(_encode({key: entry[key] for key in _KEYS} | {"source": self._clean(entry["source"])}))
            self._size += len(entry["source"])
        while self._size > LIMIT and self._cut < len(self._texts):
            entry = log[self._cut]
            self._size -= len(entry["source"])
            self._texts[self._cut] = _encode({key: entry[key] for key in _KEYS} | {"source": "", "cut": True})
            self._full.pop(self._cut // PART, None)
            self._cut += 1
        parts = range(0, max(len(self._texts), 1), PART)
        return {f"{KIND}:{number}" if number else KIND: self._part(number) for number in range(len(parts))}

    def _part(self, number: int) -> Encoded:
        known = self._full.get(number)
        if known is None:
            texts = self._texts[number * PART : (number + 1) * PART]
            known = Encoded(f"[{','.join(texts)}]")
            if len(texts) == PART:
                self._full[number] = known
        return known


def whole_session(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as they were captured: a session's parts put together.

    Examples
    --------
    >>> whole_session({"session": [1], "session:2": [3], "session:1": [2], "cell": {}})
    {'session': [1, 2, 3], 'cell': {}}
    """
    numbers = sorted(int(kind[len(KIND) + 1 :]) for kind in facts if _is_part(kind))
    whole = {kind: _plain(value) for kind, value in facts.items() if not _is_part(kind)}
    if numbers:
        parts = [_plain(facts[f"{KIND}:{number}"]) for number in numbers]
        whole[KIND] = [*whole.get(KIND, ()), *(entry for part in parts for entry in part)]
    return whole


def _is_part(kind: str) -> bool:
    name, _, number = kind.partition(":")
    return name == KIND and number.isdecimal()


def _plain(value: Any) -> Any:
    return value.value() if type(value) is Encoded else value
