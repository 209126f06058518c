"""IPython magics: ``%%track``, ``%track`` and ``%mlops``. Parse, one stage call, a view; nothing else."""

from __future__ import annotations

from typing import Any

__all__ = ["load", "unload"]

_ATTRIBUTE = "_mlops_nb_session"


def load(shell: Any) -> None:
    """Register the magics and hooks with a shell; a second call does nothing.

    Parameters
    ----------
    shell : InteractiveShell
        What ``%load_ext`` hands over.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> load(shell); "track" in shell.magics_manager.magics["cell"]
    True
    """
    from mlops_nb.magics.lines import register
    from mlops_nb.magics.session import Session

    if getattr(shell, _ATTRIBUTE, None) is not None:
        return
    session = Session(shell)
    register(shell, session)
    session.connect()
    setattr(shell, _ATTRIBUTE, session)


def unload(shell: Any) -> None:
    """Take everything back that `load` registered.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell(); load(shell); unload(shell)
    """
    session = getattr(shell, _ATTRIBUTE, None)
    if session is not None:
        session.disconnect()
        setattr(shell, _ATTRIBUTE, None)
