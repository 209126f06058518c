"""LightGBM: boosters as its own text, scikit-learn-like classes through skops (or a pickle by choice)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.capture.scalars import class_path
from mlops_nb.errors import CorruptData, require
from mlops_nb.models.flavors import Saved, Scorer, sklearn
from mlops_nb.models.flavors.files import check_options, model_file
from mlops_nb.models.trust import Risk

BOOSTER = "lightgbm.basic.Booster"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.lgb``, ``model.skops`` or ``model.pkl``; `example` is not needed."""
    import lightgbm

    check_options("lightgbm", options, ("serialization_format",))
    settings: dict[str, Any] = {"lgb_version": lightgbm.__version__, "code": None}
    packages: tuple[str, ...] = ("lightgbm",)
    if isinstance(model, lightgbm.Booster):
        model.save_model(folder / "model.lgb")
        settings |= {"data": "model.lgb", "model_class": BOOSTER}
    else:
        written = sklearn.write(model, folder, options)
        settings |= {**written, "data": written["file"], "model_class": class_path(type(model))}
        del settings["file"]
        packages = (
            "lightgbm",
            "scikit-learn",
            "skops" if written["serialization_format"] == "skops" else "cloudpickle",
        )
    return Saved(settings, {"data": settings["data"]}, packages)


def _is_booster(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("model_class", BOOSTER) == BOOSTER)


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """None for a booster; else as for scikit-learn."""
    if _is_booster(settings):
        return []
    path = model_file(folder, settings, "data")
    return sklearn.file_risks(path, {"serialization_format": "cloudpickle", **settings})


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The booster, or the object of its scikit-learn-like class."""
    lightgbm = require("lightgbm", "lightgbm", purpose="load a LightGBM model")
    path = model_file(folder, settings, "data", default="model.lgb")
    if not _is_booster(settings):
        return sklearn.read(path, {"serialization_format": "cloudpickle", **settings}, trust)
    text = path.read_bytes()
    if not text.startswith(b"tree") or b"\nend of trees" not in text:
        # LightGBM ends the process over a file that was cut
        raise CorruptData(f"{path.name} is no whole LightGBM model.", hint="Fetch the model again.")
    try:
        return lightgbm.Booster(model_file=str(path))
    except (lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
        raise CorruptData(f"{path.name} is damaged: {str(error)[:200]}.", hint="Fetch the model again.") from error


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``."""
    return lambda data, params: model.predict(data, **params)
