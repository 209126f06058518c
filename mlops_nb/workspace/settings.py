"""What the environment asks of this process: the only reader of ``os.environ`` (but for what capture records of it)."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
from collections.abc import Iterator
from pathlib import Path

FOLDER = ".mlops_nb"
ENV_STORE = "MLOPS_NB_STORE"
ENV_ARTIFACTS = "MLOPS_NB_ARTIFACTS"
ENV_EXPERIMENT = "MLOPS_NB_EXPERIMENT"
ENV_TOKEN = "MLOPS_NB_TOKEN"
ENV_DISABLE = "MLOPS_NB_DISABLE"
ENV_NOTEBOOK = "MLOPS_NB_NOTEBOOK"
ENV_PARENT_RUN = "MLOPS_NB_PARENT_RUN"
ENV_USER_FOLDER = "MLOPS_NB_USER_FOLDER"
ENV_SAFE_MODELS = "MLOPS_NB_SAFE_MODELS"
ENV_PROJECT = "MLOPS_NB_PROJECT"
ENV_CONTEXT = "MLOPS_NB_CONTEXT"
"""Set in this process for its children: the file that names the run that is active here now."""


def server_token() -> str:
    """The token of a server, for the one who starts it and for the one who calls it: ``MLOPS_NB_TOKEN``.

    Examples
    --------
    >>> server_token()
    ''
    """
    return os.environ.get(ENV_TOKEN, "").strip()


def is_disabled() -> bool:
    """Whether ``MLOPS_NB_DISABLE`` asks for everything to run as if mlops_nb were not there.

    Examples
    --------
    >>> is_disabled()
    False
    """
    return os.environ.get(ENV_DISABLE, "").strip().lower() not in ("", "0", "false", "no")


def is_debugging() -> bool:
    """Whether ``MLOPS_NB_DEBUG`` asks for the tracebacks of our own faults.

    Examples
    --------
    >>> is_debugging()
    False
    """
    return os.environ.get("MLOPS_NB_DEBUG", "") not in ("", "0")


def default_experiment() -> str:
    """The experiment that a run goes to when none is named: ``MLOPS_NB_EXPERIMENT``, else ``Default``.

    Examples
    --------
    >>> default_experiment()
    'Default'
    """
    return os.environ.get(ENV_EXPERIMENT) or "Default"


def parent_run() -> str | None:
    """The run that runs of this process are nested in, when a run of the notebook as a whole has started us.

    Examples
    --------
    >>> parent_run() is None
    True
    """
    return os.environ.get(ENV_PARENT_RUN) or None


def notebook_path() -> Path | None:
    """The notebook that this kernel belongs to, as far as the front end tells.

    ``MLOPS_NB_NOTEBOOK`` (set by `mlops-nb run`), ``JPY_SESSION_NAME`` (set by Jupyter servers); VS Code's is in the
    namespace, where the magics look.

    Examples
    --------
    >>> notebook_path() is None
    True
    """
    for variable in (ENV_NOTEBOOK, "JPY_SESSION_NAME"):
        value = os.environ.get(variable)
        if value and value.endswith(".ipynb"):
            return Path.cwd() / value  # an absolute one stays as it is
    return None


_actor: contextvars.ContextVar[str] = contextvars.ContextVar("mlops_nb_actor", default="")


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """What is done here is done for this user: a server's caller, whose name the audit keeps.

    Examples
    --------
    >>> with acting_as("ada"):
    ...     user_name()
    'ada'
    """
    token = _actor.set(user)
    try:
        yield
    finally:
        _actor.reset(token)


def user_name() -> str:
    """The name of the user who runs this process, or for whom it acts.

    Examples
    --------
    >>> bool(user_name())
    True
    """
    return _actor.get() or _owner()


@functools.cache
def _owner() -> str:
    import getpass

    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def user_folder() -> Path:
    """The folder of this user's own facts, which no project, store or import can bring along.

    ``MLOPS_NB_USER_FOLDER``, else ``mlops_nb`` in ``XDG_DATA_HOME`` (or ``~/.local/share``).

    Examples
    --------
    >>> isinstance(user_folder(), Path)
    True
    """
    if own := os.environ.get(ENV_USER_FOLDER):
        return Path(own).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "mlops_nb"


def takes_safe_models_only() -> bool:
    """Whether ``MLOPS_NB_SAFE_MODELS`` asks to refuse every model whose loading runs code, trusted or not.

    Examples
    --------
    >>> takes_safe_models_only()
    False
    """
    return os.environ.get(ENV_SAFE_MODELS, "").strip().lower() not in ("", "0", "false", "no")
