"""Randomness: its state before an execution, what used it unseeded, and how a re-execution gets it back bit for bit."""

from __future__ import annotations

from mlops_nb.capture.randomness.entropy import EntropyLog
from mlops_nb.capture.randomness.seeds import apply_seed, forget_seed, seed_calls, unpinnable, unseeded
from mlops_nb.capture.randomness.states import complete, marks, pin_source, restore, snapshot, used
from mlops_nb.capture.randomness.threads import process_facts, thread_environment

__all__ = [
    "EntropyLog",
    "apply_seed",
    "complete",
    "forget_seed",
    "marks",
    "pin_source",
    "process_facts",
    "restore",
    "seed_calls",
    "snapshot",
    "thread_environment",
    "unpinnable",
    "unseeded",
    "used",
]
