"""CatBoost, in its own binary format (no code in it)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, model_file
from mlops_nb.models.trust import Risk

TYPES = ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost")
FILE = "model.cb"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.cb``; `example` is not needed."""
    import catboost

    check_options("catboost", options, ())
    own = next(ancestor.__name__ for ancestor in type(model).__mro__ if ancestor.__name__ in TYPES)
    model.save_model(str(folder / FILE))
    settings = {
        "catboost_version": catboost.__version__, "model_type": own, "save_format": "cbm", "data": FILE, "code": None,
    }  # fmt: skip
    return Saved(settings, {"data": FILE}, ("catboost",))


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """None: trees and numbers."""
    return []


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The object of its class."""
    catboost = require("catboost", "catboost", purpose="load a CatBoost model")
    name = settings.get("model_type", "CatBoost")
    if name not in TYPES:
        raise InvalidInput(f"The class {name!r:.100} is none of CatBoost's.", hint="Fetch the model again.")
    path = model_file(folder, settings, "data", default=FILE)
    model = getattr(catboost, name)()
    try:
        model.load_model(str(path), settings.get("save_format", "cbm"))
    except catboost.CatBoostError as error:
        raise CorruptData(f"{path.name} is damaged: {str(error)[:200]}.", hint="Fetch the model again.") from error
    return model


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``."""
    return lambda data, params: model.predict(data, **params)
