"""Fitted models of a cell offered as models: logged with what the cell's frames tell of their inputs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.models.info import ModelInfo
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.recording import log_model
from mlops_nb.tracking.faults import say

ROWS = 1_000
"""Rows of a frame that are looked at for the signature."""


def offer(found: Iterable[Mapping[str, Any]], namespace: Mapping[str, Any], run: Any) -> list[ModelInfo]:
    """Log the fitted models of a cell, each under its own name.

    Parameters
    ----------
    found : iterable of mapping
        As from `mlops_nb.capture.estimators.fitted_models`: what counts is ``name``.
    namespace : mapping of str to object
        The namespace after the cell.
    run : ActiveRun
        The cell's run.

    Returns
    -------
    list of ModelInfo
        Of those that could be logged; why another could not is one warning line.

    Examples
    --------
    >>> import mlops_nb
    >>> from sklearn.linear_model import Ridge
    >>> space = {"X": [[0.0], [1.0]], "ridge": Ridge().fit([[0.0], [1.0]], [0, 1])}
    >>> with mlops_nb.start_run() as run:
    ...     [info.path for info in offer([{"name": "ridge"}], space, run)]
    ['ridge']
    """
    made = []
    for each in found:
        name = str(each["name"])
        if name not in namespace:
            continue
        try:
            training = find_inputs(namespace[name], namespace)
            example = training[:ROWS] if kind_of(training) in ("frame", "array") else training
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # notes on a guessed example are nobody's business
                made.append(log_model(namespace[name], name, input_example=example, run=run, reference=training))
        except MlopsError as error:
            say(error, about=f"model {name} of {run.run_id}")
        except Exception as error:  # a library's own fault must not cost the cell its run
            say(f"The model {name!r} could not be kept: {type(error).__name__}: {error}", about=f"model {name}")
    return made


def find_inputs(model: Any, namespace: Mapping[str, Any]) -> Any:
    """What of the namespace the model was probably fitted on: by its columns, else by how many it has.

    Parameters
    ----------
    model : object
        A fitted estimator; of a pipeline, the first step that knows its columns counts.
    namespace : mapping of str to object

    Returns
    -------
    object or None
        A frame with exactly the model's columns, or an array with as many; names that say "train" or "X" come first.
        None if nothing fits.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> frame = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0], "y": [0.0, 1.0]})
    >>> find_inputs(Ridge().fit(frame[["a", "b"]], frame["y"]), {"frame": frame}).columns.tolist()
    ['a', 'b']
    """
    names, count = _columns(model)
    if names is None and count is None:
        return None
    for key in sorted((key for key in namespace if not key.startswith("_")), key=_rank):
        value = namespace[key]
        kind = kind_of(value)
        if kind == "frame" and names is not None and set(names) <= set(value.columns):
            return value.loc[:, list(names)]
        if (
            kind == "array"
            and names is None
            and value.ndim == 2
            and value.shape[1] == count
            and value.dtype.kind in "iuf"
        ):
            return value
        if kind == "frame" and names is None and value.shape[1] == count and all(d.kind in "iuf" for d in value.dtypes):
            return value.to_numpy()
    return None


def _columns(model: Any) -> tuple[list[str] | None, int | None]:
    """Names and number of the columns that a model was fitted on."""
    candidates = [model, getattr(model, "best_estimator_", None)]
    candidates += [step for _, step in getattr(model, "steps", None) or []]
    for each in candidates:
        for attribute in ("feature_names_in_", "feature_names_", "feature_name_"):
            found = getattr(each, attribute, None)
            if found is not None and not callable(found) and len(found):
                return [str(name) for name in found], None
        names = getattr(each, "feature_names", None)  # XGBoost's boosters
        if isinstance(names, list) and names:
            return names, None
    for each in candidates:
        count = getattr(each, "n_features_in_", None)
        if isinstance(count, int):
            return None, count
    return None, None


def _rank(name: str) -> tuple[int, str]:
    if re.fullmatch(r"X_?train.*|train_?X.*|x_?train.*", name):
        return 0, name
    if "train" in name.lower():
        return 1, name
    return (2 if name.startswith(("X", "x")) else 3), name
