"""The magics as IPython sees them: names, help, and where their work is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.magics.displays import register_displays
from mlops_nb.magics.options import parse_track, track_parser

if TYPE_CHECKING:
    from mlops_nb.magics.session import Session


_MODES = """%track auto    track every cell of this notebook
%track marked  track the cells with %%track, as at the beginning
%track off     track no cell
%track         say what is so, and where things are kept"""


def register(shell: Any, session: Session) -> None:
    """Register ``%%track``, ``%track`` and ``%mlops`` with a shell."""

    def track_cell(line: str, cell: str) -> None:
        # Reached only when the line does not parse: a right one is taken out before IPython sees a magic.
        try:
            parse_track(line)
        except InvalidInput as error:
            raise UsageError(str(error)) from None
        shell.run_cell(cell)

    def track_line(line: str) -> None:
        try:
            _set_mode(session, line)
        except MlopsError as error:
            raise UsageError(str(error)) from None

    def mlops_line(line: str) -> Any:
        from mlops_nb.magics.views import as_typed_here, run_verb

        try:
            return run_verb(session, line)
        except MlopsError as error:
            raise UsageError(as_typed_here(str(error))) from None

    track_cell.__doc__ = track_parser().format_help()
    track_line.__doc__ = _MODES
    mlops_line.__doc__ = "Any verb of the command line, with a view as its result: %mlops runs, %mlops show RUN ..."
    shell.register_magic_function(track_cell, "cell", "track")
    shell.register_magic_function(track_line, "line", "track")
    shell.register_magic_function(mlops_line, "line", "mlops")
    register_displays(shell)


def _set_mode(session: Session, line: str) -> None:
    words = line.split("#")[0].split()
    mode = " ".join(words) or "status"
    if mode in ("auto", "marked", "off"):
        session.mode = mode
    elif mode != "status":
        raise InvalidInput(f"%track does not know {mode!r}.", hint="Use %track auto, marked, off or status.")
    sys.stdout.write(_status(session) + "\n")


def _status(session: Session) -> str:
    from mlops_nb import workspace as workspaces
    from mlops_nb.tracking.fluent import current_experiment

    if workspaces.is_disabled():
        return "Tracking is disabled by MLOPS_NB_DISABLE."
    what = {"auto": "every cell", "marked": "cells with %%track", "off": "no cell"}[session.mode]
    space = workspaces.current()
    where = str(space.root) if space.is_embedded else space.store_url.split("@")[-1]
    return f"Tracking {what}. Experiment: {current_experiment()}. Kept in {where}."
