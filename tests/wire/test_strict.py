"""The border: what is let in is exactly what was meant."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlops_nb.errors import InvalidInput
from mlops_nb.wire.mlflow import all_tags, history_points, native_filter, split_tags
from mlops_nb.wire.names import check_key
from mlops_nb.wire.strict import DEPTH_LIMIT, parse_json, read_fields, read_query
from tests.store.contract.making import points


@given(some.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except InvalidInput as error:
        assert str(error)


def test_depth_is_counted_outside_of_texts() -> None:
    inside = b'{"a": "' + b"[" * 5000 + b'\\""}'
    assert parse_json(inside)["a"].startswith("[[")
    assert parse_json(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)
    assert len(parse_json(b"[" + b"{}," * 5000 + b"{}]")) == 5001
    for count in (DEPTH_LIMIT + 1, 5000, 100_000):
        with pytest.raises(InvalidInput, match="levels deep"):
            parse_json(b"[" * count + b"]" * count)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("int", "-5", -5), ("int", 5.0, 5), ("int", 2**63 - 1, 2**63 - 1), ("float", "1e3", 1000.0), ("float", 5, 5.0),
        ("float", "-Infinity", -math.inf), ("bool", False, False), ("texts", [], []), ("any", {"a": 1}, {"a": 1}),
    ],
)  # fmt: skip
def test_values_that_fit(kind: str, value: Any, found: Any) -> None:
    assert read_fields({"a": value}, {"a": kind}) == {"a": found}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2**63), ("int", 5.5), ("int", "5.0"), ("int", True), ("int", "٣"), ("int", [1]), ("float", "1_0"),
        ("float", "nan"), ("float", math.inf), ("float", 10**400), ("float", True), ("text", 5), ("bool", "true"),
        ("texts", "a"), ("texts", [1]), ("objects", [1]), ("objects", {}), ("text!", ""), ("text!", None),
    ],
)  # fmt: skip
def test_values_that_do_not(kind: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match="'a'"):
        read_fields({"a": value}, {"a": kind})


def test_a_query() -> None:
    assert read_query({"a": ["1"], "b": ["TRUE"]}, {"a": "int", "b": "bool"}) == {"a": 1, "b": True}
    for bad in ({"a": ["1", "2"]}, {"b": ["yes"]}, {"c": ["1"]}):
        with pytest.raises(InvalidInput):
            read_query(bad, {"a": "int", "b": "bool"})


@given(
    some.dictionaries(
        some.sampled_from(
            ["mlflow.user", "mlflow.source.type", "mlflow.source.name", "mlflow.parentRunId", "team", "mlflow.x"]
        ),
        some.sampled_from(["ann", "LOCAL", "a.ipynb", "a.py", "unknown", "UNKNOWN"]),
    ),
    some.sampled_from(["ann", "", "unknown"]),
)
def test_tags_that_are_fields_come_back_as_tags(tags: dict[str, str], user: str) -> None:
    from mlops_nb.entities import Run, Status

    fields, kept = split_tags("run", user, tags)
    run = Run("r", "run", "0", "Default", Status.RUNNING, 0, user=user, tags=kept, **fields)
    found = all_tags(run)
    assert found.pop("mlflow.runName") == "run"
    if user == "ann" and "mlflow.user" not in tags:
        found.pop("mlflow.user", None)  # a run with a source is shown with its user
    assert found == tags


def test_filters() -> None:
    assert native_filter("tags.`mlflow.runName` = 'a' and tag.\"mlflow.user\" != 'b'") == (
        "attributes.run_name = 'a' and attributes.user_id != 'b'"
    )
    for same in ("tags.mlflow.runNames = 'x'", "name = 'tags.mlflow.user'", "tags.x = 'it''s tags.mlflow.user'"):
        assert native_filter(same) == same


def test_history_has_each_point_once() -> None:
    found = history_points(points((1, 1, 5), (math.nan, 1, 5), (math.nan, 1, 5), (1, 1, 5), (2, 0, 5)))
    assert [(at, step) for at, step, _ in found] == [(5, 0), (5, 1), (5, 1)]


def test_names() -> None:
    assert check_key("key", "a/b c.d-e_f:g") == "a/b c.d-e_f:g"
    for bad in ("a#", "../a", "/a", "a//b", ".", "a/", "x" * 251, "a\n"):
        with pytest.raises(InvalidInput):
            check_key("key", bad)
