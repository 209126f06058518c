"""Keras 3, in its own ``.keras`` file, on whatever backend is chosen."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.mlmodel import inside
from mlops_nb.models.trust import Risk

FILE = "data/model.keras"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``data/model.keras``; layers of one's own go along with ``code_paths``."""
    keras = require("keras", "keras", purpose="save a Keras model")

    check_options("keras", options, ())
    (folder / "data").mkdir()
    (folder / "data" / "keras_module.txt").write_text("keras", encoding="ascii")
    try:
        model.save(folder / FILE)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"The model cannot be saved: {str(error).splitlines()[0]}.") from error
    settings = {
        "data": "data", "keras_version": keras.__version__, "keras_backend": keras.backend.backend(),
        "save_exported_model": False,
    }  # fmt: skip
    return Saved(settings, {"predict_fn": "predict"}, ("keras", *_backend(keras)))


def _backend(keras: Any) -> tuple[str, ...]:
    return {"torch": ("torch",), "jax": ("jax",), "tensorflow": ("tensorflow",)}.get(keras.backend.backend(), ())


def _file(folder: Path, settings: Mapping[str, Any]) -> Path:
    if settings.get("save_exported_model"):
        raise InvalidInput("The model is a TensorFlow export, which is not read here.", hint="Load it with MLflow.")
    path = inside(folder, f"{settings.get('data', 'data')}/model.keras")
    if not path.is_file():
        raise CorruptData("The model's file data/model.keras is not in its folder.", hint="Fetch the model again.")
    return path


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """Layers that hold code, and classes that are not Keras' own."""
    path = _file(folder, settings)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from None
    found = {}
    for part in _parts(config):
        name, module = str(part["class_name"]), str(part.get("module") or "")
        if name in ("Lambda", "__lambda__"):
            found["keras.Lambda"] = "a Lambda layer holds code"
        elif module and not module.startswith(("keras", "builtins")):
            found[f"{module}.{name}"] = f"the class {module}.{name}"
        elif not module and part.get("registered_name") not in (None, name):
            found[str(part["registered_name"])] = f"the class {part['registered_name']}"
    return [Risk(name, detail) for name, detail in found.items()]


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if "class_name" in each:
                yield each
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The model."""
    keras = require("keras", "keras", purpose="load a Keras model")
    path = _file(folder, settings)
    try:
        return keras.saving.load_model(path, safe_mode=trust is not None and "keras.Lambda" not in trust)
    except (ValueError, TypeError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CorruptData(
            f"{path.name} cannot be loaded: {reason:.300}.",
            hint="If it is about a class of your own, save the model again with code_paths=[...] and import it first.",
        ) from error


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``: a frame in, a frame out; arrays in, an array out."""

    keras = require("keras", "keras", purpose="ask a Keras model")

    def score(data: Any, params: dict[str, Any]) -> Any:
        options = {"verbose": 0, **params}
        if kind_of(data) == "frame":
            import pandas

            return pandas.DataFrame(model.predict(data.to_numpy(), **options), index=data.index)
        return keras.ops.convert_to_numpy(model.predict(data, **options))

    return score
