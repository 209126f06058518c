"""The language of filters: patterns that cannot blow up, both ways to find a page, the caret, anything typed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.errors import InvalidInput
from mlops_nb.store import RunStore, lookup, open_store
from mlops_nb.store.matching import match, may_explode, translate_like
from mlops_nb.store.plans import WALK, Plan, make_plan
from mlops_nb.store.search import parse_filter, parse_order
from tests.store.contract.making import add, walk

WORDS = [
    "metrics.",
    "params.`x y`",
    "!=",
    " AND ",
    " or ",
    "not ",
    "'x'",
    "1e5",
    "nan",
    "in",
    "like",
    "is null",
    "status",
    "--",
]
PIECES = st.sampled_from([*'a=<()~,;%\\\0\U0001f389"', *WORDS])


@given(st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    for read in (parse_filter, lambda term: parse_order([term])):
        try:
            read(text)
        except InvalidInput as error:
            assert error.message


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter("metrics.acc > 0.9 AND " * 20 + "statsu = 'x'")
    _, shown, pointer, hint = str(caught.value).splitlines()
    assert shown[pointer.index("^") :].startswith("statsu")
    assert len(shown) < 100
    assert hint == "Did you mean 'status'?"


@given(st.text("ab%_", max_size=8), st.text("ab\n", max_size=10))
def test_like_means_what_it_means_in_sql(pattern: str, value: str) -> None:
    plain = "".join({"%": ".*", "_": "."}.get(letter, letter) for letter in pattern)
    assert match(translate_like(pattern), value) == int(re.fullmatch(f"(?s){plain}", value) is not None)


def test_like_takes_no_time_that_grows_with_a_power() -> None:
    begin = time.process_time()
    assert match(translate_like("%a%b%c%d%e%f%g"), "abcdef" * 20_000) == 0
    assert time.process_time() - begin < 5  # a backtracking search would take longer than the universe is old


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a*)*", "(a|aa)+", "(.*a){25}", r"(\w+\s?)*!", "((a{1,9})|b)*", "(?:x+y?)+"]
)
def test_patterns_that_may_explode_are_refused(pattern: str) -> None:
    assert may_explode(pattern)
    with pytest.raises(InvalidInput, match="for ever"):
        parse_filter(f"code ~ '{pattern}'")


@pytest.mark.parametrize(
    "pattern", ["Grad.*Boost", "(foo|bar)+", r"fit\(.*,.*\)", "a{3}b+c*", "[a-z]+(_[a-z]){2}", "(ab)+", "^$"]
)
def test_patterns_of_every_day_are_taken(pattern: str) -> None:
    assert not may_explode(pattern)


@pytest.mark.parametrize("plan", [WALK, Plan(0), Plan(1), Plan(None, (0,)), Plan(None, (0, 1))])
def test_all_ways_find_the_same(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    store: RunStore = open_store("sqlite://")
    for n in range(30):
        add(
            store,
            f"{n:02}",
            at=n,
            params={"p": n % 3, "q": "x"},
            metrics={"m": n % 7, "o": -n} if n % 5 else {"m": n % 7},
        )
    monkeypatch.setattr(lookup, "make_plan", lambda *_: plan)
    question = {"filter": "metrics.m > 2 and params.p = 1 and not params.q = 'y'"}
    assert walk(store, 2, order_by=["metrics.o DESC"], **question) == ["04", "13", "19", "25", "10"]
    assert walk(store, 2, order_by=["metrics.o"], **question) == ["19", "13", "04", "25", "10"]
    assert walk(store, 2, **question) == ["25", "19", "13", "10", "04"]
    store.close()


@pytest.mark.parametrize(("letters", "pattern"), [(3000, "a*" * 9 + "[bc]"), (40, "(?:a|aa)" * 25 + "[bc]")])
def test_a_pattern_that_takes_too_long_is_refused_and_holds_nobody_up(letters: int, pattern: str) -> None:
    store: RunStore = open_store("sqlite://")
    add(store, "many", params={"p": "a" * letters})
    begin = time.monotonic()
    with pytest.raises(InvalidInput, match="takes too long"):
        store.search_runs(filter=f"params.p ~ '{pattern}'")
    assert time.monotonic() - begin < 30  # `re` would take years
    assert [run.name for run in store.search_runs(filter="params.p ~ '^a+$'").items] == ["many"]
    store.close()


def test_a_walk_is_chosen_where_it_ends_soon() -> None:
    counts = [(0, 1000), (1, 2500)]  # a tenth has the one, a quarter or more (counted no further) the other
    assert make_plan(10_000, counts, 100) == Plan(None, listed=(0,))
    # of an experiment with few runs most steps of a walk lead nowhere
    assert make_plan(10_000, counts, 100, share=0.01) == Plan(0)
    assert make_plan(10_000, counts, 1_000_000) == Plan(0)


def test_experiments_of_any_size_find_the_same() -> None:
    store: RunStore = open_store("sqlite://")
    small = store.create_experiment("small").experiment_id
    for n in range(40):
        experiment = "small" if n < 2 else "Default"
        add(store, f"{n:02}", at=n, experiment=experiment, params={"p": 1}, metrics={"m": n, "o": -n})
    question = {"filter": "metrics.m >= 0 and params.p = 1", "order_by": ["metrics.o DESC"]}
    assert [run.name for run in store.search_runs([small], **question).items] == ["00", "01"]
    assert len(store.search_runs(["0"], **question).items) == 38
    store.close()
