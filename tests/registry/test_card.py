"""The model card: all that is known, kept with the version, and nothing in it becomes markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.errors import NotFound
from mlops_nb.registry import card, describe, promote, register_model
from mlops_nb.registry.checking import EVALUATES
from tests.registry.runs import make_run

HARM = ["<script>alert(1)</script>", "a|b", "**x**", "`x`", "[x](javascript:1)", "nul\x1b[31m", "# x", "\u202egnp"]
SIGNATURE = json.dumps([{"type": "double", "name": "age", "required": True}])


class Elements(HTMLParser):
    """The names of the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)


def test_it_says_what_where_from_and_how_good() -> None:
    content = f"flavors: {{sklearn: {{}}}}\nsignature:\n  inputs: '{SIGNATURE}'\n"
    run = make_run("fit", metrics={"auc": 0.91}, data="a,b\n1,2\n", content=content)
    register_model(run, "churn", tags={"team": "risk"}, comment="good")
    describe("churn", "Who leaves.")
    promote("churn", 1, alias="champion", comment="the best")
    make_run("holdout", metrics={"fairness": 0.8}, model=None, tags={EVALUATES: "models:/churn/1"})
    made = card("churn@champion")
    for words in (
        "# churn, version 1", "Who leaves.", "| flavor | sklearn |", "| aliases | @champion |", "| tag team | risk |",
        "| auc | 0.91 | fit |", "| fairness | 0.8 | holdout |", "| inputs | age | double |  |",
        "| log | data-", "the best",
        "```mermaid", "@champion: version 1", "not tried yet",
    ):  # fmt: skip
        assert words in made.markdown, words
    for words in ("Who leaves.", "sklearn", "0.91", "age", "the best"):
        assert words in made.html, words
    assert "mermaid" not in made.html, "a page that stands alone has no script to draw it"


def test_it_is_kept_with_the_version_and_made_anew() -> None:
    register_model(make_run(), "churn")
    space = workspaces.current()
    digest = space.store.get_version("churn", 1).digest
    card("churn", 1, keep=False)
    assert space.store.version_files("churn", 1, "notes") == []
    first = card("churn", 1)
    describe("churn/1", "later")
    second = card("churn", "latest")
    kept = {
        entry.path: space.artifacts.read(entry.digest).decode()
        for entry in space.store.version_files("churn", 1, "notes")
    }
    assert kept == {"card.md": second.markdown, "card.html": second.html} and second.markdown != first.markdown
    assert space.store.get_version("churn", 1).digest == digest
    assert {entry.digest for entry in space.store.version_files("churn", 1, "notes")} <= space.store.digests()
    with pytest.raises(NotFound):
        card("churn", 2)


def test_a_model_of_no_run_and_a_broken_mlmodel_have_a_card_too() -> None:
    with mlops_nb.start_run() as run:
        mlops_nb.log_text("flavors: [", "model/MLmodel")
    register_model(run.run_id, "churn")
    space = workspaces.current()
    assert "cannot be read" in card("churn", 1).markdown
    space.store.update_run(run.run_id, lifecycle_stage="deleted")
    space.store.purge_runs([run.run_id])
    assert "no run is known" in card("churn", 1).markdown


@pytest.mark.parametrize("text", HARM, ids=ascii)
def test_no_text_becomes_markup(text: str) -> None:
    with mlops_nb.start_run(run_name=text) as run:
        mlops_nb.log_params({text: text})
        mlops_nb.log_metric(text.replace("\x1b", ""), 1.0)
        mlops_nb.log_text("flavors: {}", "model/MLmodel")
    register_model(run.run_id, "churn", description=text, tags={"x": text})
    made = card("churn", 1)
    reader = Elements()
    reader.feed(made.html)
    assert reader.names == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td",
        "pre",
    } - ({"pre"} if "<pre>" not in made.html else set())  # fmt: skip
    outside = "".join(made.markdown.split("```")[::2])
    assert "<script>" not in outside and "\x1b" not in made.markdown and "\u202e" not in made.markdown
    assert "**x**" not in outside and "[x](" not in outside and "\n# x" not in outside
