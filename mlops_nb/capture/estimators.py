"""Fitted models among the names of a cell, with their hyper-parameters.

Libraries are known by the names of classes in a type's line of ancestors, so none is imported to look. What is called
are methods of those libraries; of user code, at most the ``__init__`` signature is read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlops_nb.capture.params import cut_text
from mlops_nb.capture.scalars import ABSENT, class_path, plain_scalar, type_path

_MAX_MODELS = 20
_MAX_PARAMS = 200
_MAX_ITEMS = 20
_TEXT_LIMIT = 200
_LIBRARIES = frozenset(("sklearn", "imblearn", "xgboost", "lightgbm", "catboost", "skopt", "sktime", "skorch"))

_LINE = type.__dict__["__mro__"].__get__


def fitted_models(names: Iterable[str], namespace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe the fitted models among some names.

    Parameters
    ----------
    names : iterable of str
        Names to look at, such as those that a cell binds and reads.
    namespace : mapping of str to object
        The namespace after the cell.

    Returns
    -------
    list of dict
        At most 20, each object once: ``name, class, library, version, kind`` (``sklearn``, ``xgboost``, ``lightgbm``,
        ``catboost``, ``statsmodels``, ``torch``, ``keras``, ``onnx``), ``params`` (plain, bounded) and, as they apply,
        ``parameters`` (how many are learned), ``best_params``, ``best_score``; or a ``note`` if the library failed.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> fitted = fitted_models(["a", "b"], {"a": Ridge(alpha=0.5).fit([[0], [1]], [0, 1]), "b": Ridge()})
    >>> [(model["name"], model["params"]["alpha"]) for model in fitted]
    [('a', 0.5)]
    """
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    for name in dict.fromkeys(names):
        if name.startswith("_") or name not in namespace or len(found) >= _MAX_MODELS:
            continue
        obj = namespace[name]
        description = None if id(obj) in seen else _describe(name, obj)
        if description is not None:
            seen.add(id(obj))
            found.append(description)
    return found


def _describe(name: str, obj: Any) -> dict[str, Any] | None:
    cls = type(obj)
    line = [class_path(ancestor) for ancestor in _LINE(cls)]
    if len(line) == 2 and line[0].startswith("builtins."):
        return None
    kind = next((_KINDS[path] for path in line if path in _KINDS), None)
    if kind is None and line[0].startswith("statsmodels.") and line[0].endswith(("Results", "ResultsWrapper")):
        kind = "statsmodels"
    if kind is None:
        return None
    entry: dict[str, Any] = {"name": name, "class": line[0], **_library(line, kind), "kind": kind, "params": {}}
    try:
        facts = _DESCRIBERS[kind](obj)
    except Exception as error:  # a library's own fault: the model is still named
        entry["note"] = f"{type(error).__name__} while its parameters were read"
        return entry
    return None if facts is None else {**entry, **facts}


def _library(line: list[str], kind: str) -> dict[str, str | None]:
    """The library that a class comes from; for the user's own classes, that of the ancestor which told the kind."""
    root = next((path.partition(".")[0] for path in line if path.partition(".")[0] in _ROOTS), kind)
    version = getattr(sys.modules.get(root), "__version__", None)
    return {"library": root, "version": str.__str__(version) if isinstance(version, str) else None}


def _attributes(obj: object) -> dict[str, Any]:
    """An instance's own attributes, past `__getattr__` and properties."""
    found = object.__getattribute__(obj, "__dict__")
    return found if type(found) is dict else {}


# -- scikit-learn and those that speak its language --------------------------------------------------------------------


def _describe_sklearn(obj: Any) -> dict[str, Any] | None:
    own = _attributes(obj)
    if not _is_fitted(obj, own):
        return None
    facts: dict[str, Any] = {"params": _plain_params(_hyper_parameters(obj, own))}
    if type(own.get("best_params_")) is dict:
        facts["best_params"] = _plain_params(own["best_params_"])
        score = plain_scalar(own.get("best_score_"))
        if score is not ABSENT:
            facts["best_score"] = score
    return facts


def _is_fitted(obj: Any, own: Mapping[str, Any]) -> bool:
    """By scikit-learn's custom: attributes that fitting sets end with an underscore. A pipeline asks its last step."""
    if any(name.endswith("_") and not name.startswith("_") for name in own):
        return True
    if own.get("_Booster") is not None:  # XGBoost's and LightGBM's estimators
        return True
    steps = own.get("steps")
    if type(steps) is list and steps and type(steps[-1]) is tuple and len(steps[-1]) == 2:
        last = steps[-1][1]
        return last is not obj and not isinstance(last, str | None) and _is_fitted(last, _attributes(last))
    return False


def _hyper_parameters(obj: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """What `get_params` tells, if it is a library's; for a user's own `get_params` the arguments of ``__init__``."""
    for ancestor in _LINE(type(obj)):
        members = type.__dict__["__dict__"].__get__(ancestor)
        if "get_params" in members:
            if class_path(ancestor).partition(".")[0] in _LIBRARIES:
                return dict(obj.get_params(deep=True))
            break
    code = getattr(type(obj).__init__, "__code__", None)
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount] if code is not None else ()
    return {name: own[name] for name in names if name in own}


