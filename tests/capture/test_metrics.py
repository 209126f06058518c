"""The numbers that a cell computed."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlops_nb.capture.cells import analyse
from mlops_nb.capture.metrics import metrics_after

NUMBERS: list[tuple[Any, float | None]] = [
    (3, 3.0), (0.5, 0.5), (math.inf, math.inf), (-math.inf, -math.inf), (2**53 + 1, float(2**53)),
    (np.float64(0.5), 0.5), (np.float32(0.5), 0.5), (np.float16(0.5), 0.5), (np.longdouble(0.5), 0.5),
    (np.int8(3), 3.0), (np.uint64(3), 3.0), (np.array(0.5), 0.5), (np.array(3), 3.0),
    (Decimal("0.5"), 0.5), (Decimal("Infinity"), math.inf), (Fraction(1, 2), 0.5),
    (True, None), (np.True_, None), (np.array(True), None), (1j, None), (np.complex64(1), None), (np.array(1j), None),
    ("0.5", None), (None, None), ([0.5], None), (np.array([0.5]), None), (10**400, None), (Decimal("1e400"), None),
    (Fraction(10**400), None), (np.datetime64("2020-01-01"), None), (object(), None), (int, None),
]  # fmt: skip


def _label(value: Any) -> str:
    """The same in every process: two of them collect the tests, and must agree."""
    return f"{type(value).__name__}:{value}".partition(" at 0x")[0][:30]


@pytest.mark.parametrize(("value", "expected"), NUMBERS, ids=_label)
def test_what_counts_as_a_number(value: Any, expected: float | None) -> None:
    found = metrics_after(analyse("x = f()"), {"x": value})
    assert found == ({} if expected is None else {"x": expected})
    assert all(type(number) is float for number in found.values())


def test_nan_stays() -> None:
    assert math.isnan(metrics_after(analyse("x = f()"), {"x": math.nan})["x"])
    assert math.isnan(metrics_after(analyse("x = f()"), {"x": Decimal("NaN")})["x"])


CELLS: list[tuple[str, dict[str, Any], Any, dict[str, float]]] = [
    ("acc = f()\nlr = 0.1", {"acc": 0.9, "lr": 0.1}, None, {"acc": 0.9}),
    ("_acc = f()", {"_acc": 0.9}, None, {}),
    ("for i in range(3):\n    loss = f(i)", {"i": 2, "loss": 0.5}, None, {"loss": 0.5}),
    ("acc = f()\ndel acc", {}, None, {}),
    ("f()", {"acc": 0.9}, None, {}),
    ("score(x)", {}, 0.5, {"score": 0.5}),
    ("score(x)", {}, None, {}),
    ("1 - f(x)", {}, 0.5, {"result": 0.5}),
    ("3", {}, 3, {}),
    ("lr = 0.1\nlr", {"lr": 0.1}, 0.1, {}),
    ("acc = f()\nacc", {"acc": 0.9}, 0.9, {"acc": 0.9}),
    ("acc", {"acc": 0.9}, 0.9, {}),
    ("acc = f()\nround(acc, 1)", {"acc": 0.94}, 0.9, {"acc": 0.94}),
    ("{'a': 1, 'b': f()}", {}, {"a": 1, "b": np.float64(2), "c": "x", "d": True, "e": None}, {"a": 1.0, "b": 2.0}),
    ("report()", {}, {"macro avg": {"f1": 0.5}, "acc": 1, 0: 2}, {"macro avg.f1": 0.5, "acc": 1.0, "0": 2.0}),
    ("report()", {}, {"a": {"b": {"c": {"d": 1}}}}, {}),
    ("f();", {}, None, {}),
    ("x = 1\nf(x)", {}, [1, 2], {}),
]


@pytest.mark.parametrize(("source", "namespace", "result", "expected"), CELLS)
def test_metrics_of_cells(source: str, namespace: dict[str, Any], result: Any, expected: dict[str, float]) -> None:
    assert metrics_after(analyse(source), namespace, result) == expected


def test_a_dict_of_any_size_gives_a_bounded_number_of_metrics() -> None:
    assert len(metrics_after(analyse("f()"), {}, dict.fromkeys(range(100_000), 1.0))) == 1000


def test_a_dict_in_itself_ends() -> None:
    loop: dict[str, Any] = {"a": 1}
    loop["self"] = loop
    assert metrics_after(analyse("f()"), {}, loop)["self.a"] == 1.0


def test_tensors_are_told_by_their_type_without_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def tensor(value: object, *shape: int) -> object:
        made = type("Tensor", (SimpleNamespace,), {"__module__": "torch", "item": lambda self: value})
        made.__qualname__ = "Tensor"
        return made(shape=shape)

    facts = analyse("x = f()")
    assert metrics_after(facts, {"x": tensor(0.25)}) == {"x": 0.25}
    assert metrics_after(facts, {"x": tensor(True)}) == {}
    assert metrics_after(facts, {"x": tensor(0.25, 1)}) == {}


def test_user_numbers_are_not_asked() -> None:
    class Odd(float):
        def __float__(self) -> float:
            raise SystemExit

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit

    class Metered(metaclass=Meta):
        pass

    namespace = {"x": Odd(1), "y": Metered(), "z": Metered}
    assert metrics_after(analyse("x, y, z = f()"), namespace, Metered()) == {}
