"""What is logged lands here first: append-only, checksummed, one file a run and process; drained into the store.

A call that returns has handed its bytes to the operating system: they survive the death of the process. The file is
read
back by the drain of the same process, or by the next process that opens the workspace (`recover`).
"""

from mlops_nb.journal.drain import Drain, children_of
from mlops_nb.journal.lease import is_alive, lease_fields, own_lease
from mlops_nb.journal.reader import JournalReader
from mlops_nb.journal.recovery import recover
from mlops_nb.journal.writer import JournalWriter

__all__ = [
    "Drain", "JournalReader", "JournalWriter", "children_of", "is_alive", "lease_fields", "own_lease", "recover",
]  # fmt: skip