def _describe_catboost(obj: Any) -> dict[str, Any] | None:
    return {"params": _plain_params(obj.get_params()), "trees": int(obj.tree_count_)} if obj.is_fitted() else None


# -- boosters ----------------------------------------------------------------------------------------------------------


def _describe_booster(obj: Any) -> dict[str, Any]:
    config = json.loads(obj.save_config())
    return {"params": _plain_params(_leaves(config.get("learner", {}))), "rounds": int(obj.num_boosted_rounds())}


def _leaves(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of nested settings, by their own names."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            for name, leaf in _leaves(value).items():
                found.setdefault(name, leaf)
        elif not isinstance(value, list):
            found.setdefault(key, value)
    return found


def _describe_lightgbm(obj: Any) -> dict[str, Any]:
    params = _attributes(obj).get("params")
    return {"params": _plain_params(params if type(params) is dict else {}), "rounds": int(obj.current_iteration())}


# -- networks ----------------------------------------------------------------------------------------------------------


def _describe_torch(obj: Any) -> dict[str, Any] | None:
    """Counts what a module holds without calling it; shared tensors count once."""
    tensors: dict[int, Any] = {}
    modules, seen = [obj], set()
    while modules:
        module = modules.pop()
        if module is None or id(module) in seen:
            continue
        seen.add(id(module))
        own = _attributes(module)
        tensors.update((id(tensor), tensor) for tensor in own.get("_parameters", {}).values() if tensor is not None)
        modules.extend(own.get("_modules", {}).values())
    if not tensors:
        return None
    first = next(iter(tensors.values()))
    return {
        "params": {"layers": len(seen) - 1, "dtype": str(first.dtype), "device": str(first.device)},
        "parameters": sum(int(tensor.numel()) for tensor in tensors.values()),
        "trainable": sum(int(tensor.numel()) for tensor in tensors.values() if tensor.requires_grad),
    }


def _describe_keras(obj: Any) -> dict[str, Any] | None:
    if not obj.built:
        return None
    params: dict[str, Any] = {"layers": len(obj.layers)}
    optimizer = getattr(obj, "optimizer", None)
    if optimizer is not None:
        params.update({f"optimizer.{key}": value for key, value in optimizer.get_config().items()})
        params["loss"] = getattr(obj, "loss", None)
    return {"params": _plain_params(params), "parameters": int(obj.count_params())}


def _describe_onnx(obj: Any) -> dict[str, Any]:
    ends = {"inputs": obj.get_inputs(), "outputs": obj.get_outputs()}
    return {"params": _plain_params({end: [f"{part.name}: {part.type}" for part in ends[end]] for end in ends})}


def _describe_statsmodels(obj: Any) -> dict[str, Any]:
    model = obj.model
    params: dict[str, Any] = {"model": type_path(model), "formula": getattr(model, "formula", None)}
    for name in ("method", "cov_type", "nobs", "df_model"):
        params[name] = getattr(obj, name, None)
    return {"params": _plain_params({key: value for key, value in params.items() if value is not None})}


# -- values ------------------------------------------------------------------------------------------------------------


def _plain_params(params: Mapping[Any, Any]) -> dict[str, Any]:
    """At most 200 hyper-parameters as plain values."""
    return {str(key): _plain(value) for key, value in list(params.items())[:_MAX_PARAMS] if type(key) is str}


def _plain(value: Any, depth: int = 3) -> Any:
    """A plain value; an object is told by its class in angle brackets, what is too long ends in an ellipsis."""
    scalar = plain_scalar(value)
    if scalar is not ABSENT:
        return cut_text(scalar, _TEXT_LIMIT)
    if (type(value) is list or type(value) is tuple) and depth:
        items = [_plain(item, depth - 1) for item in value[:_MAX_ITEMS]]
        return items if len(value) <= _MAX_ITEMS else [*items, "…"]
    if type(value) is dict and depth:
        return {str(plain_scalar(key)): _plain(item, depth - 1) for key, item in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, type):
        return f"<{class_path(value)}>"
    return f"<{type_path(value)}>"


_KINDS = {
    "catboost.core._CatBoostBase": "catboost",
    "sklearn.base.BaseEstimator": "sklearn",
    "xgboost.core.Booster": "xgboost",
    "lightgbm.basic.Booster": "lightgbm",
    "torch.nn.modules.module.Module": "torch",
    "keras.src.models.model.Model": "keras",
    "keras.engine.training.Model": "keras",
    "keras.src.engine.training.Model": "keras",
    "onnxruntime.capi.onnxruntime_inference_collection.InferenceSession": "onnx",
}
_ROOTS = _LIBRARIES | {"torch", "keras", "onnxruntime", "statsmodels"}
_DESCRIBERS: dict[str, Callable[[Any], dict[str, Any] | None]] = {
    "catboost": _describe_catboost,
    "sklearn": _describe_sklearn,
    "xgboost": _describe_booster,
    "lightgbm": _describe_lightgbm,
    "torch": _describe_torch,
    "keras": _describe_keras,
    "onnx": _describe_onnx,
    "statsmodels": _describe_statsmodels,
}
