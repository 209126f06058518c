"""Our own JSON: what goes out comes in again, to the bit and of the same type; anything else is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlops_nb.entities import Batch, Lease, Points, RunEnd, RunStart, Status
from mlops_nb.errors import InvalidInput
from mlops_nb.wire.records import dump, load
from tests.store.contract.making import points

PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.sampled_from(["a", "$number", "$object", "$x"]), inner),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal in type and in every bit."""
    if isinstance(left, float) and isinstance(right, float):
        return (left != left and right != right) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@given(PLAIN)
def test_any_value_comes_back(value: Any) -> None:
    text = json.dumps(dump(value), allow_nan=False)
    assert same(load(Any, json.loads(text)), value)


@given(some.dictionaries(some.text(), some.floats()))
def test_metrics_come_back_whatever_their_names(value: dict[str, float]) -> None:
    text = json.dumps(dump(value), allow_nan=False)
    assert same(load(dict[str, float], json.loads(text)), value)


def test_a_whole_batch_comes_back() -> None:
    start = RunStart("r", "name", "exp", 1, lease=Lease(1, 2.5, "h", "b"), notebook="ö.ipynb")
    batch = Batch("r", "j", 0, 9, start, [("p", {"$number": [math.inf]}, 5)], {"t": None, "u": "\ud800"})
    batch.metrics["m"] = points((0.1, 1, 2), (-0.0, -5, 2**62))
    batch.end = RunEnd(Status.KILLED, 7)
    found = load(Batch, json.loads(json.dumps(dump(batch), allow_nan=False)))
    assert found == batch
    assert isinstance(found.end.status, Status)
    assert isinstance(found.params[0], tuple)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, "1"), (int, True), (int, 1.0), (int, 2**63), (str, 1), (bool, 1), (float, "1"), (float, True),
        (list[str], "ab"), (list[str], [1]), (dict[str, int], []), (tuple[str, int], ["a"]), (Lease, {"pid": 1}),
        (Lease, {"pid": 1, "started": 1.0, "host": "h", "boot": "b", "colour": 1}), (Status, "DONE"), (Points, {}),
        (Points, {"values": "AAAA", "steps": "", "timestamps": ""}), (Any, {"$number": "5"}), (Any, {"$what": 1}),
        (Points, {"values": "AAAAAAAAAAA=", "steps": "", "timestamps": ""}), (str | None, 5), (RunStart, "text"),
    ],
)  # fmt: skip
def test_other_shapes_are_refused(kind: Any, value: Any) -> None:
    with pytest.raises(InvalidInput):
        load(kind, value)


def test_what_has_no_json_is_refused() -> None:
    for value in (object(), b"bytes", [object()]):
        with pytest.raises(InvalidInput):
            dump(value)
