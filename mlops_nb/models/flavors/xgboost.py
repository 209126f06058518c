"""XGBoost: boosters and its scikit-learn-like classes, in its own binary JSON (no code in it)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.capture.scalars import class_path
from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, model_file
from mlops_nb.models.trust import Risk

CLASSES = frozenset(
    ["xgboost.core.Booster", "xgboost.sklearn.XGBModel"]
    + [f"xgboost.sklearn.XGB{kind}" for kind in ("Classifier", "Regressor", "Ranker", "RFClassifier", "RFRegressor")]
)


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.ubj`` (or ``.json``); `example` is not needed."""
    import xgboost

    check_options("xgboost", options, ("model_format",))
    kind = options.get("model_format", "ubj")
    if kind not in ("ubj", "json"):
        raise InvalidInput(f"There is no model_format {kind!r}.", hint="There are: ubj, json.")
    name = f"model.{kind}"
    model.save_model(folder / name)
    own = next(path for path in map(class_path, type(model).__mro__) if path in CLASSES)
    settings = {
        "xgb_version": xgboost.__version__,
        "data": name,
        "model_class": own,
        "model_format": kind,
        "code": None,
    }
    return Saved(settings, {"data": name}, (_distribution(),))


def _distribution() -> str:
    """XGBoost comes as two: with and without the code for GPUs."""
    from mlops_nb.capture.packages import installed

    return "xgboost" if "xgboost" in installed() else "xgboost-cpu"


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """None: trees and numbers; a class that is not XGBoost's is refused when it is loaded."""
    return []


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The booster, or the object of its scikit-learn-like class."""
    xgboost = require("xgboost", "xgboost", purpose="load an XGBoost model")
    path = model_file(folder, settings, "data", default="model.xgb")
    name = settings.get("model_class", "xgboost.core.Booster")
    if name not in CLASSES:
        raise InvalidInput(f"The class {name!r:.100} is none of XGBoost's.", hint="Fetch the model again.")
    model = getattr(xgboost, name.rpartition(".")[2])()
    try:
        model.load_model(path)
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        lines = [line.partition("] ")[2] or line for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise CorruptData(f"{path.name} is damaged: {reason:.200}.", hint="Fetch the model again.") from error
    return model


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``; a booster is given a DMatrix."""
    import xgboost

    if isinstance(model, xgboost.Booster):
        return lambda data, params: model.predict(xgboost.DMatrix(data), **params)
    return lambda data, params: model.predict(data, **params)
