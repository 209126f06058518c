"""Models as MLmodel folders: saved, logged and loaded, whatever library made them, as MLflow itself does."""

from __future__ import annotations

from mlops_nb.models.evaluation import Evaluation, evaluate
from mlops_nb.models.fetching import load_artifacts
from mlops_nb.models.inference import infer_signature
from mlops_nb.models.info import ModelInfo
from mlops_nb.models.loaded import LoadedModel
from mlops_nb.models.loading import load_folder
from mlops_nb.models.offering import offer
from mlops_nb.models.recording import log_model
from mlops_nb.models.saving import save_model
from mlops_nb.models.signature import Column, Param, Signature, Tensor

__all__ = [
    "Column",
    "Evaluation",
    "LoadedModel",
    "ModelInfo",
    "Param",
    "Signature",
    "Tensor",
    "evaluate",
    "infer_signature",
    "load_artifacts",
    "load_folder",
    "log_model",
    "offer",
    "save_model",
]
