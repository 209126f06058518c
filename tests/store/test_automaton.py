"""Patterns without going back find what `re` finds, and end."""

from __future__ import annotations

import random
import re
import time

import pytest

from mlops_nb.store.automaton import CHEAP, automaton_of, searcher
from mlops_nb.store.matching import match, may_explode

PIECES = [
    *("a", "b", "A", r"\.", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "1", "\n", "\u00e9", "[a-z]"),
    *("^", "$", r"\b", r"\B", r"\A", r"\Z", "a*", "b+", "a?", "b{2}", "a{1,3}", "b*?", "a{0,2}?"),
]


def make_pattern(chance: random.Random, depth: int) -> str:
    found = ""
    for _ in range(chance.randint(1, 4)):
        kind = chance.random() if depth else 0
        if kind < 0.7:
            found += chance.choice(PIECES)
        elif kind < 0.85:
            found += f"({make_pattern(chance, depth - 1)})" + chance.choice(["", "*", "+", "?"])
        else:
            found += f"(?:{make_pattern(chance, depth - 1)}|{make_pattern(chance, depth - 1)})"
    return found


def test_the_same_as_re() -> None:
    chance, tried = random.Random(7), 0
    while tried < 3000:
        pattern = chance.choice(["", "", "(?i)", "(?s)", "(?m)", "(?im)"]) + make_pattern(chance, 2)
        try:
            compiled = re.compile(pattern)
        except (re.error, OverflowError):
            continue
        automaton = automaton_of(pattern)
        if automaton is None:
            continue
        for _ in range(5):
            text = "".join(chance.choice("abAB1. \n\u00e9_") for _ in range(chance.randint(0, 9)))
            assert automaton.search(text) == (compiled.search(text) is not None), (pattern, text)
            tried += 1


@pytest.mark.parametrize(
    "pattern", ["a*a*a*a*a*b", "a?" * 25 + "a" * 25 + "b", "(a|aa)(a|aa)(a|aa)" * 5 + "x", ".*a.*a.*a.*b", r"a+\w+1"]
)
def test_long_texts_end(pattern: str) -> None:
    assert not may_explode(pattern)
    before = time.process_time()
    for size in (int(CHEAP**0.5), 30_000):
        assert match(pattern, "a" * size) == 0
    assert time.process_time() - before < 5  # `re` would take years


@pytest.mark.parametrize("pattern", ["(?=a)a*a*b", r"(a*)\1b", "(?<!x)a+a+b", "(?>a*)a*b"])
def test_what_looks_around_or_back_does_not_repeat(pattern: str) -> None:
    assert automaton_of(pattern) is None and may_explode(pattern)
    assert not may_explode(r"(?!x)abc") and searcher("(?!x)abc")("xabc")
