"""A notebook's execution as a run: what is recorded while it goes on, and what is kept at its end."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.outputs import OutputCollector
from mlops_nb.capture.secrets import redact, redact_json
from mlops_nb.entities import Run, Status
from mlops_nb.projects.events import Failure, Silence
from mlops_nb.tracking import ActiveRun
from mlops_nb.tracking.faults import say
from mlops_nb.tracking.files import keep_bytes

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.workspace import Workspace

__all__ = ["Recorder", "lifted_metrics", "source_of"]

LOG_LIMIT = 2_000_000
"""Characters of live output that are kept for following; the executed notebook has all of it."""

OUTPUT_LIMIT = 262_144
OUTPUTS_LIMIT = 2_097_152
"""Budgets of the outputs that stand with the run itself, for its page; the executed notebook has all of them."""

MANY = 10_000


class Recorder(Silence):
    """Records an execution into a run: live output as it comes, and the rest when it is over.

    Parameters
    ----------
    run : ActiveRun
        Open; `keep` leaves it open.
    folder : Path
        The notebook's folder, whose git state belongs to the run.
    with_page : bool
        Whether a notebook that did not fail has a page too: 300 kB, and a good part of what a short notebook costs.
    """

    def __init__(self, run: ActiveRun, folder: Path, *, with_page: bool = True) -> None:
        self._run, self._with_page = run, with_page
        self._folder = folder
        self._left = LOG_LIMIT
        self._warm = threading.Thread(target=self._describe, name="mlops_nb-surroundings", daemon=True)

    def on_start(self, total: int) -> None:
        """Note how much there is to do."""
        self._run.fact("progress", {"done": 0, "total": total})

    def warm_up(self) -> None:
        """Use the time until the kernel answers for what takes this process a second."""
        self._warm.start()

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Let the output be followed, within its budget."""
        if self._left <= 0:
            return
        stream, text = _line(output)
        if len(text) > self._left:
            text = f"{text[: self._left]}\n… the rest of the live output is left out\n" if stream != "display" else ""
            self._left = 0
        self._left -= len(text)
        if text:
            self._run.log_line(stream, redact(text)[0] if stream != "display" else text)

    def keep(self, notebook: NotebookNode, name: str, failure: Failure | None) -> None:
        """Keep the executed notebook and its page as artifacts, and what the run's own page shows of it.

        Parameters
        ----------
        notebook : NotebookNode
            As executed. Secrets in it are not kept; in the notebook that the user gets they stay.
        name : str
            What the files are called, without their endings.
        failure : Failure or None
            What stopped it.
        """
        try:
            self._keep(notebook, name, failure)
        except Exception as error:  # what we cannot keep must not make a good run a failed one
            say(error, about=f"keep:{self._run.run_id}")

    def _keep(self, notebook: NotebookNode, name: str, failure: Failure | None) -> None:
        from nbformat import from_dict

        clean, redactions = redact_json(notebook)
        text = json.dumps(clean, indent=1, ensure_ascii=False, default=str) + "\n"
        keep_bytes(self._run, text.encode("utf-8", "backslashreplace"), f"{name}.ipynb")
        if self._warm.ident is not None:
            self._warm.join()
        if self._with_page or failure is not None:
            self._keep_page(from_dict(clean), name)
        self._run.fact("code", source_of(clean))
        self._run.fact("outputs", _outputs(clean))
        cells = [_cell(index, cell) for index, cell in enumerate(clean["cells"]) if cell["cell_type"] == "code"]
        self._run.fact("cells", cells)
        done = sum(cell["status"] == "completed" for cell in cells)
        self._run.fact("progress", {"done": done, "total": len(cells)})
        if failure is not None:
            self._run.fact("error", redact_json(_error(failure))[0])
        if redactions:
            self._run.fact("redactions", redactions)

    def _keep_page(self, notebook: NotebookNode, name: str) -> None:
        try:
            from mlops_nb.projects.page import render_page

            page = render_page(notebook, name)
        except Exception as error:  # an output that nbconvert cannot draw; the notebook itself is kept
            say(f"The page of {name} cannot be made: {error!r}.", about=f"page:{self._run.run_id}")
            return
        keep_bytes(self._run, page.encode("utf-8", "backslashreplace"), f"{name}.html")

    def _describe(self) -> None:
        """In the background, while the kernel works: environment, git, and whatever the end needs to be imported."""
        try:
            from mlops_nb.capture.environment import environment
            from mlops_nb.capture.git import git_state

            self._run.fact("environment", environment())
            state = git_state(self._folder)
            if state is not None:
                self._run.fact("git", state)
                if state.get("commit"):
                    self._run.set_tags({"mlflow.source.git.commit": state["commit"]})
            if self._with_page:
                from mlops_nb.projects.page import warm_up

                warm_up()
        except Exception as error:  # broken metadata of a package, no git: the run goes on without
            say(error, about=f"surroundings:{self._run.run_id}")


