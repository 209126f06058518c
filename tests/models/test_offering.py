"""Fitted models of a cell are offered with what the cell's frames tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlops_nb
from mlops_nb.capture.estimators import fitted_models
from mlops_nb.models import offer
from mlops_nb.models.offering import find_inputs

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@pytest.fixture
def space() -> dict[str, Any]:
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20)[::-1], "y": [0, 1] * 10})
    X_train = frame[["a", "b"]]  # noqa: N806
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, frame["y"])
    return {"frame": frame, "X_train": X_train, "model": model, "n": 3, "other": np.zeros((5, 7))}


def test_a_cells_model_is_logged_with_its_signature(space: dict[str, Any]) -> None:
    with mlops_nb.start_run() as run:
        made = offer(fitted_models(space, space), space, run)
    assert [info.path for info in made] == ["model"]
    signature = made[0].signature
    assert signature is not None and signature.columns == ["a", "b"] and signature.outputs is not None
    assert any(line.startswith("scikit-learn==") for line in made[0].requirements)
    assert {"model/MLmodel", "model/input_example.json"} <= run.artifacts.keys()


def test_what_the_model_was_fitted_on_is_found(space: dict[str, Any]) -> None:
    found = find_inputs(space["model"], space)
    assert found.equals(space["X_train"])
    del space["X_train"]
    assert list(find_inputs(space["model"], space).columns) == ["a", "b"]
    del space["frame"]
    assert find_inputs(space["model"], space) is None


def test_arrays_and_searches() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(rows, [0, 1] * 15)
    found = find_inputs(search, {"test": rows[:5], "X": rows, "wide": np.zeros((4, 9))})
    assert np.array_equal(found, rows)


def test_one_that_cannot_be_kept_costs_nothing(space: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def predict(self, data: Any) -> Any:
            return data

        def __reduce__(self) -> Any:
            raise RuntimeError("no way")

    space["broken"] = Broken()
    with mlops_nb.start_run() as run:
        made = offer([{"name": "broken"}, {"name": "gone"}, {"name": "model"}], space, run)
    assert [info.name for info in made] == ["model"]
    assert "The model 'broken' could not be kept" in capsys.readouterr().err
    assert run.is_open is False
