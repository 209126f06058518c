"""mlops_nb: a notebook cell becomes a tracked, reproducible run.

In a notebook ``%load_ext mlops_nb``, then ``%%track`` on top of a cell. In Python the functions below, with MLflow's
names and meanings. Nothing is imported before it is used: each name is loaded on first touch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "active_run": "tracking",
    "compare": "verbs.public",
    "connect": "tracking",
    "delete_tag": "tracking",
    "end_run": "tracking",
    "evaluate": "registry",
    "get_experiment_by_name": "tracking",
    "get_metric_history": "tracking",
    "get_run": "tracking",
    "last_active_run": "tracking",
    "load_model": "registry",
    "log_artifact": "tracking",
    "log_artifacts": "tracking",
    "log_batch": "tracking",
    "log_dataset": "tracking",
    "log_dict": "tracking",
    "log_figure": "tracking",
    "log_image": "tracking",
    "log_metric": "tracking",
    "log_metrics": "tracking",
    "log_model": "registry",
    "log_param": "tracking",
    "log_params": "tracking",
    "log_table": "tracking",
    "log_text": "tracking",
    "monitor": "verbs.public",
    "register_model": "registry",
    "reproduce": "verbs.public",
    "rerun": "verbs.public",
    "retrain": "verbs.public",
    "search_runs": "tracking",
    "serve": "serving",
    "set_experiment": "tracking",
    "set_tag": "tracking",
    "set_tags": "tracking",
    "start_run": "tracking",
    "sweep": "verbs.sweeps",
}

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from mlops_nb.tracking import *  # noqa: F403


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mlops_nb' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mlops_nb.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Connect an IPython shell: ``%load_ext mlops_nb``."""
    from mlops_nb.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Disconnect it again: ``%unload_ext mlops_nb``."""
    from mlops_nb.magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What a Jupyter server loads."""
    from mlops_nb.lab.extension import LabExtension

    return [{"module": "mlops_nb.lab.extension", "app": LabExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """The front end: the bundle in this package, and what it is called in JupyterLab."""
    return [{"src": "labextension", "dest": "mlops-nb"}]
