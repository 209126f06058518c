"""Regular expressions without going back: for texts on which `re` could try for longer than anybody lives.

`re` holds the interpreter while it tries. Here a text is read once, with all places in the pattern that it may be at.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

STATES = 3000
"""Most places in a pattern."""

KEPT = 20_000
"""Most steps that are remembered of a pattern."""

CHEAP = 4_000_000
"""As many tries as `re` makes in a few hundredths of a second."""

_CHARACTERS = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "CATEGORY", "RANGE"})
_PLACES = frozenset(
    {"AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING", "AT_BOUNDARY", "AT_NON_BOUNDARY"}
)

Context = tuple[bool, ...]
"""What holds between two letters: for each of `_WORDS`."""

_WORDS = ("begin", "line begin", "end", "line end", "text end", "boundary", "no boundary")


class _Unfit(Exception):
    """The pattern looks around, refers back, or is too large."""


class Automaton:
    """A pattern as places and the ways between them.

    Parameters
    ----------
    pattern : str
        A valid regular expression.
    """

    def __init__(self, pattern: str) -> None:
        self._compiler = importlib.import_module("re._compiler")
        parser = importlib.import_module("re._parser")
        self._subpattern: Any = parser.SubPattern
        parsed = parser.parse(pattern)
        if parsed.state.flags & (re.ASCII | re.LOCALE):
            raise _Unfit
        self._state = parsed.state
        self._reads: list[Callable[[str], Any] | None] = []
        self._holds: list[int | None] = []
        self._ways: list[list[int]] = []
        self.tries = 0
        self._uses_boundary = False
        self._accept = self._add()
        self._start = self._sequence(list(parsed), 0, self._accept)
        self._closures: dict[tuple[frozenset[int], Context], frozenset[int]] = {}
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in a text."""
        places: frozenset[int] = frozenset()
        for at in range(len(text) + 1):
            here = self._close(places, self._context(text, at))
            if self._accept in here:
                return True
            if at < len(text):
                places = self._step(here, text[at])
        return False

    # -- making it, from the end to the beginning ---------------------------------------------------------------------

    def _add(self, *ways: int, reads: Callable[[str], Any] | None = None, holds: int | None = None) -> int:
        if len(self._ways) >= STATES:
            raise _Unfit
        self._reads.append(reads)
        self._holds.append(holds)
        self._ways.append(list(ways))
        return len(self._ways) - 1

    def _sequence(self, items: list[Any], flags: int, after: int) -> int:
        for operation, arguments in reversed(items):
            after = self._item(operation, arguments, flags, after)
        return after

    def _item(self, operation: Any, arguments: Any, flags: int, after: int) -> int:
        name = str(operation)
        if name in _CHARACTERS:
            one = self._compiler.compile(self._subpattern(self._state, [(operation, arguments)]), flags)
            return self._add(after, reads=one.fullmatch)
        if name == "AT" and str(arguments) in _PLACES:
            return self._place(str(arguments), flags, after)
        if name == "SUBPATTERN":
            _, more, fewer, body = arguments
            if fewer or more & re.ASCII:
                raise _Unfit
            return self._sequence(list(body), flags | more, after)
        if name == "BRANCH":
            self.tries += 1
            return self._add(*(self._sequence(list(body), flags, after) for body in arguments[1]))
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = arguments
            return self._repeat(least, most, list(body), flags, after)
        raise _Unfit

    def _repeat(self, least: int, most: Any, body: list[Any], flags: int, after: int) -> int:
        self.tries += least != most
        if most is self._compiler.MAXREPEAT:
            loop = self._add(after)
            self._ways[loop].append(self._sequence(body, flags, loop))
            after = loop
        else:
            end = after
            for _ in range(most - least):
                after = self._add(end, self._sequence(body, flags, after))
        for _ in range(least):
            after = self._sequence(body, flags, after)
        return after

    def _place(self, name: str, flags: int, after: int) -> int:
        by_line = bool((flags | self._state.flags) & re.MULTILINE)
        word = {
            "AT_BEGINNING": "line begin" if by_line else "begin", "AT_BEGINNING_STRING": "begin",
            "AT_END": "line end" if by_line else "end", "AT_END_STRING": "text end", "AT_BOUNDARY": "boundary",
        }.get(name, "no boundary")  # fmt: skip
        self._uses_boundary |= word.endswith("boundary")
        return self._add(after, holds=_WORDS.index(word))

    # -- reading a text -----------------------------------------------------------------------------------------------

    def _context(self, text: str, at: int) -> Context:
        size = len(text)
        boundary = inside = False  # in no text, as `re` has it, there is neither
        if self._uses_boundary and size:
            boundary = (at > 0 and _is_word(text[at - 1])) != (at < size and _is_word(text[at]))
            inside = not boundary
        ends_line = at == size or text[at] == "\n"
        last = at == size or (at == size - 1 and ends_line)
        return at == 0, at == 0 or text[at - 1] == "\n", last, ends_line, at == size, boundary, inside

    def _close(self, places: frozenset[int], context: Context) -> frozenset[int]:
        """All places that can be reached without a letter."""
        found = self._closures.get((places, context))
        if found is None:
            seen: set[int] = set()
            waiting = [self._start, *places]
            while waiting:
                place = waiting.pop()
                if place in seen:
                    continue
                seen.add(place)
                holds = self._holds[place]
                if holds is not None and not context[holds]:
                    continue
                if self._reads[place] is None:
                    waiting += self._ways[place]
            found = frozenset(each for each in seen if self._reads[each] is not None or each == self._accept)
            if len(self._closures) > KEPT:
                self._closures.clear()
            self._closures[places, context] = found
        return found

    def _step(self, places: frozenset[int], letter: str) -> frozenset[int]:
        found = self._steps.get((places, letter))
        if found is None:
            reads = ((place, self._reads[place]) for place in places)
            found = frozenset(self._ways[place][0] for place, read in reads if read is not None and read(letter))
            if len(self._steps) > KEPT:
                self._steps.clear()
            self._steps[places, letter] = found
        return found


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


@lru_cache(maxsize=64)
def automaton_of(pattern: str) -> Automaton | None:
    """The automaton of a regular expression; None if it has none.

    Examples
    --------
    >>> automaton_of("a*a*a*a*a*b").search("a" * 5000), automaton_of("(?=a)") is None
    (False, True)
    """
    try:
        return Automaton(pattern)
    except (_Unfit, RecursionError):
        return None


def searcher(pattern: str) -> Callable[[str], bool]:
    """What tells whether a regular expression is found in a text: `re`, or its automaton where `re` could take long.

    Parameters
    ----------
    pattern : str
        A valid regular expression.

    Examples
    --------
    >>> find = searcher("Grad.*Boost")
    >>> find("GradientBoosting"), find("x" * 100_000)
    (True, False)
    """
    compiled, automaton = re.compile(pattern), automaton_of(pattern)
    if automaton is None or not automaton.tries:
        return partial(_found, compiled)
    longest = int(CHEAP ** (1 / (automaton.tries + 1)))
    return lambda text: _found(compiled, text) if len(text) <= longest else automaton.search(text)


def _found(compiled: re.Pattern[str], text: str) -> bool:
    return compiled.search(text) is not None
