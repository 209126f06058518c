"""Names and URIs: what is taken, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.registry.names import (
    check_alias,
    check_model_name,
    check_new_stage,
    check_stage,
    parse_reference,
    parse_uri,
)
from mlops_nb.registry.resolving import resolve

GOOD = ["churn", "förköp 🎉", "👨‍👩‍👧 family", "50% off", "a.b-c_d", "モデル", "x" * 256, "1", "Model (v2)", "a+b=c"]
BAD = [
    "", " ", " churn", "churn ", "a/b", "a\\b", "a:b", "a@b", "a#b", "a?b", "a;b", "..", ".", "a..b", "../etc", "/abs",
    "a%2Fb", "%2e%2e", "a%252Fb", "a\nb", "a\0b", "a\x1b[31m", "a\u202eb", "a\u200bb", "a\ud800", "x" * 257,
    "x" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_names_stand_for_themselves(name: str) -> None:
    assert check_model_name(name) == name
    assert parse_uri(f"models:/{name}/3").name == name


@pytest.mark.parametrize("name", [*BAD, None, 3, b"churn"], ids=ascii)
def test_bad_names_get_one_sentence(name: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_model_name(name)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


@given(st.text(max_size=30))
def test_a_name_that_is_taken_can_be_found_by_its_uri(text: str) -> None:
    try:
        check_model_name(text)
    except InvalidInput:
        return
    found = parse_uri(f"models:/{text}/7")
    assert (found.kind, found.name, found.version) == ("version", text, 7)
    assert parse_uri(f"models:/{text}@best").name == text


@pytest.mark.parametrize("alias", ["champion", "a-b_c", "Überholt", "v", "x2"])
def test_aliases(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias", ["", "v3", "V12", "3", "latest", "LATEST", "a b", "a/b", "a@b", "a.b", "🎉", "x" * 256]
)
def test_bad_aliases(alias: str) -> None:
    with pytest.raises(InvalidInput):
        check_alias(alias)


def test_stages_are_found_whatever_their_case() -> None:
    assert check_stage("PRODUCTION") == "Production" and check_stage("none") == "None"
    assert check_stage("shadow", ["Shadow"]) == "Shadow"
    with pytest.raises(InvalidInput, match=r"Prod.* There are: None, Staging, Production, Archived\."):
        check_stage("Prod")
    for wrong in ("production", "3", "latest", "a/b", "", "x" * 51):
        with pytest.raises(InvalidInput):
            check_new_stage(wrong)


FORMS = {
    "models:/churn/3": ("version", "churn", "3", "", ""),
    "models:/churn/003": ("version", "churn", "3", "", ""),
    "models:/churn@champion": ("alias", "churn", "champion", "", ""),
    "models:/churn/Production": ("stage", "churn", "Production", "", ""),
    "models:/churn/LATEST": ("latest", "churn", "LATEST", "", ""),
    "runs:/01ab/model": ("run", "", "", "01ab", "model"),
    "runs:/01ab/a/b c": ("run", "", "", "01ab", "a/b c"),
    "runs:/01ab": ("run", "", "", "01ab", ""),
    "file:///a%20b/model": ("folder", "", "", "", "/a b/model"),
    "./model": ("folder", "", "", "", "./model"),
    "model": ("folder", "", "", "", "model"),
}


@pytest.mark.parametrize("uri", FORMS)
def test_forms(uri: str) -> None:
    found = parse_uri(uri)
    assert (found.kind, found.name, found.at, found.run, found.path) == FORMS[uri]


@pytest.mark.parametrize(
    "uri",
    [
        "", " ", "models:", "models:/", "models:churn/1", "models://churn/1", "models:/churn", "models:/churn/",
        "models:/churn/0", "models:/churn/1/2", "models:/churn/3@champion", "models:/@champion", "models:/churn@",
        "models:/churn@v3",
        "models:/../1", "models:/a%2Fb/1", "models:/a;b/1", "models:/a#b/1",
        "models:/churn/99999999999999999999", "runs:/", "runs:",
        "runs://x/model", "runs:/01ab/../x", "runs:/01ab//x", "runs:/01ab/%2e%2e/x", "runs:/01ab/a#b", "runs:/01ab/a;b",
        "s3://bucket/model", "http://host/model", "a\0b", "x" * 10_000, None, 5,
    ],
    ids=ascii,
)  # fmt: skip
def test_bad_forms(uri: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_uri(uri)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_references_leave_the_scheme_out() -> None:
    assert parse_reference("churn/3").text == "models:/churn/3"
    assert parse_reference("models:/churn@a").at == "a"
    for wrong in ("runs:/1/model", "churn", "file:///x"):
        with pytest.raises(InvalidInput):
            parse_reference(wrong)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for uri, words in {
        "models:/churn/1": "no registered model 'churn'",
        "runs:/nothing/model": "no run 'nothing'",
        str(tmp_path / "nothing"): "does not exist",
        str(tmp_path / "file"): "is a file",
    }.items():
        with pytest.raises(NotFound, match=words):
            resolve(uri)
    with pytest.raises(InvalidInput, match="no MLmodel"):
        resolve(tmp_path / "empty")
