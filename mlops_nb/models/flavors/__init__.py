"""Libraries of models: one row each, one file each, and none of them imported before it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from mlops_nb.capture.scalars import class_path
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.models.trust import Risk

__all__ = ["FLAVORS", "Flavor", "Row", "Saved", "find_flavor", "load_flavor", "row_of"]

Scorer = Callable[[Any, dict[str, Any]], Any]
"""Data in the signature's form, and params; the prediction."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a flavor has written.

    Attributes
    ----------
    settings : dict
        What stands under the flavor's name in the MLmodel file, in MLflow's words; empty if only ``python`` counts.
    python : dict
        What stands under ``python_function``.
    packages : tuple of str
        Distributions without which it cannot be loaded.
    lazy : bool
        Whether the model may import more than its file names, as functions do.
    params : dict
        Settings of predict that the model takes, with their defaults.
    """

    settings: dict[str, Any]
    python: dict[str, Any]
    packages: tuple[str, ...]
    lazy: bool = False
    params: dict[str, Any] = field(default_factory=dict)


class Flavor(Protocol):
    """What the module of a flavor does."""

    def save(self, model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
        """Write the model's files into the folder; options that are not known are refused."""

    def risks(self, folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
        """What would run code when it is loaded; told without running any."""

    def load(self, folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
        """The native object; `trust` is None for a model that this user made."""

    def scorer(self, model: Any, settings: Mapping[str, Any]) -> Scorer:
        """How the native object is asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """A library.

    Attributes
    ----------
    name : str
        MLflow's name of the flavor.
    module : str
        The file beside this one.
    classes : tuple of str
        Ancestors that tell that an object is one of its models.
    extra : str
        The extra of mlops_nb that installs it.
    loader : str
        MLflow's module that loads it, by which models that MLflow saved are known.
    """

    name: str
    module: str
    classes: tuple[str, ...]
    extra: str
    loader: str


FLAVORS: tuple[Row, ...] = (
    Row("catboost", "catboost", ("catboost.core._CatBoostBase",), "catboost", "mlflow.catboost"),
    Row("lightgbm", "lightgbm", ("lightgbm.basic.Booster", "lightgbm.sklearn.LGBMModel"),
        "lightgbm", "mlflow.lightgbm"),
    Row("xgboost", "xgboost", ("xgboost.core.Booster", "xgboost.sklearn.XGBModel"), "xgboost", "mlflow.xgboost"),
    Row("statsmodels", "statsmodels", ("statsmodels.base.model.Results", "statsmodels.base.wrapper.ResultsWrapper"),
        "statsmodels", "mlflow.statsmodels"),
    # Keras before PyTorch: with that backend its models are PyTorch modules as well
    Row("keras", "keras", ("keras.src.models.model.Model",), "keras", "mlflow.keras"),
    Row("pytorch", "pytorch", ("torch.nn.modules.module.Module", "torch.export.exported_program.ExportedProgram"),
        "torch", "mlflow.pytorch"),
    Row("onnx", "onnx", ("onnx.onnx_ml_pb2.ModelProto", "onnxruntime.capi.onnxruntime_inference_collection.Session"),
        "onnx", "mlflow.onnx"),
    Row("spacy", "spacy", ("spacy.language.Language",), "spacy", "mlflow.spacy"),
    Row("sklearn", "sklearn", ("sklearn.base.BaseEstimator",), "sklearn", "mlflow.sklearn"),
    Row("python", "python", (), "", "mlflow.pyfunc.model"),
)  # fmt: skip

_ALIASES = {"scikit-learn": "sklearn", "torch": "pytorch", "pyfunc": "python", "python_function": "python"}


def find_flavor(model: Any) -> Row:
    """The row of the library that an object comes from; anything that can be called or asked to predict is ``python``.

    Raises
    ------
    InvalidInput
        If the object can do neither.

    Examples
    --------
    >>> find_flavor(lambda rows: [0 for _ in rows]).name
    'python'
    """
    line = {class_path(ancestor) for ancestor in type(model).__mro__}
    for row in FLAVORS:
        if line.intersection(row.classes):
            return row
    if callable(model) or callable(getattr(type(model), "predict", None)):
        return FLAVORS[-1]
    raise InvalidInput(
        f"A {type(model).__name__} is no model: it cannot be called and has no predict.",
        hint="Give a fitted model, a function, or an object with a method predict(data).",
    )


def row_of(name: str) -> Row:
    """The row with this name.

    Raises
    ------
    NotFound
        Naming the flavors that there are.

    Examples
    --------
    >>> row_of("sklearn").loader
    'mlflow.sklearn'
    """
    wanted = _ALIASES.get(name, name)
    for row in FLAVORS:
        if row.name == wanted:
            return row
    raise NotFound(f"There is no flavor {name!r}.", hint=f"There are: {', '.join(row.name for row in FLAVORS)}.")


def load_flavor(row: Row) -> Flavor:
    """The module that does the work for a row.

    Examples
    --------
    >>> load_flavor(row_of("python")).__name__
    'mlops_nb.models.flavors.python'
    """
    return cast(Flavor, importlib.import_module(f"mlops_nb.models.flavors.{row.module}"))
