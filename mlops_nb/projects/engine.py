"""papermill's engine: ``papermill in.ipynb out.ipynb --engine mlops-nb`` tracks, and so does all that builds on it.

papermill loads this module while it is itself being imported, so nothing here may import papermill at the top.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Status
from mlops_nb.projects.events import Failure, Silence
from mlops_nb.projects.execution import inject, load_notebook, prepare
from mlops_nb.projects.parameters import contract, recordable
from mlops_nb.projects.rerun import Job, track_execution

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["TrackingEngine"]

_TAKEN = frozenset(
    "experiment run_name tags stdout_file stderr_file input_path language autosave_cell_every start_timeout "
    "execution_timeout".split()
)
"""Options that are not handed on to nbclient."""


class TrackingEngine:
    """What papermill asks of an engine. Options: ``experiment``, ``run_name``, ``tags``, beside nbclient's."""

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str | None,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        **options: Any,
    ) -> NotebookNode:
        """Execute a notebook that papermill has read and given its parameters, as a run.

        Parameters
        ----------
        nb : NotebookNode
            Becomes the executed notebook.
        kernel_name : str or None
            Name of the kernel.
        output_path : str, optional
            Where papermill wants it saved as it goes on.
        progress_bar : bool or dict
            papermill's.
        log_output : bool
            Whether papermill's logger gets the outputs.
        **options
            The rest of what papermill hands to engines.

        Returns
        -------
        NotebookNode
            The executed notebook; papermill itself looks for errors in it and raises them.
        """
        prepare(nb)
        given = nb.metadata.papermill.get("parameters") or {}
        if given:
            inject(nb, given)  # papermill's own cell has text for dates and paths and for the keys of dicts
        where = Path(str(options.get("input_path") or output_path or "notebook.ipynb"))
        _name_cells_again(nb, where)
        stated = contract(nb, where.name)
        params = {**stated.defaults(), **given}
        job = Job(
            nb,
            where.absolute(),
            {key: recordable(value) for key, value in params.items()},
            options.get("experiment"),
            options.get("run_name"),
            {key: str(value) for key, value in (options.get("tags") or {}).items()},
            output_path,
            kernel_name,
        )
        job.options = {key: value for key, value in options.items() if key not in _TAKEN}
        job.options["timeout"] = options.get("execution_timeout")
        if options.get("start_timeout"):
            job.options["startup_timeout"] = options["start_timeout"]
        follower = _Follower(progress_bar, log_output, options.get("stdout_file"), options.get("stderr_file"))
        track_execution(job, workspaces.current(), listener=follower)
        return nb

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """The kernel that the notebook names, or the default one."""
        return name or nb.metadata.get("kernelspec", {}).get("name") or "python3"

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """The language that the notebook names, or Python."""
        metadata = nb.metadata
        named = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
        return str(language or named or "python")


class _Follower(Silence):
    """papermill's own ways to follow an execution: its progress bar, its logger, files for the streams."""

    def __init__(
        self, progress: bool | dict[str, Any], log: bool, stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self._progress = progress
        self._log = logging.getLogger("papermill") if log else None
        self._files = {"stdout": stdout, "stderr": stderr}
        self._bar: Any = None

    def on_start(self, total: int) -> None:
        if self._progress:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]

            settings = {
                "unit": "cell",
                "desc": "Executing",
                **(self._progress if isinstance(self._progress, dict) else {}),
            }
            self._bar = tqdm(total=total, **settings)

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        text = output.get("text") or output.get("data", {}).get("text/plain") or ""
        file = self._files.get(output.get("name", ""))
        if file is not None:
            file.write(text)
            file.flush()
        if self._log is not None and text:
            self._log.log(logging.WARNING if output.get("name") == "stderr" else logging.INFO, "%s", text)

    def on_cell_done(self, index: int) -> None:
        if self._bar is not None:
            self._bar.update(1)

    def on_end(self, status: Status, failure: Failure | None) -> None:
        if self._bar is not None:
            self._bar.close()


def _name_cells_again(notebook: NotebookNode, path: Path) -> None:
    """Give cells of a notebook without ids the ones that we give: papermill makes up others each time."""
    if not path.is_file():
        return  # from a bucket, or made in memory
    cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.tags]
    names = [
        cell.id for cell in load_notebook(path).cells if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    if len(cells) == len(names):
        for cell, name in zip(cells, names, strict=True):
            cell["id"] = name
