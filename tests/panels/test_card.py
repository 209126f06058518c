from __future__ import annotations

import dataclasses
import json
import math

import pytest

from mlops_nb.entities import DataRef, Status
from mlops_nb.panels.card import RUN_MIME, run_card
from tests.panels.fakes import HARM, make_points, make_run
from tests.panels.markup_reader import read_markup, stripped_text

RUN = make_run(3)


def test_the_card_says_what_changed_and_what_is_best() -> None:
    previous = dataclasses.replace(RUN, params={"lr": 0.05, "depth": 3}, metrics={"accuracy": 0.9, "log_loss": 0.6})
    card = run_card(RUN, previous=previous, best={"accuracy": 0.95, "log_loss": 0.52}, badge="clean", outputs_kept=1)
    assert card["text/plain"] == (
        "✓ fit-3 · churn · 1.20 s · 0198c2f40003\n"
        "  accuracy 0.803 (▼ 0.097, best 0.95) · log_loss 0.5 (▼ 0.1, best so far)\n"
        "  lr=0.1, depth=3\n"
        "  ✓ Restart & Run All: clean · 1 output kept"
    )
    html = card["text/html"]
    assert 'class="d worse"' in html and 'class="d better"' in html
    assert "0.05 →" in html and html.count("changed since the last run") == 1


def test_the_card_is_readable_with_its_styles_and_pictures_stripped() -> None:
    card = run_card(
        RUN,
        best={"accuracy": 0.8},
        curves={"accuracy": make_points(lambda i: float(i))},
        models=[{"name": "Ridge", "variable": "model", "params": {"alpha": 1.0}}],
        data=[DataRef("data/churn.csv", "sha256:aa", 1500)],
        verdict="diverged",
        redactions=2,
        notes=["param 'x' was cut"],
    )
    text = stripped_text(card["text/html"])
    parts = ["✓ fit-3 · churn", "accuracy0.803", "best so far", "▁", "lr = 0.1", "model = Ridge", "alpha=1.0"]
    parts += ["churn.csv (1.5 kB)", "≠ reproduced: diverged", "2 secrets redacted", "param 'x' was cut"]
    assert [part for part in parts if part not in text] == []
    assert "{" not in text, "a rule of the style sheet is left as text"


@pytest.mark.parametrize("harm", HARM)
def test_nothing_on_a_card_runs_or_hides(harm: str) -> None:
    run = dataclasses.replace(
        RUN, name=harm, experiment=harm, notebook=harm, stage=harm, status=Status.FAILED,
        params={harm: harm, "nested": {harm: [harm]}}, metrics={harm: 1.0}, tags={harm: harm},
    )  # fmt: skip
    card = run_card(
        run, previous=dataclasses.replace(run, params={harm: "other"}, metrics={harm: 0.5}), best={harm: 2.0},
        curves={harm: make_points(float)}, models=[{"name": harm, "variable": harm, "params": {harm: harm}}],
        data=[DataRef(harm, harm, 1)], badge=[harm], verdict=harm, notes=[harm], error={"ename": harm, "evalue": harm},
    )  # fmt: skip
    read_markup(card["text/html"])
    assert all(ord(c) >= 32 or c == "\n" for c in card["text/plain"])
    json.dumps(card, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_numbers_that_json_does_not_know_are_words() -> None:
    run = dataclasses.replace(RUN, metrics={"a": math.nan, "b": -math.inf}, params={"big": 2**60, "x": math.inf})
    record = run_card(run, curves={"a": make_points(lambda i: math.nan)}, best={"a": math.nan})[RUN_MIME]
    assert record["version"] == 1
    assert record["run"]["metrics"] == {"a": "NaN", "b": "-Infinity"}
    assert record["run"]["params"] == {"big": str(2**60), "x": "Infinity"}
    assert record["curves"]["a"]["values"][0] == "NaN"


def test_the_failed_card_shows_one_line_of_the_exception() -> None:
    run = dataclasses.replace(RUN, status=Status.FAILED, metrics={})
    card = run_card(run, error={"ename": "ValueError", "evalue": "first\nsecond " + "x" * 10_000})
    assert "  ValueError: first\n" in card["text/plain"] + "\n"
    assert "second" not in card["text/html"]
    assert "FAILED" in stripped_text(card["text/html"])
    assert run_card(run, error="")["text/plain"].count("\n") == 1


def test_a_card_stays_small_whatever_the_run_holds() -> None:
    many = {f"name_{i}": float(i) for i in range(2000)}
    run = dataclasses.replace(RUN, params=dict.fromkeys(list(many)[:100], "y" * 100_000), metrics=many)
    card = run_card(run)
    assert len(card["text/html"]) < 200_000
    assert "+92 more" in card["text/plain"] and "+1994 more" in card["text/plain"]
    assert len(card["text/plain"].splitlines()) <= 5


def test_an_unfinished_run_has_no_duration() -> None:
    run = dataclasses.replace(RUN, status=Status.RUNNING, end_time=None)
    card = run_card(run)
    assert card["text/plain"].startswith("● RUNNING fit-3 · churn · 0198")
    assert card[RUN_MIME]["duration_ms"] is None and card[RUN_MIME]["run"]["end_time"] is None
