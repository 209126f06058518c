"""A session in parts: whole again when it is read, full parts written the same by every run, the oldest text cut."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_nb.tracking import session_facts
from mlops_nb.tracking.session_facts import PART, SessionFacts, whole_session


def entry(index: int, source: str) -> dict[str, Any]:
    return {
        "index": index, "execution_count": index + 1, "cell_id": None, "source": source, "error": "",
        "needs": [index - 1] if index else [], "reads": ["x"],
    }  # fmt: skip


def test_parts_are_whole_again_and_full_ones_stay_as_they_are() -> None:
    session = SessionFacts(lambda source: source.replace("secret", "***"))
    log: list[dict[str, Any]] = []
    seen: dict[str, set[str]] = {}
    for index in range(2 * PART + 3):
        log.append(entry(index, f"x = 'secret {index}'"))
        facts = session.of(log)
        for kind, value in facts.items():
            seen.setdefault(kind, set()).add(value.text)
    whole = whole_session({"code": "x", **facts})
    assert list(whole) == ["code", "session"]
    assert [each["index"] for each in whole["session"]] == list(range(2 * PART + 3))
    assert whole["session"][5]["source"] == "x = '*** 5'"
    assert set(whole["session"][5]) == {"index", "execution_count", "cell_id", "source", "error", "needs"}
    assert [len(texts) for texts in seen.values()] == [PART, PART, 3]  # each execution changes one part, the last


def test_the_oldest_sources_are_cut_where_a_session_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_facts, "LIMIT", 1000)
    session = SessionFacts(lambda source: source)
    log = [entry(index, "y" * 300) for index in range(PART + 2)]
    session.of(log[:PART])
    entries = whole_session(session.of(log))["session"]
    assert [len(each["source"]) for each in entries[-4:]] == [0, 300, 300, 300]
    assert all(each["cut"] for each in entries[:-3]) and "cut" not in entries[-1]


def test_states_of_randomness_are_facts_that_runs_share() -> None:
    session = SessionFacts(lambda source: source)
    states = [{"random": {"words": "x" * 5000}}, {"random": {"words": "y"}}]
    first = session.apart({"states": states, "before": {"0": 0, "1": 1}})
    second = session.apart({"states": states[:1], "before": {"0": 0, "2": 0}})
    assert first["state:0"] is second["state:0"] and "states" not in first["randomness"]
    assert whole_session(first)["randomness"] == {"states": states, "before": {"0": 0, "1": 1}}
    assert whole_session({"randomness": {"states": states}})["randomness"]["states"] == states  # as it was kept before
    assert session.apart({"states": []}) == {"randomness": {"states": []}}
