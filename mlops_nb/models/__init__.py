"""Models as MLmodel folders: saved, logged and loaded, whatever library made them, as MLflow itself does."""

from __future__ import annotations

from mlops_nb.models.inference import infer_signature
from mlops_nb.models.loading import LoadedModel, load_artifacts, load_folder
from mlops_nb.models.saving import ModelInfo, log_model, save_model
from mlops_nb.models.signature import Column, Param, Signature, Tensor

__all__ = [
    "Column",
    "LoadedModel",
    "ModelInfo",
    "Param",
    "Signature",
    "Tensor",
    "infer_signature",
    "load_artifacts",
    "load_folder",
    "log_model",
    "save_model",
]
