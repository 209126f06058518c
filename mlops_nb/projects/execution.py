"""The execution of a notebook: read, checked, given its parameters, executed and followed, saved whatever happens."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Status
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import read_parameters
from mlops_nb.projects.events import (
    Failure,
    Interruption,
    Listener,
    NotebookFailed,
    NotebookInterrupted,
    Told,
    on_signals,
)
from mlops_nb.projects.literals import write_assignments
from mlops_nb.projects.parameters import recordable
from mlops_nb.projects.plain import name_cells
from mlops_nb.projects.saving import SavedNotebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.projects.client import FollowedClient

__all__ = [
    "Outcome", "check_output", "execute", "find_kernel", "inject", "injected_values", "load_notebook", "prepare",
    "read_notebook",
]  # fmt: skip

IOPUB_SECONDS = 60
"""How long outputs may lag behind the cell's end: a cell that printed much must not fail for it."""

_INJECTED = "injected-parameters"
_MARKED = "papermill-error-cell-tag"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended, with the executed notebook, which is saved in any case that the disk allows."""

    notebook: NotebookNode
    status: Status
    failure: Failure | None = None
    notes: tuple[str, ...] = field(default=())
    unsaved: str = ""
    """Why the executed notebook does not stand where it was to be saved; empty if it does."""

    def raise_for_failure(self, name: str) -> None:
        """Raise what stopped the notebook, if anything did.

        Parameters
        ----------
        name : str
            What to call the notebook.

        Raises
        ------
        NotebookFailed
            If a cell failed; `NotebookInterrupted` if it was asked to stop.
        """
        if self.failure is None:
            return
        kind = NotebookInterrupted if self.failure.ename == "KeyboardInterrupt" else NotebookFailed
        raise kind(name, self.failure)

    def raise_if_stopped(self, stop: Interruption, name: str) -> None:
        """Raise `NotebookInterrupted` if `stop` came before its end: how it went says nothing of the notebook then."""
        if stop.requested and self.failure is not None:
            raise NotebookInterrupted(name, self.failure)


def load_notebook(path: str | Path) -> NotebookNode:
    """Read a notebook as nbformat 4.5, in which every cell has an id.

    Parameters
    ----------
    path : str or Path
        The notebook.

    Returns
    -------
    NotebookNode
        Cells of older notebooks get an id by their place, the same one each time.

    Raises
    ------
    InvalidInput
        If it is not there, or is not a notebook.

    Examples
    --------
    >>> _ = Path("nb.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}')
    >>> load_notebook("nb.ipynb").nbformat_minor
    5
    """
    hint = "Give the path of an .ipynb file."
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"The notebook {path} cannot be read: {error.strerror}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not a notebook: it is not UTF-8 text.", hint=hint) from error
    return read_notebook(text, str(path))


def read_notebook(text: str, name: str) -> NotebookNode:
    """A notebook from its text, as `load_notebook` reads it from a file; `name` is what messages call it.

    Examples
    --------
    >>> read_notebook('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}', "nb.ipynb").nbformat_minor
    5
    """
    import nbformat

    hint = "Give the path of an .ipynb file."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing ids are given below
            logging.getLogger("traitlets").addFilter(_quiet)
            text = _identified(text)
            notebook: NotebookNode = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises what its validators do: KeyError, AttributeError, its own
        raise InvalidInput(f"{name} is not a notebook: {_first_line(error)}.", hint=hint) from error
    finally:
        logging.getLogger("traitlets").removeFilter(_quiet)
    if not isinstance(notebook.get("cells"), list):
        raise InvalidInput(f"{name} is not a notebook: it has no cells.", hint=hint)
    _complete(notebook)
    return notebook


def _quiet(record: logging.LogRecord) -> bool:
    return False


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def _identified(text: str) -> str:
    """The notebook's JSON with an id for each cell: nbformat itself would make up another one each time."""
    raw = json.loads(text)
    cells = raw.get("cells") if isinstance(raw, dict) and raw.get("nbformat") == 4 else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return text  # of another version, or what nbformat refuses with its own words
    name_cells(cells)
    raw["nbformat_minor"] = max(5, raw.get("nbformat_minor", 5))
    return json.dumps(raw)


def _complete(notebook: NotebookNode) -> None:
    """Give every cell an id of its own and the fields that papermill takes for granted."""
    notebook.nbformat_minor = max(5, notebook.get("nbformat_minor", 5))
    name_cells(notebook.cells)
    for cell in notebook.cells:
        cell.setdefault("metadata", type(notebook)()).setdefault("tags", [])
        cell.setdefault("source", "")
    notebook.metadata.setdefault("papermill", type(notebook)())


def inject(notebook: NotebookNode, values: Mapping[str, Any]) -> None:
    """Put a cell with these values behind the cell tagged ``parameters``, in place of one injected before.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    values : mapping
        Typed values, as `Contract.check` gives them. Without any, a cell that was injected before is taken away.

    Raises
    ------
    InvalidInput
        If a value or a name cannot be written; the notebook is then as it was.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> book = v4.new_notebook(cells=[v4.new_code_cell("lr = 1.0", metadata={"tags": ["parameters"]})])
    >>> inject(book, {"lr": float("nan")}); print(book.cells[1].source)
    # Parameters
    lr = float("nan")
    """
    source = _injected_source(notebook, values) if values else ""
    cells = [cell for cell in notebook.cells if _INJECTED not in _tags(cell)]
    if source:
        from nbformat import from_dict

        tagged = [index for index, cell in enumerate(cells) if "parameters" in _tags(cell)]
        cell: dict[str, Any] = {"cell_type": "code", "id": _INJECTED, "source": source}
        cell |= {"metadata": {"tags": [_INJECTED]}, "outputs": [], "execution_count": None}
        cells.insert(tagged[0] + 1 if tagged else 0, from_dict(cell))
    notebook.cells = cells
    notebook.metadata.setdefault("papermill", type(notebook)())["parameters"] = recordable(dict(values))


def injected_values(notebook: NotebookNode) -> dict[str, Any]:
    """What an earlier execution gave the notebook: the values of its injected cell, as far as they can be read.

    Parameters
    ----------
    notebook : NotebookNode
        In Python.

    Returns
    -------
    dict
        Names and values; empty if there is no such cell.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> book = v4.new_notebook(cells=[v4.new_code_cell("lr = 1", metadata={"tags": ["parameters"]})])
    >>> inject(book, {"lr": 0.5}); injected_values(book)
    {'lr': 0.5}
    """
    sources = [cell.source for cell in notebook.cells if _INJECTED in _tags(cell)]
    if not sources or not _is_python(notebook):
        return {}
    try:
        found = read_parameters(sources[0])
    except SyntaxError:
        return {}
    return {name: each.default for name, each in found.items() if not each.required and not each.computed}


def _tags(cell: NotebookNode) -> list[str]:
    tags = cell.get("metadata", {}).get("tags", [])
    return tags if isinstance(tags, list) else []


def _injected_source(notebook: NotebookNode, values: Mapping[str, Any]) -> str:
    if _is_python(notebook):
        return write_assignments(values)
    from papermill.exceptions import PapermillException
    from papermill.translators import translate_parameters

    kernel, language = notebook.metadata.get("kernelspec", {}).get("name", ""), _language(notebook)
    try:
        return str(translate_parameters(kernel, language, recordable(dict(values)), "Parameters"))
    except (PapermillException, NotImplementedError) as error:
        raise InvalidInput(
            f"Parameters cannot be passed to a notebook in {language}.", hint="Run it without -p."
        ) from error


def _language(notebook: NotebookNode) -> str:
    metadata = notebook.metadata
    language = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    return str(language or "python")


def _is_python(notebook: NotebookNode) -> bool:
    return _language(notebook).lower() == "python"


def find_kernel(notebook: NotebookNode, name: str | None = None) -> tuple[str, str]:
    """The kernel to execute a notebook with, and what the user should know of the choice.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook; its metadata names a kernel, often one of its author's machine.
    name : str, optional
        The kernel that is asked for.

    Returns
    -------
    (str, str)
        The name, and a note, empty where it is the one that was named.

    Raises
    ------
    InvalidInput
        If the kernel is not installed and this interpreter's own cannot stand in for it.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> find_kernel(v4.new_notebook())
    ('python3', '')
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    wanted = name or notebook.metadata.get("kernelspec", {}).get("name") or ("python3" if _is_python(notebook) else "")
    manager = KernelSpecManager()
    try:
        manager.get_kernel_spec(wanted)
        return wanted, ""
    except NoSuchKernel:
        if _is_python(notebook) and name is None and wanted != "python3":
            return "python3", f"The kernel {wanted!r} is not installed here: 'python3' executes the notebook instead."
        have = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise InvalidInput(
            f"The kernel {wanted!r} is not installed (there is: {have}).",
            hint="Install it; the one of this interpreter with: pip install ipykernel",
        ) from None


def check_output(path: str | Path) -> Path:
    """The path as absolute, if a notebook can be saved there.

    Parameters
    ----------
    path : str or Path
        Where the executed notebook is to go.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InvalidInput
        If its folder is not there or cannot be written, or it is a folder itself.

    Examples
    --------
    >>> check_output("out.ipynb").name
    'out.ipynb'
    """
    target = Path(path).absolute()
    if target.is_dir():
        raise InvalidInput(f"The output {path} is a folder.", hint="Give a file name too, for instance out.ipynb")
    if not target.parent.is_dir():
        raise InvalidInput(
            f"The folder of the output {path} does not exist.", hint=f"Make it: mkdir -p {target.parent}"
        )
    if not os.access(target.parent, os.W_OK):
        raise InvalidInput(f"The folder of the output {path} cannot be written.", hint="Choose another one with -o")
    return target


def prepare(notebook: NotebookNode) -> None:
    """Make a notebook ready for its execution: marks of an earlier failure go, papermill's metadata is there.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> book = v4.new_notebook(cells=[v4.new_markdown_cell("!", metadata={"tags": ["papermill-error-cell-tag"]})])
    >>> prepare(book); book.cells
    []
    """
    _complete(notebook)
    notebook.cells = [cell for cell in notebook.cells if _MARKED not in _tags(cell)]


def execute(
    notebook: NotebookNode,
    output: str | Path | None = None,
    *,
    kernel: str | None = None,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    listener: Listener | None = None,
    interruption: Interruption | None = None,
    timeout: int | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    at_end: Callable[[Failure | None], None] = lambda failure: None,
    aside: tuple[str, str] = ("", ""),
    after_cells: Callable[[], None] = lambda: None,
    ahead: FollowedClient | None = None,
    **options: Any,
) -> Outcome:
    """Execute a notebook in a kernel of its own until its end or its first failure, and save it in both cases.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place: it becomes the executed notebook.
    output : str or Path, optional
        Where to save it, as it goes on and at the end.
    kernel : str, optional
        Name of the kernel; the notebook's own by default.
    cwd : str or Path, optional
        Where the kernel works.
    env : mapping, optional
        Variables of the environment, beside those of this process.
    listener : Listener, optional
        Who follows it.
    interruption : Interruption, optional
        By which another thread may stop it; Ctrl-C and SIGTERM do in the main thread in any case.
    timeout : int, optional
        Seconds that a cell may take.
    meanwhile : callable, optional
        Called when the kernel's process was started and does not answer yet, which takes a second.
    at_end : callable, optional
        Called with the failure when the notebook is executed and saved and the kernel is ending, which takes as long.
    aside : (str, str)
        Python that the kernel runs before the first cell and after the last; it shows nothing and counts as no cell.
    after_cells : callable, optional
        Called when the last cell is over, before all else.
    ahead : FollowedClient, optional
        From `client.start_ahead`: its kernel executes the notebook, so `cwd` and `env` have no effect.
    **options
        Further options of nbclient's `NotebookClient`.

    Returns
    -------
    Outcome
        The executed notebook, how it ended, and where it failed.

    Raises
    ------
    InvalidInput
        If there is no such kernel; nothing has run then.

    Examples
    --------
    >>> execute(load_notebook("train.ipynb"), "out.ipynb").status  # doctest: +SKIP
    <Status.FINISHED: 'FINISHED'>
    """
    kernel, note = find_kernel(notebook, kernel)
    prepare(notebook)
    from mlops_nb.projects.client import START_SECONDS, FollowedClient  # nbclient: a quarter of a second

    told, stop = Told(listener), interruption or Interruption()
    saved = SavedNotebook(notebook, None if output is None else str(output))
    settings = {"startup_timeout": START_SECONDS, "iopub_timeout": IOPUB_SECONDS, "timeout": timeout, **options}
    settings |= {"meanwhile": meanwhile, "at_end": at_end, "opening": aside[0], "closing": aside[1]}
    settings |= {"after_cells": after_cells, "ahead": ahead}
    client = FollowedClient(saved, told, stop, kernel_name=kernel, **settings)
    try:
        with on_signals(stop):
            client.run({**os.environ, **(env or {})}, None if cwd is None else str(cwd))
    finally:
        saved.close()
    status = Status.FINISHED if client.failure is None else client.failure.status
    told.on_end(status, client.failure)
    return Outcome(notebook, status, client.failure, (note,) if note else (), saved.trouble)
