"""Ways in and out: import from and export to MLflow, other trackers' files, moving and merging stores."""

from __future__ import annotations

from mlops_nb.transfer.exporting import export_mlflow
from mlops_nb.transfer.importing import import_mlflow, import_tensorboard, import_wandb
from mlops_nb.transfer.moving import merge_stores, migrate_store
from mlops_nb.transfer.parcels import File, Origin, Report

__all__ = [
    "File", "Origin", "Report", "export_mlflow", "import_mlflow", "import_tensorboard", "import_wandb", "merge_stores",
    "migrate_store",
]  # fmt: skip
