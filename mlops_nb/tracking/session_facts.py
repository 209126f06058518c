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
STATE = "state"
"""Of random generators, before an execution: most of a session's executions, and so of its runs, share one."""
LIMIT_STATES = 256
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
        self._states: dict[int, tuple[Mapping[str, Any], Encoded]] = {}

    def apart(self, randomness: Mapping[str, Any]) -> dict[str, Any]:
        """What is recorded of randomness, by kind: its ``states`` as facts of their own, so that runs share them."""
        rest = {key: value for key, value in randomness.items() if key != "states" or not value}
        states = enumerate(randomness["states"])
        return {"randomness": rest} | {f"{STATE}:{number}": self._state(state) for number, state in states}

    def _state(self, state: Mapping[str, Any]) -> Encoded:
        known = self._states.get(id(state))
        if known is None or known[0] is not state:
            if len(self._states) >= LIMIT_STATES:
                self._states.clear()
            known = self._states[id(state)] = state, Encoded(_encode(state))
        return known[1]

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
    """Facts as they were captured: a session's parts put together, and the states of its random generators.

    Examples
    --------
    >>> whole_session({"randomness": {"before": {"0": 0}}, "state:0": {"random": 1}})["randomness"]
    {'before': {'0': 0}, 'states': [{'random': 1}]}
    >>> whole_session({"session": [1], "session:2": [3], "session:1": [2], "cell": {}})
    {'session': [1, 2, 3], 'cell': {}}
    """
    whole = {kind: _plain(value) for kind, value in facts.items() if not _is_part(kind)}
    if parts := _parts(facts, KIND):
        whole[KIND] = [*whole.get(KIND, ()), *(entry for part in parts for entry in part)]
    if (states := _parts(facts, STATE)) and isinstance(whole.get("randomness"), dict):
        whole["randomness"] = {**whole["randomness"], "states": states}
    return whole


def _parts(facts: Mapping[str, Any], name: str) -> list[Any]:
    numbers = sorted(int(kind[len(name) + 1 :]) for kind in facts if _is_part(kind, (name,)))
    return [_plain(facts[f"{name}:{number}"]) for number in numbers]


def _is_part(kind: str, names: Sequence[str] = (KIND, STATE)) -> bool:
    name, _, number = kind.partition(":")
    return name in names and number.isdecimal()


def _plain(value: Any) -> Any:
    return value.value() if type(value) is Encoded else value
