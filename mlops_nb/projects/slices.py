"""The code behind a tracked cell's run: as a script, as a notebook, as something to execute again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.replacement import replace_in_text
from mlops_nb.capture.slicing import SliceResult, slice_script
from mlops_nb.errors import InvalidState

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.comparison import RunView

__all__ = ["Part", "parts_of", "rerun_notebook", "script_of", "slice_notebook", "take_asides"]

PIN_TAG = "mlops-nb-pin"
ASIDE = "mlops_nb_aside"
"""In a cell's metadata: code to be run aside before it, which gives it the randomness and the count that it had."""


@dataclass(frozen=True, slots=True)
class Part:
    """One execution to be repeated: its code, the count it had, what it may fail with, the randomness before it."""

    source: str
    execution_count: int | None = None
    cell_id: str | None = None
    may_fail: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)
    entropy: Sequence[str] = ()


def parts_of(view: RunView, *, whole_session: bool = False) -> list[Part]:
    """The executions that make a run's result, in the order in which they ran; the tracked cell is the last.

    Parameters
    ----------
    view : RunView
        The run, with its facts.
    whole_session : bool, default False
        All that ran before it, instead of the slice.

    Raises
    ------
    InvalidState
        If the run has no slice: it was not made by a tracked cell, or by an older release.
    """
    facts = view.facts
    recorded: list[dict[str, Any]] = list(facts.get("slice") or ())
    if not recorded:
        raise InvalidState(
            f"The run {view.run.name!r} has no recorded slice: it was not made by a tracked cell.",
            hint="Track a cell with %%track; what a script did is repeated by starting it again.",
        )
    if whole_session:
        target = recorded[-1]
        known = {part["index"]: part for part in recorded}
        recorded = [
            known.get(entry["index"]) or {**entry, "may_fail": entry["error"]}
            for entry in facts.get("session") or ()
            if entry["index"] < target["index"]
        ] + [target]
    randomness = facts.get("randomness") or {}
    states, before = randomness.get("states") or [], randomness.get("before") or {}
    entropy = randomness.get("entropy") or {}
    parts = []
    for entry in recorded:
        key = str(entry["index"])
        state = states[before[key]] if key in before else {}
        parts.append(
            Part(
                entry["source"], entry.get("execution_count"), entry.get("cell_id"), entry.get("may_fail") or "",
                state, entropy.get(key, ()),
            )
        )  # fmt: skip
    return parts


def script_of(view: RunView) -> str:
    """The least code behind a run as one script that runs as it is.

    Parameters
    ----------
    view : RunView

    Returns
    -------
    str
        Python, each execution under its ``# In [n]`` mark; where magics are used, IPython's Python.
    """
    facts = view.facts
    parts_of(view)  # refuses a run without a slice
    info = facts.get("slice_info") or {}
    cells = [{**part, "error": part.get("may_fail") or "", "transformed": ""} for part in facts["slice"]]
    result = SliceResult(
        cells[-1], cells[:-1], list(info.get("notes") or ()), frozenset(info.get("outputs") or ()),
        list(info.get("random") or ()), int(info.get("total") or 0),
    )  # fmt: skip
    return slice_script(result)


def slice_notebook(view: RunView) -> NotebookNode:
    """The least code behind a run as a notebook, a cell an execution."""
    from nbformat import v4

    book: NotebookNode = v4.new_notebook(metadata=_metadata(view))
    run = view.run
    book.cells = [v4.new_markdown_cell(f"The least code behind the run **{run.name}** (`{run.run_id}`).")]
    for part in parts_of(view):
        tags = ["raises-exception"] if part.may_fail else []
        book.cells.append(v4.new_code_cell(part.source, metadata={"tags": tags} if tags else {}))
    return book


def rerun_notebook(
    view: RunView,
    *,
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, Any] | None = None,
    pin: bool = True,
    whole_session: bool = False,
) -> NotebookNode:
    """A notebook that executes a run's slice again, its last cell tracked as the original was.

    Parameters
    ----------
    view : RunView
        The run.
    name, tags : str, mapping
        Of the new run.
    params : mapping, optional
        Values to put in the place of literals, wherever in the slice these are bound.
    pin : bool, default True
        Give back the random state and entropy before each cell.
    whole_session : bool, default False
        Execute all that ran before, instead of the slice.
    """
    from nbformat import v4

    parts = parts_of(view, whole_session=whole_session)
    options = dict((view.facts.get("cell") or {}).get("options") or {})
    sources, left = _with_params([part.source for part in parts], params or {})
    book: NotebookNode = v4.new_notebook(metadata=_metadata(view))
    setup = "%load_ext mlops_nb"
    book.cells = [v4.new_code_cell(setup, metadata={"tags": [PIN_TAG]})]
    for place, (part, source) in enumerate(zip(parts, sources, strict=True)):
        last = place == len(parts) - 1
        if last:
            line = _track_line(view, name, tags, options, left)
            source = "\n".join([line, *(text for text in source.split("\n") if not text.startswith("# %%track"))])
        tagged: dict[str, Any] = {"tags": ["raises-exception"]} if part.may_fail else {}
        cell = v4.new_code_cell(source, metadata={**tagged, ASIDE: _pin(part, pin)})
        if part.cell_id and len(part.cell_id) <= 64 and part.cell_id not in {c.get("id") for c in book.cells}:
            cell["id"] = part.cell_id
        book.cells.append(cell)
    return book


def take_asides(book: NotebookNode) -> dict[str, str]:
    """What is to be run aside before each cell, by the cell's id; it is taken out of the notebook.

    Examples
    --------
    >>> from nbformat import v4
    >>> cell = v4.new_code_cell("x", id="a", metadata={ASIDE: "y = 1"})
    >>> take_asides(v4.new_notebook(cells=[cell])), dict(cell.metadata)
    ({'a': 'y = 1'}, {})
    """
    found = {cell.id: cell.metadata.pop(ASIDE, "") for cell in book.cells}
    return {name: code for name, code in found.items() if code}


def _with_params(sources: list[str], params: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Replace literals in all cells of a slice; what is bound to none is left for the last cell's ``-p``."""
    done: set[str] = set()
    changed = []
    for source in sources:
        text, found = replace_in_text(source, params)
        done |= found
        changed.append(text)
    return changed, {name: value for name, value in params.items() if name not in done}


def _pin(part: Part, pin: bool) -> str:
    from mlops_nb.capture.randomness import pin_source

    lines = []
    if pin and (part.state or part.entropy):
        lines.append(pin_source(part.state, list(part.entropy)))
    if part.execution_count is not None:
        lines.append(f"get_ipython().execution_count = {part.execution_count}  # the cell reads Out[n] as it was")
    return "\n".join(lines)


def _track_line(
    view: RunView, name: str, tags: Mapping[str, str], options: Mapping[str, Any], params: Mapping[str, Any]
) -> str:
    words = ["%%track", shlex.quote(view.run.experiment), "-n", shlex.quote(name)]
    for key, value in tags.items():
        words += ["-t", shlex.quote(f"{key}={value}")]
    for metric in options.get("metrics") or ():
        words += ["-m", shlex.quote(metric)]
    for key, value in params.items():
        words += ["-p", shlex.quote(f"{key}={value!r}" if not isinstance(value, str) else f"{key}={value}")]
    if options.get("seed") is not None:
        words += ["--seed", str(options["seed"])]
    words += ["--model"] if options.get("model") else []
    return " ".join(words)


def _metadata(view: RunView) -> dict[str, Any]:
    return {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "mlops_nb": {"run_id": view.run.run_id},
    }
