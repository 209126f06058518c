"""Serving: a model as an HTTP service, its request log, whole files scored, and what other engines need to serve it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlops_nb.serving.log import log_folder, read_answers, read_feedback
from mlops_nb.serving.recorder import LogSettings, Recorder
from mlops_nb.serving.settings import ServeSettings

if TYPE_CHECKING:
    from mlops_nb.serving.background import BackgroundService, serve

__all__ = [
    "BackgroundService",
    "LogSettings",
    "Recorder",
    "ServeSettings",
    "log_folder",
    "read_answers",
    "read_feedback",
    "serve",
]

_LATER = {"BackgroundService": "background", "serve": "background"}
"""What a worker does without is imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
