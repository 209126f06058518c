"""A run's life: start, record, log, finish, and reading it back; MLflow's names and meanings."""

from mlops_nb.tracking.calls import (
    delete_tag,
    log_batch,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    set_tag,
    set_tags,
)
from mlops_nb.tracking.files import (
    log_artifact,
    log_artifacts,
    log_dataset,
    log_dict,
    log_figure,
    log_image,
    log_table,
    log_text,
)
from mlops_nb.tracking.fluent import (
    active_run,
    connect,
    end_run,
    get_experiment_by_name,
    last_active_run,
    set_experiment,
    start_run,
)
from mlops_nb.tracking.reading import find_run, get_metric_history, get_run, load_view, search_runs
from mlops_nb.tracking.run import ActiveRun, describe_error

__all__ = [
    "ActiveRun",
    "active_run",
    "connect",
    "delete_tag",
    "describe_error",
    "end_run",
    "find_run",
    "get_experiment_by_name",
    "get_metric_history",
    "get_run",
    "last_active_run",
    "load_view",
    "log_artifact",
    "log_artifacts",
    "log_batch",
    "log_dataset",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "search_runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "start_run",
]
