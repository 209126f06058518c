"""spaCy's pipelines, in the library's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, model_file
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.trust import Risk

FOLDER = "model.spacy"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``model.spacy/``. MLflow's generic flavor exists for pipelines that classify texts, as in MLflow."""
    spacy = require("spacy", "spacy", purpose="save a spaCy pipeline")

    check_options("spacy", options, ())
    model.to_disk(folder / FOLDER)
    settings = {"spacy_version": spacy.__version__, "data": FOLDER, "code": None}
    return Saved(settings, {"data": FOLDER} if _classifies(model) else {}, ("spacy",))


def _classifies(model: Any) -> bool:
    return any(name.startswith("textcat") for name in model.pipe_names)


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """None: its folder names functions that are registered by installed packages, and holds weights and tables."""
    return []


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The pipeline."""
    spacy = require("spacy", "spacy", purpose="load a spaCy pipeline")
    path = model_file(folder, settings, "data", default=FOLDER)
    try:
        return spacy.load(path)
    except (ValueError, OSError, KeyError) as error:
        raise CorruptData(
            f"{path.name} cannot be loaded: {str(error)[:300]}.", hint="Fetch the model again."
        ) from error


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """Texts in; a frame with ``predictions`` out: scores by category, else the entities that were found."""
    classifies = _classifies(model)

    def score(data: Any, params: dict[str, Any]) -> Any:
        import pandas

        texts, index = _texts(data)
        found = [dict(document.cats) if classifies else _entities(document) for document in model.pipe(texts)]
        return pandas.DataFrame({"predictions": found}, index=index)

    return score


def _entities(document: Any) -> list[dict[str, Any]]:
    return [{"text": each.text, "label": each.label_, "start": each.start_char} for each in document.ents]


def _texts(data: Any) -> tuple[list[str], Any]:
    kind = kind_of(data)
    if kind == "frame":
        if data.shape[1] != 1:
            raise InvalidInput(f"The model takes one column of texts; the input has {data.shape[1]} columns.")
        return data.iloc[:, 0].tolist(), data.index
    if kind == "array":
        data = data.ravel().tolist()
    return ([data] if isinstance(data, str) else list(data)), None
