"""Serving: a model as an HTTP service, its request log, whole files scored, and what other engines need to serve it."""

from mlops_nb.serving.log import log_folder, read_answers, read_feedback
from mlops_nb.serving.recorder import LogSettings, Recorder

__all__ = ["LogSettings", "Recorder", "log_folder", "read_answers", "read_feedback"]
