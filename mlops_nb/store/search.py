"""The language of filters: text to a tree, and to sort terms. Pure; `clauses` makes SQL of it.

It is MLflow's, and more::

    metrics.acc > 0.9 AND params.lr = '0.1' and tags."mlflow.runName" LIKE '%x%'
    (params.lr < 0.1 OR NOT status IN ('FAILED', 'KILLED')) AND code ~ 'Gradient.*'
    'text found in a name, a param, a tag or the code'
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from mlops_nb.errors import InvalidInput
from mlops_nb.store.matching import may_explode
from mlops_nb.store.terms import (
    RUN_WORDS,
    STATUSES,
    Compare,
    Contains,
    Field,
    Group,
    Node,
    Not,
    Order,
    Value,
    Vocabulary,
)

TEXT_LIMIT = 10_000
DEPTH_LIMIT = 50
TERM_LIMIT = 200

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<infinite>[+-]?(?:nan|inf|infinity)(?![\w.]))
    | (?P<field>[^\W\d]\w*\s?\.\s?(?:`[^`]+`|"(?:[^"]|"")+"|[\w./:@\-]+))
    | (?P<word>`[^`]+`|[^\W\d]\w*)
    | (?P<operator><=|>=|!=|<>|==|!~|=|<|>|~)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


def fail(text: str, place: int, message: str, hint: str = "", what: str = "filter") -> NoReturn:
    """Raise an `InvalidInput` that shows the place.

    Parameters
    ----------
    text : str
        The filter or sort term.
    place : int
        Where the trouble begins, in characters from 0.
    message : str
        What is wrong there.
    hint : str
        What to write instead.
    what : str
        What `text` is.

    Raises
    ------
    InvalidInput
        Always.

    Examples
    --------
    >>> fail("metrics.acc >", 13, "a value is missing")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The filter is wrong at character 14: a value is missing.
      metrics.acc >
                   ^
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    start = max(0, place - 50)
    window, before = line[start : place + 30], "..." if start else ""
    pointer = " " * (len(before) + place - start) + "^"
    shown = f"\n  {before}{window}{'...' if place + 30 < len(line) else ''}\n  {pointer}"
    raise InvalidInput(
        f"The {what} is wrong at character {place + 1}: {message}.{shown}", hint=f"\n{hint}" if hint else ""
    )


