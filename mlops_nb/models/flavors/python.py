"""Any function or object: rules, optimisers, knowledge graphs, language models, agents: a ``python_function``."""

from __future__ import annotations

import contextlib
import inspect
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.models.flavors import Saved, Scorer, adapter
from mlops_nb.models.flavors.files import (
    check_options,
    code_by_value,
    dump_with_code,
    load_pickle,
    model_file,
    pickle_risks,
)
from mlops_nb.models.mlmodel import inside
from mlops_nb.models.trust import Risk

FILE = "python_model.pkl"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Pickle the object with its code; ``artifacts={name: file}`` go along, and ``load_context`` is told where."""
    check_options("python", options, ("artifacts",))
    import cloudpickle

    if inspect.isclass(model):
        try:
            model = model()
        except TypeError as error:
            raise InvalidInput(
                f"The class {model.__name__} needs arguments: {error}.", hint="Give an object of it."
            ) from None
    wrapped, params = _wrap(model)
    with code_by_value(adapter):
        dump_with_code(wrapped, folder / FILE)
    python = {
        "python_model": FILE,
        "cloudpickle_version": cloudpickle.__version__,
        "artifacts": _copy_artifacts(options.get("artifacts") or {}, folder),
    }
    if not python["artifacts"]:
        del python["artifacts"]
    return Saved({}, python, ("cloudpickle",), lazy=True, params=params)


def wrap(model: Any) -> Any:
    """The object in its wrapper, as it will be when it is loaded."""
    return _wrap(model() if inspect.isclass(model) else model)[0]


def _wrap(model: Any) -> tuple[Any, dict[str, Any]]:
    method = "predict" if callable(getattr(model, "predict", None)) else ""
    if any(ancestor.__module__.startswith("mlflow.") for ancestor in type(model).__mro__):
        return model, {}  # the user's own mlflow.pyfunc.PythonModel has all that MLflow asks for
    style, params = _calling_style(getattr(model, method) if method else model, method)
    return adapter.PythonModel(model, method, style), params


def _calling_style(call: Any, method: str) -> tuple[str, dict[str, Any]]:
    """How the user's function takes params, and those that it has defaults for."""
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return "plain", {}
    names = [each.name for each in parameters]
    if method and names[:2] and names[0] == "context" and len(names) > 1:
        return ("context params" if "params" in names else "context"), {}
    if not names:
        raise InvalidInput(
            "The model takes no input.", hint="Give it one parameter for the data: def predict(data): ..."
        )
    if "params" in names[1:]:
        return "params", {}
    rest = parameters[1:]
    required = [
        each.name
        for each in rest
        if each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    if required:
        raise InvalidInput(
            f"The model's parameter {required[0]!r} has no default.",
            hint="Only the first parameter, the data, may be without one.",
        )
    defaults = {each.name: each.default for each in rest if isinstance(each.default, (bool, int, float, str))}
    return ("keywords" if rest else "plain"), defaults


def _copy_artifacts(artifacts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    entries = {}
    for name, source in artifacts.items():
        path = Path(source).expanduser()
        if not path.exists():
            raise InvalidInput(f"The artifact {name!r} ({path}) does not exist.", hint="Check the path.")
        target = inside(folder, f"artifacts/{name}/{path.name}")
        target.parent.mkdir(parents=True)
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)
        entries[str(name)] = {"path": target.relative_to(folder).as_posix(), "uri": ""}
    return entries


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """It is a pickle with code in it, always; or a script that MLflow executes."""
    if settings.get("model_code_path"):
        return [Risk("code", f"{settings['model_code_path']} is a script that is executed")]
    return pickle_risks(model_file(folder, settings, "python_model"))


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The user's object in its wrapper, with its files in place."""
    model = load_pickle(model_file(folder, settings, "python_model"), trust)
    paths = {name: str(inside(folder, str(each["path"]))) for name, each in (settings.get("artifacts") or {}).items()}
    context = SimpleNamespace(artifacts=paths, model_config=settings.get("config") or {})
    prepare = getattr(model, "load_context", None)
    if callable(prepare):
        prepare(context)
    with contextlib.suppress(AttributeError):  # objects with slots: predict is then given no context
        model.mlops_nb_context = context
    return model


def unwrap(model: Any) -> Any:
    """The user's own object."""
    return getattr(model, "target", model)


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """Through the wrapper, or through the user's own ``mlflow.pyfunc.PythonModel``."""
    context = getattr(model, "mlops_nb_context", None)
    try:
        names = list(inspect.signature(model.predict).parameters)
    except (AttributeError, TypeError, ValueError):
        names = ["context", "model_input", "params"]

    def score(data: Any, params: dict[str, Any]) -> Any:
        given = [context, data] if names[:1] == ["context"] else [data]
        return model.predict(*given, params=params) if "params" in names else model.predict(*given)

    return score
