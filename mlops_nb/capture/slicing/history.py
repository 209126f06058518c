"""What IPython remembers: inputs, outputs, the last error, and the cells that ran before following began."""

from __future__ import annotations

from mlops_nb.capture.slicing.commands import translate
from mlops_nb.capture.slicing.ledger import Execution, Ledger
from mlops_nb.capture.slicing.mentions import CellText
from mlops_nb.capture.slicing.reading import Reading
from mlops_nb.capture.slicing.syntax import read_cell

_LAST_ERROR = frozenset({"last_value", "last_traceback", "last_type", "last_exc"})


def read_history(ledger: Ledger, entry: Execution, text: CellText, reading: Reading) -> None:
    """Make an execution depend on the cells whose inputs, outputs and errors it looks at.

    Examples
    --------
    >>> ledger = Ledger()
    >>> for count, source in enumerate(["x = 1", "print(In[1])"], 1):
    ...     entry = ledger.open(source, source, count, None)
    >>> read_history(ledger, entry, read_cell("print(In[1])"), Reading())
    >>> entry.needs
    {0}
    """
    entry.outputs_read = {int(n[1:]) for n in reading.names if n[1:].isdigit() and n[0] == "_"}
    for name in {"_", "__", "___"} & reading.names:
        entry.outputs_read.update(
            count for i in ledger.writers.get(name, ()) if (count := ledger.executions[i].execution_count)
        )
    for count in text.inputs:
        if (index := ledger.last_with_count(count)) is not None:
            entry.needs.add(index)
    if _LAST_ERROR & reading.words:
        entry.needs.update([e.index for e in ledger.executions[: entry.index] if e.error][-1:])
    if text.all_inputs or {"_i", "_ii", "_iii"} & text.reads.keys():
        entry.needs.update(range(max(0, entry.index - 3) if not text.all_inputs else 0, entry.index))


def add_history(ledger: Ledger, source: str, count: int | None, cell_id: str | None) -> None:
    """Add what ran before following began: reads are taken as changes, since nothing was compared.

    Examples
    --------
    >>> ledger = Ledger()
    >>> add_history(ledger, "x = 1", 1, None)
    >>> ledger.writers["x"]
    (0,)
    """
    entry = ledger.open(source, translate(source), count, cell_id)
    entry.origin = "history"
    text = read_cell(entry.transformed)
    for name in text.reads:
        ledger.read(entry, name)
    for name in text.reads:
        if name in ledger.writers and name not in text.imports:
            ledger.change(entry, name)
    for name in text.stores | text.deletes:
        (ledger.bind if name in text.sure or name in text.deletes else ledger.change)(entry, name)
