"""``%mlops VERB``: the verbs of the command line, with a notebook view as the result."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from mlops_nb.errors import InvalidInput
from mlops_nb.verbs import VERBS, call_verb

if TYPE_CHECKING:
    from mlops_nb.magics.session import Session


def run_verb(session: Session, line: str) -> Any:
    """Carry out a line as typed after ``%mlops``.

    Parameters
    ----------
    session : Session
    line : str
        A verb and its words, quoted as in a shell.

    Returns
    -------
    object
        What IPython shows: a panel where there is a front end for it, else a static view.

    Raises
    ------
    InvalidInput
        If there is no such verb, or it does not take these words.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"%mlops: {str(error).lower()} in {line!r}.", hint="Close the quotes.") from None
    if not words or words[0] in ("help", "-h", "--help"):
        from mlops_nb.panels.results import verbs_view

        return verbs_view({name: text for name, (_, text) in VERBS.items()})
    if words[0] == "run" and len(words) == 2 and (form := _form(session, words[1])) is not None:
        return form
    try:
        result, asked = call_verb(words[0], words[1:], program="%mlops")
    except SystemExit:
        return None  # argparse has shown the verb's help
    if asked.json:
        return result.plain
    if result.note:
        sys.stderr.write(f"mlops_nb: {as_typed_here(result.note)}\n")
    if result.kind == "sweep" and result.data.shown:
        return None  # its panel stands under the cell since it began
    if result.kind == "restore":
        session.shell.set_next_input(result.data[1], replace=False)
        return None
    panel = _panel(session, result.kind, result.data, asked)
    if panel is not None:
        return panel
    from mlops_nb.panels.results import static_view

    return static_view(result.kind, result.data)


def as_typed_here(words: str) -> str:
    """A message with its commands as one types them in a cell.

    Examples
    --------
    >>> as_typed_here("There is no run 'x'. List runs with: mlops-nb runs")
    "There is no run 'x'. List runs with: %mlops runs"
    """
    return re.sub(rf"\bmlops-nb (?=(?:{'|'.join(VERBS)})\b)", "%mlops ", words)


def _panel(session: Session, kind: str, data: Any, asked: Any) -> Any:
    """The widget for a result, in a kernel; its saved form is the static view."""
    if kind == "service" and hasattr(session.shell, "kernel"):
        from mlops_nb.panels.service_panel import ServicePanel

        return ServicePanel(data)
    if kind not in ("runs", "compare", "models", "monitoring") or not hasattr(session.shell, "kernel"):
        return None
    from mlops_nb import workspace as workspaces
    from mlops_nb.verbs.source import StoreSource

    space = workspaces.current()
    if kind == "monitoring":
        from mlops_nb.verbs.monitoring import panel_of

        return panel_of(data, asked)
    if kind == "compare":
        from mlops_nb.panels.compare_panel import ComparePanel

        return ComparePanel(StoreSource(space), [view.run.run_id for view in data[1]])
    if kind == "models":
        from mlops_nb.panels.models_panel import ModelsPanel
        from mlops_nb.verbs.governance import execute_notebook

        return ModelsPanel(space, StoreSource(space), execute=execute_notebook, names=session.shell.user_ns)
    from mlops_nb.panels.grid import RunsPanel

    if not hasattr(asked, "filter") or asked.deleted:  # panels are of runs that can be opened and compared
        return None
    ids = sorted({run.experiment_id for run in data}) if asked.experiment else None
    return RunsPanel(StoreSource(space, ids), filter=asked.filter, order_by=asked.order_by)


def _form(session: Session, path: str) -> Any:
    """The form of a notebook that takes parameters; none without a kernel, or where there is nothing to fill in."""
    if not path.endswith(".ipynb") or not hasattr(session.shell, "kernel"):
        return None
    from mlops_nb.verbs.execution import execute_for_form, notebook_contract

    stated = notebook_contract(path)
    if not any(not each.computed for each in stated.parameters.values()):
        return None
    from mlops_nb.panels.results import static_view
    from mlops_nb.panels.run_form import RunForm

    def execute(values: dict[str, Any], listener: Any) -> dict[str, Any]:
        return static_view("runs", execute_for_form(path, values, listener)).bundle

    return RunForm(stated, execute)