def _line(output: Mapping[str, Any]) -> tuple[str, str]:
    kind = output["output_type"]
    if kind == "stream":
        return str(output.get("name", "stdout")), str(output.get("text", ""))
    if kind == "error":
        return "stderr", "\n".join(output.get("traceback", ())) + "\n"
    shown = {"output_type": kind, "data": output.get("data", {}), "metadata": output.get("metadata", {})}
    if output.get("transient"):
        shown["transient"] = output["transient"]
    return "display", json.dumps(redact_json(shown)[0], default=str)


def _outputs(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    collector = OutputCollector(per_output=OUTPUT_LIMIT, total=OUTPUTS_LIMIT)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            collector.add(output["output_type"], output)
    return collector.outputs()


def _cell(index: int, cell: Mapping[str, Any]) -> dict[str, Any]:
    told = cell["metadata"].get("papermill", {})
    return {
        "index": index,
        "cell_id": cell.get("id"),
        "execution_count": cell.get("execution_count"),
        "status": told.get("status"),
        "seconds": told.get("duration"),
    }


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "ename": failure.ename,
        "evalue": failure.evalue,
        "traceback": list(failure.traceback),
        "cell_index": failure.cell_index,
        "cell_id": failure.cell_id,
        "execution_count": failure.execution_count,
        "source": failure.source,
    }


def source_of(notebook: Mapping[str, Any]) -> str:
    """A notebook's code as one text, cells divided as editors know it (``# %%``).

    Parameters
    ----------
    notebook : mapping
        As nbformat 4 JSON, sources as text.

    Returns
    -------
    str
        Markdown cells are left out.

    Examples
    --------
    >>> source_of({"cells": [{"cell_type": "code", "source": "1"}, {"cell_type": "code", "source": "2"}]})
    '# %%\\n1\\n\\n# %%\\n2\\n'
    """
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n".join(f"# %%\n{source}\n" for source in cells)


def lifted_metrics(space: Workspace, run_id: str) -> dict[str, float]:
    """The metrics of a notebook's tracked cells that can stand for the notebook, as a sweep compares it.

    A metric is lifted under its own name if just one of the cells gives it; of a cell that ran several times the last
    run counts. What two cells give means two things, and is not guessed at. What the notebook's own run has stays.

    Parameters
    ----------
    space : Workspace
        Where the runs are.
    run_id : str
        The notebook's run.

    Returns
    -------
    dict of str to float
        Last values.

    Examples
    --------
    >>> from mlops_nb.tracking import log_metric, start_run
    >>> from mlops_nb.workspace import current
    >>> with start_run() as whole:
    ...     for name in ("a", "b"):
    ...         with start_run(nested=True): log_metric("loss", 1.0); log_metric(f"acc_{name}", 0.5)
    >>> _ = current().flush()
    >>> lifted_metrics(current(), whole.run_id)
    {'acc_a': 0.5, 'acc_b': 0.5}
    """
    own = space.store.get_run(run_id).metrics
    page = space.store.search_runs(None, f"parent_run_id = '{run_id}'", limit=MANY)
    last: dict[str, Run] = {}
    for run in page.items:  # newest first
        if run.status is Status.FINISHED:
            last.setdefault(run.line or run.run_id, run)
    given: dict[str, list[float]] = {}
    for run in last.values():
        for key, value in run.metrics.items():
            given.setdefault(key, []).append(value)
    return {key: values[0] for key, values in sorted(given.items()) if len(values) == 1 and key not in own}
