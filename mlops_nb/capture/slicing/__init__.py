"""The least earlier code that a result needs, found by comparing a session's states, execution by execution."""

from __future__ import annotations

from mlops_nb.capture.slicing.badge import SessionLog, restart_run_all
from mlops_nb.capture.slicing.follower import Follower, Token
from mlops_nb.capture.slicing.ledger import Execution, SliceResult
from mlops_nb.capture.slicing.script import slice_cells, slice_script

__all__ = [
    "Execution", "Follower", "SessionLog", "SliceResult", "Token", "restart_run_all", "slice_cells", "slice_script",
]  # fmt: skip
