"""Versions of models under names: aliases, stages, gates, and the audit of every change."""

from mlops_nb.registry.card import ModelCard, card
from mlops_nb.registry.checking import Checked, PromotionRefused
from mlops_nb.registry.gates import gates_of, set_gates
from mlops_nb.registry.governed import (
    create_model,
    define_stages,
    delete_version,
    describe,
    drop_alias,
    register_model,
    rename_model,
    set_tags,
)
from mlops_nb.registry.history import History, history, model_lineage, models_from
from mlops_nb.registry.loading import allow_safe_formats_only, evaluate, fetch_model, load_model, log_model
from mlops_nb.registry.promotion import approve, promote, roll_back, try_gates
from mlops_nb.registry.resolving import Resolved, resolve

__all__ = [
    "Checked",
    "History",
    "ModelCard",
    "PromotionRefused",
    "Resolved",
    "allow_safe_formats_only",
    "approve",
    "card",
    "create_model",
    "define_stages",
    "delete_version",
    "describe",
    "drop_alias",
    "evaluate",
    "fetch_model",
    "gates_of",
    "history",
    "load_model",
    "log_model",
    "model_lineage",
    "models_from",
    "promote",
    "register_model",
    "rename_model",
    "resolve",
    "roll_back",
    "set_gates",
    "set_tags",
    "try_gates",
]