class _Parser:
    """Recursive descent: one method a rule, each takes its tokens off the front."""

    def __init__(self, text: str, words: Vocabulary, what: str = "filter") -> None:
        self.text = text
        self.what = what
        self.words = words
        self.tokens = self._cut()
        self.at = 0
        self.depth = 0
        self.terms = 0

    def _cut(self) -> list[_Token]:
        text, place, tokens = self.text, 0, []
        if len(text) > TEXT_LIMIT:
            raise InvalidInput(f"The {self.what} is {len(text)} characters long.", hint=f"Use at most {TEXT_LIMIT}.")
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                start = place + len(text[place:]) - len(text[place:].lstrip())
                letter = text[start]
                fail(text, start, "this quote is not closed" if letter in "'\"`" else f"{letter!r} has no meaning here",
                     what=self.what)  # fmt: skip
            kind = str(found.lastgroup)
            tokens.append(_Token(kind, found[kind], found.start(kind)))
            place = found.end()
        return [*tokens, _Token("end", "", len(text.rstrip()))]

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def skip(self, *words: str) -> bool:
        """Take the next tokens if they are these words or marks."""
        ahead = self.tokens[self.at : self.at + len(words)]
        found = len(ahead) == len(words) and all(
            token.kind in ("word", "mark") and token.text.upper() == word
            for token, word in zip(ahead, words, strict=True)
        )
        self.at += len(words) if found else 0
        return found

    def fail(self, token: _Token, message: str, hint: str = "") -> NoReturn:
        fail(self.text, token.place, message, hint, self.what)

    def whole(self) -> Node | None:
        if self.next.kind == "end":
            return None
        node = self.any()
        if self.next.kind != "end":
            self.fail(self.next, "expected AND, OR or the end")
        return node

    def any(self) -> Node:
        return self._chain("OR", self.all)

    def all(self) -> Node:
        return self._chain("AND", self.term)

    def _chain(self, word: str, part: Callable[[], Node]) -> Node:
        terms = [part()]
        while self.skip(word):
            terms.append(part())
        return terms[0] if len(terms) == 1 else Group(word.lower(), tuple(terms))

    def term(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            self.fail(self.next, f"parentheses and NOT are nested more than {DEPTH_LIMIT} deep")
        try:
            if self.skip("NOT"):
                return Not(self.term())
            if self.skip("("):
                node = self.any()
                if not self.skip(")"):
                    self.fail(self.next, "a closing parenthesis is missing")
                return node
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Node:
        self.terms += 1
        token = self.take()
        if self.terms > TERM_LIMIT:
            self.fail(token, f"there are more than {TERM_LIMIT} comparisons")
        if token.kind == "text":
            return Contains(_unquote(token.text))
        if token.kind not in ("field", "word", "quoted"):
            self.fail(token, "expected a field, such as metrics.acc, params.lr, tags.team or status")
        field, kind = self.field(token)
        operator = self.take()
        word = operator.text.upper()
        if operator.kind == "word" and word == "IS":
            negated = self.skip("NOT")
            if not self.skip("NULL"):
                self.fail(self.next, "expected NULL or NOT NULL")
            return Compare(field, "null", negated=negated)
        negated = operator.kind == "word" and word == "NOT"
        if negated:
            operator = self.take()
            word = operator.text.upper()
        if operator.kind == "word" and word == "IN":
            return Compare(field, "in", self.several(kind), negated)
        if operator.kind == "word" and word in ("LIKE", "ILIKE"):
            return Compare(field, word.lower(), (self.pattern(kind),), negated)
        if operator.kind != "operator" or negated:
            self.fail(operator, "expected an operator: = != < <= > >= ~ !~ LIKE ILIKE IN or IS NULL")
        return self.ordinary(field, kind, operator)

    def ordinary(self, field: Field, kind: str, operator: _Token) -> Node:
        sign = {"<>": "!=", "==": "="}.get(operator.text, operator.text)
        if sign in ("~", "!~"):
            place = self.next
            pattern = self.pattern(kind)
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                self.fail(place, f"the pattern is not a regular expression: {error}")
            if may_explode(pattern):
                self.fail(place, "the pattern repeats what repeats already, which can take for ever")
            return Compare(field, "~", (pattern,), sign == "!~")
        if kind == "code":
            self.fail(operator, "code is searched with ~, !~, LIKE or ILIKE")
        return Compare(field, sign, (self.value(kind),))

    def several(self, kind: str) -> tuple[Value, ...]:
        if not self.skip("("):
            self.fail(self.next, "expected a list in parentheses, such as ('a', 'b')")
        values = [self.value(kind)]
        while self.skip(","):
            values.append(self.value(kind))
        if not self.skip(")"):
            self.fail(self.next, "expected a comma or a closing parenthesis")
        if kind == "code":
            self.fail(self.next, "code is searched with ~, !~, LIKE or ILIKE")
        return tuple(values)

    def pattern(self, kind: str) -> str:
        token = self.take()
        if kind in ("number", "time", "metric"):
            self.fail(token, "a number is not searched by pattern; compare it with = != < <= > >=")
        if token.kind not in ("text", "quoted"):
            self.fail(token, "expected a pattern in quotes")
        return _unquote(token.text)

    def value(self, kind: str) -> Value:
        token = self.take()
        if token.kind in ("text", "quoted"):
            return self.text_value(token, kind)
        if token.kind in ("number", "infinite"):
            if kind in ("text", "tag", "status", "dataset"):
                self.fail(token, "this field is compared with text: put quotes around the value")
            try:
                return int(token.text)
            except ValueError:
                return float(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false") and kind == "param":
            return token.text.lower() == "true"
        self.fail(token, "a value is missing" if token.kind == "end" else "expected a number, or text in quotes")
        return None

    def text_value(self, token: _Token, kind: str) -> Value:
        text = _unquote(token.text)
        if kind in ("number", "metric"):
            try:
                return float(text)
            except ValueError:
                self.fail(token, "this field is compared with a number")
        if kind == "time":
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                self.fail(token, "expected milliseconds, or a date such as '2026-11-30' or '2026-11-30T12:00'")
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        if kind == "status" and text.upper() not in STATUSES:
            self.fail(token, f"there is no status {text!r}", suggest(text.upper(), STATUSES))
        return text.upper() if kind == "status" else text

    def field(self, token: _Token) -> tuple[Field, str]:
        """The field that a token names, and the type of its values."""
        prefix, dot, key = token.text.partition(".") if token.kind == "field" else ("", "", token.text)
        key = _unquote(key.strip())
        kind = self.words.prefixes.get(prefix.strip().lower()) if dot else "attribute"
        if kind is None:
            prefixes = sorted(self.words.prefixes)
            self.fail(token, f"there is no field {token.text!r}", suggest(prefix.lower(), prefixes, suffix=f".{key}"))
        if kind == "dataset":
            if key not in ("name", "digest", "context"):
                self.fail(token, f"a dataset has no {key!r}", "It has name, digest and context.")
            return Field(kind, key), kind
        if kind != "attribute":
            return Field(kind, key), kind
        found = self.words.attributes.get(key.lower().replace(" ", "_"))
        if found is None:
            self.fail(token, f"there is no field {token.text!r}", suggest(key.lower(), [*self.words.attributes]))
        return Field("attribute", found[0]), found[1]


def _unquote(text: str) -> str:
    quote = text[:1]
    if quote in ("'", '"', "`") and len(text) > 1:
        return text[1:-1].replace(quote * 2, quote)
    return text


def suggest(name: str, names: Sequence[str], *, suffix: str = "") -> str:
    """Did you mean ...?

    Parameters
    ----------
    name : str
        What was written.
    names : sequence of str
        What could have been.
    suffix : str
        Follows the suggestion.

    Returns
    -------
    str
        A sentence; the list of all names if none is close.

    Examples
    --------
    >>> suggest("statsu", ["status", "stage"])
    "Did you mean 'status'?"
    """
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}{suffix}'?" if close else f"There are: {', '.join(names)}."


def parse_filter(text: str, words: Vocabulary = RUN_WORDS) -> Node | None:
    """The tree of a filter.

    Parameters
    ----------
    text : str
        At most `TEXT_LIMIT` characters.
    words : Vocabulary
        Fields that may be asked for.

    Returns
    -------
    Node or None
        None if the filter is blank.

    Raises
    ------
    InvalidInput
        Pointing at the place that is wrong.

    Examples
    --------
    >>> parse_filter("metrics.acc > 0.9")
    Compare(field=Field(kind='metric', key='acc'), operator='>', values=(0.9,), negated=False)
    """
    return _Parser(text, words).whole()


def parse_order(terms: Sequence[str], words: Vocabulary = RUN_WORDS) -> tuple[Order, ...]:
    """Sort terms.

    Parameters
    ----------
    terms : sequence of str
        Such as ``metrics.acc DESC``, ``params.x``, ``attributes.start_time ASC``.
    words : Vocabulary
        Fields that may be sorted by.

    Returns
    -------
    tuple of Order
        In the given order; a field named again is left out.

    Raises
    ------
    InvalidInput
        Pointing at the place that is wrong.

    Examples
    --------
    >>> parse_order(["metrics.acc DESC"])
    (Order(field=Field(kind='metric', key='acc'), descending=True),)
    """
    orders: dict[Field, Order] = {}
    if len(terms) > 20:
        raise InvalidInput(f"There are {len(terms)} sort terms.", hint="Use at most 20.")
    for term in terms:
        parser = _Parser(term, words, "order")
        token = parser.take()
        if token.kind not in ("field", "word", "quoted"):
            parser.fail(token, "expected a field to sort by, such as metrics.acc DESC")
        field, kind = parser.field(token)
        if kind in ("dataset", "code"):
            parser.fail(token, "runs are not sorted by this field")
        descending = parser.skip("DESC")
        if not descending:
            parser.skip("ASC")
        if parser.next.kind != "end":
            parser.fail(parser.next, "expected ASC, DESC or the end")
        orders.setdefault(field, Order(field, descending))
    return tuple(orders.values())
