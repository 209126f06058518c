"""statsmodels: fitted results, as the library itself keeps them: a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, dump_with_code, load_pickle, model_file, pickle_risks
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.trust import Risk

FILE = "model.statsmodels"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.statsmodels``; with ``remove_data=True`` without the training data, which results hold."""
    import statsmodels

    check_options("statsmodels", options, ("remove_data",))
    if options.get("remove_data"):
        import copy

        model = copy.deepcopy(model)  # the user's own results keep their data
        model.remove_data()
    dump_with_code(model, folder / FILE)
    settings = {"statsmodels_version": statsmodels.__version__, "data": FILE, "code": None}
    return Saved(settings, {"data": FILE}, ("statsmodels",))


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """A pickle."""
    return pickle_risks(model_file(folder, settings, "data", default=FILE))


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The results."""
    require("statsmodels", "statsmodels", purpose="load a statsmodels model")
    return load_pickle(model_file(folder, settings, "data", default=FILE), trust)


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """``predict``; a time series is asked with one row of ``start`` and ``end``, as MLflow does."""
    series = any(ancestor.__name__ == "TimeSeriesModel" for ancestor in type(model.model).__mro__)

    def score(data: Any, params: dict[str, Any]) -> Any:
        if not series:
            return model.predict(data, **params)
        if kind_of(data) == "frame" and len(data) == 1 and {"start", "end"} <= set(data.columns):
            row = data.iloc[0]
            return model.predict(start=row["start"], end=row["end"], **params)
        raise InvalidInput("A time series is asked with one row that has the columns 'start' and 'end'.")

    return score
