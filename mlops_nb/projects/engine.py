"""papermill's engine: ``papermill in.ipynb out.ipynb --engine mlops-nb`` tracks, and so does all that builds on it.

papermill loads this module while it is itself being imported, so nothing here may import papermill at the top.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.projects.execution import inject, load_notebook, prepare
from mlops_nb.projects.parameters import contract, recordable
from mlops_nb.projects.rerun import Job, track_execution

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["TrackingEngine"]

_OURS = ("experiment", "run_name", "tags")
_UNUSED = ("autosave_cell_every", "language", "input_path", "start_timeout", "execution_timeout")


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
        job.options = {key: value for key, value in options.items() if key not in (*_OURS, *_UNUSED)}
        job.options |= {"progress": progress_bar, "log_output": log_output}
        job.options |= {"timeout": options.get("execution_timeout")}
        if options.get("start_timeout"):
            job.options["startup_timeout"] = options["start_timeout"]
        track_execution(job, workspaces.current())
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
