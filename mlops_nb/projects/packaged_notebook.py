"""The notebook of a packaged run: as it was executed, without its outputs; of a tracked cell, the slice behind it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.literals import bindings_of
from mlops_nb.capture.scalars import ABSENT
from mlops_nb.capture.source import parse_cell
from mlops_nb.comparison import RunView
from mlops_nb.errors import InvalidState
from mlops_nb.projects.slices import PIN_TAG, rerun_notebook, take_asides

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["notebook_of"]

_INJECTED = "injected-parameters"


def notebook_of(view: RunView) -> NotebookNode:
    """The notebook that makes a run, with a cell tagged ``parameters`` where the run has params.

    Parameters
    ----------
    view : RunView
        A notebook's run, or a tracked cell's.

    Returns
    -------
    NotebookNode
        Without outputs.

    Raises
    ------
    InvalidState
        If the run was made by neither.
    """
    if view.facts.get("slice"):
        return _from_slice(view)
    import nbformat

    stem = (view.run.notebook or "").rpartition("/")[2]
    kept = {artifact.path: artifact.digest for artifact in view.artifacts}
    if view.run.source_type != "PROJECT" or stem not in kept or view.read is None:
        raise InvalidState(
            f"The run {view.run.name!r} was not made by a notebook, so there is none to package.",
            hint="Track a cell with %%track, or execute a notebook with: mlops-nb run NOTEBOOK",
        )
    notebook: NotebookNode = nbformat.reads(view.read(kept[stem]).decode("utf-8"), as_version=4)
    notebook.cells = [cell for cell in notebook.cells if _INJECTED not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
    for name in ("papermill", "widgets"):
        notebook.metadata.pop(name, None)
    if notebook.metadata.get("language_info", {}).get("name") == "python":
        # papermill wants a kernel's name in the file; ours executes without.
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.setdefault("kernelspec", kernel)
    return notebook


def _from_slice(view: RunView) -> NotebookNode:
    """The slice, its literals that are the run's params moved into a ``parameters`` cell at the top."""
    from nbformat import v4

    book = rerun_notebook(view, name=view.run.name, tags={}, params={}, pin=False)
    take_asides(book)
    kept = [cell for cell in book.cells if PIN_TAG not in cell.metadata.get("tags", ())]
    stated: dict[str, str] = {}
    bound: dict[str, int] = {}
    for cell in kept:
        for name in _bound(cell.source):
            bound[name] = bound.get(name, 0) + 1
    wanted = {name for name in view.run.params if bound.get(name) == 1 and name.isidentifier()}
    for cell in kept:
        cell.source, found = _without(cell.source, wanted)
        stated |= found
    setup = v4.new_code_cell("%load_ext mlops_nb", id="mlops-nb-setup")
    parameters = v4.new_code_cell("\n".join(stated.values()), id="parameters", metadata={"tags": ["parameters"]})
    book.cells = [setup, *([parameters] if stated else []), *(cell for cell in kept if cell.source.strip())]
    return book


def _simple(statement: ast.stmt) -> tuple[str, Any] | None:
    """Name and value of a statement ``name = literal`` or ``name: type = literal``."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        return None
    found = list(bindings_of(target, value))
    if isinstance(target, ast.Name) and len(found) == 1 and found[0][2] is not ABSENT:
        return target.id, found[0][2]
    return None


def _bound(source: str) -> list[str]:
    """Names that a cell binds anywhere, each as often as it does."""
    tree = parse_cell(source)
    nodes = ast.walk(tree) if tree is not None else ()
    return [node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]


def _without(source: str, wanted: set[str]) -> tuple[str, dict[str, str]]:
    """A cell without the statements that bind these names, and the lines that did."""
    tree = parse_cell(source)
    if tree is None or not wanted:
        return source, {}
    lines, found = source.split("\n"), dict[str, str]()
    for statement in reversed(tree.body):
        simple = _simple(statement)
        first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
        alone = sum(first <= other.lineno - 1 <= last for other in tree.body) == 1
        if simple is None or simple[0] not in wanted or not alone or last >= len(lines):
            continue
        text = "\n".join(lines[first : last + 1])
        if simple[0] in text.split("=")[0]:  # the tree is of this text, and no magic has moved its lines
            found[simple[0]] = text
            del lines[first : last + 1]
    return "\n".join(lines), dict(reversed(found.items()))
