"""scikit-learn, and all that speaks its language: skops by default, pickles by choice or where code must travel."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, PermissionDenied, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import (
    check_options,
    dump_with_code,
    is_installed,
    load_pickle,
    model_file,
    pickle_risks,
)
from mlops_nb.models.trust import Risk

FORMATS = ("skops", "cloudpickle", "pickle")
KNOWN = frozenset(
    ("collections.OrderedDict", "collections.defaultdict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier",
     "lightgbm.sklearn.LGBMRegressor", "lightgbm.sklearn.LGBMRanker", "lightgbm.sklearn.LGBMModel",
     "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor",
     "xgboost.sklearn.XGBRanker", "sklearn.utils._bunch.Bunch")
)  # fmt: skip
"""Types beyond skops' own list whose loading sets plain attributes and parses the library's own format."""


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.skops``, or ``model.pkl``; `example` is not needed."""
    import sklearn

    check_options("sklearn", options, ("serialization_format", "skops_trusted_types", "pyfunc_predict_fn"))
    settings = {"sklearn_version": sklearn.__version__, "code": None, **write(model, folder, options)}
    settings["pickled_model"] = settings.pop("file")
    predict = options.get("pyfunc_predict_fn", "predict")
    python: dict[str, Any] = {"model_path": settings["pickled_model"], "predict_fn": predict}
    if not hasattr(model, predict):
        python = {}  # a transformer: MLflow's generic flavor asks for predict as well
    packages = ("scikit-learn", "skops" if settings["serialization_format"] == "skops" else "cloudpickle")
    return Saved(settings, python, packages if settings["serialization_format"] != "pickle" else packages[:1])


def write(model: Any, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Write a scikit-learn-like object; returns ``file``, ``serialization_format`` and ``skops_trusted_types``."""
    chosen = options.get("serialization_format")
    if chosen not in (None, *FORMATS):
        raise InvalidInput(f"There is no serialization_format {chosen!r}.", hint=f"There are: {', '.join(FORMATS)}.")
    if chosen in (None, "skops"):
        types = _write_skops(model, folder / "model.skops", must=chosen == "skops")
        if types is not None:
            return {"file": "model.skops", "serialization_format": "skops", "skops_trusted_types": types or None}
    path = folder / "model.pkl"
    if chosen == "pickle":
        try:
            path.write_bytes(pickle.dumps(model, protocol=pickle.DEFAULT_PROTOCOL))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"The model cannot be pickled: {error}.", hint="Use serialization_format='cloudpickle'."
            ) from None
    else:
        dump_with_code(model, path)
    return {"file": path.name, "serialization_format": chosen or "cloudpickle", "skops_trusted_types": None}


def _write_skops(model: Any, path: Path, *, must: bool) -> list[str] | None:
    """The types beyond skops' own list; None if the model holds what only a pickle with code can carry elsewhere."""
    io = require("skops.io", "sklearn", purpose="save scikit-learn models without pickle")
    try:
        io.dump(model, path)
        settle_skops(path)
        types = [str(each) for each in io.get_untrusted_types(file=path)]
        foreign = [each for each in types if not _is_importable(each)]
        if not foreign:
            io.load(path, trusted=types)  # what cannot be read again must not be kept
            return types
        reason = f"{foreign[0]} is defined in the notebook or in a file beside it, which skops cannot take along"
    except Exception as error:  # skops raises whatever an object's own state makes it raise
        reason = str(error) or type(error).__name__
    path.unlink(missing_ok=True)
    if must:
        raise InvalidInput(
            f"The model cannot be saved with skops: {reason.splitlines()[0]}.",
            hint="Use serialization_format='cloudpickle'.",
        )
    return None


def settle_skops(path: Path) -> None:
    """Write a skops file again without what changes each time: addresses in memory, and the time.

    So the same model has the same bytes, whoever saves it when, and a digest tells whether two models are the same.
    """
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files.pop("schema.json"))
    known: dict[str, int] = {}
    _renumber(schema, known)
    draft = path.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(files, key=lambda each: (known.get(each.partition(".")[0], 0), each)):
            archive.writestr(zipfile.ZipInfo(_renamed(name, known)), files[name], zipfile.ZIP_STORED)
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema, indent=1), zipfile.ZIP_DEFLATED, 1)
    draft.replace(path)


def _renumber(value: Any, known: dict[str, int]) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("__id__"), int):
            value["__id__"] = known.setdefault(str(value["__id__"]), len(known) + 1)
        if isinstance(value.get("file"), str) and "__loader__" in value:
            known.setdefault(value["file"].partition(".")[0], len(known) + 1)
            value["file"] = _renamed(value["file"], known)
        for each in value.values():
            _renumber(each, known)
    elif isinstance(value, list):
        for each in value:
            _renumber(each, known)


def _renamed(name: str, known: dict[str, int]) -> str:
    stem, dot, ending = name.partition(".")
    return f"{known[stem]}{dot}{ending}" if stem in known else name


def _is_importable(name: str) -> bool:
    """Whether a type comes from an installed distribution."""
    module = sys.modules.get(name.rpartition(".")[0]) or sys.modules.get(name.partition(".")[0])
    if module is None or module.__name__ == "__main__":
        return False
    file = getattr(module, "__file__", None)
    return file is None or is_installed(file)


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """A pickle; or types that skops does not know."""
    path = model_file(folder, settings, "pickled_model", "model_path", "data", default="model.pkl")
    return file_risks(path, settings)


def file_risks(path: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """What in a scikit-learn-like file would run code; the file's own list of trusted types counts for nothing."""
    if settings.get("serialization_format") != "skops":
        return pickle_risks(path)
    io = require("skops.io", "sklearn", purpose="load this model")
    try:
        types = io.get_untrusted_types(file=path)
    except Exception as error:  # a damaged archive raises in many ways
        raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from None
    return [Risk(str(each), f"the type {each}") for each in types if str(each) not in KNOWN]


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The estimator."""
    require("sklearn", "sklearn", purpose="load a scikit-learn model")
    path = model_file(folder, settings, "pickled_model", "model_path", "data", default="model.pkl")
    return read(path, settings, trust)


def read(path: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """A scikit-learn-like object out of its file."""
    if settings.get("serialization_format") != "skops":
        if settings.get("serialization_format") == "cloudpickle":
            require("cloudpickle", "models", purpose="load this model")
        return load_pickle(path, trust)
    io = require("skops.io", "sklearn", purpose="load this model")
    try:
        types = [str(each) for each in io.get_untrusted_types(file=path)]
        return io.load(path, trusted=[each for each in types if trust is None or each in trust or each in KNOWN])
    except Exception as error:
        if type(error).__name__ == "UntrustedTypesFoundException":
            raise PermissionDenied(f"{path.name}: {error}", hint="Name the types in trust=.") from None
        raise CorruptData(f"{path.name} cannot be loaded: {error}.", hint="Fetch the model again.") from error


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``, or what was chosen as ``pyfunc_predict_fn``; a transformer transforms."""
    name = settings.get("predict_fn", "predict")
    method = getattr(model, name, None) or getattr(model, "transform", None)
    if method is None:
        raise InvalidInput(f"A {type(model).__name__} cannot predict.", hint="Load it with native=True.")

    def score(data: Any, params: dict[str, Any]) -> Any:
        return method(data, **params)

    return score
