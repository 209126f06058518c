"""scikit-learn, and all that speaks its language: skops by default, pickles by choice or where code must travel."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.capture.installed import is_installed
from mlops_nb.errors import CorruptData, InvalidInput, PermissionDenied, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import (
    check_options,
    dump_with_code,
    load_pickle,
    model_file,
    pickle_risks,
)
from mlops_nb.models.flavors.skops_files import Read, dump, skops_io
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
    try:
        dump(model, path)
        types = _read_again(path)
        foreign = [each for each in types if not _is_importable(each)]
        if not foreign:
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


def _read_again(path: Path) -> list[str]:
    """What cannot be read again must not be kept; returns the types beyond skops' own list."""
    with Read(path) as file:
        if all(map(_is_importable, file.types)):
            file.model()
        return file.types


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
    io = skops_io()
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
        return load_pickle(path, trust)
    io = skops_io()
    try:
        if trust is None:
            listed = settings.get("skops_trusted_types") or []  # one's own list: the file is one's own
        else:
            listed = [each for each in map(str, io.get_untrusted_types(file=path)) if each in trust or each in KNOWN]
        return io.load(path, trusted=listed)
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
