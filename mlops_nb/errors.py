"""The error tree: every refusal says what happened, to which thing, and what to do.

Each class carries MLflow's error code, so that the REST rim (and its clients)
can map an error without a table of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType


class MlopsError(Exception):
    """Base of all errors that mlops_nb raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: what happened, to which thing.
    hint : str, optional
        What to do about it, with the command to type where there is one.

    Examples
    --------
    >>> str(MlopsError("Run 'abc' does not exist.", hint="List runs with: mlops-nb runs"))
    "Run 'abc' does not exist. List runs with: mlops-nb runs"
    """

    error_code = "INTERNAL_ERROR"

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message} {hint}".strip())

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()  # a hint may come later, from who knows more


class InvalidInput(MlopsError, ValueError):
    """A value from outside does not fit (a name, a path, a filter, an option)."""

    error_code = "INVALID_PARAMETER_VALUE"


class NotFound(MlopsError, LookupError):
    """The named run, experiment, model or artifact does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExists(MlopsError, ValueError):
    """The name is taken."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class InvalidState(MlopsError, RuntimeError):
    """The thing is there, but not in a state that allows the call."""

    error_code = "INVALID_STATE"


class PermissionDenied(MlopsError, PermissionError):
    """The caller may not do this, or the content is not trusted."""

    error_code = "PERMISSION_DENIED"


class StoreError(MlopsError):
    """The store cannot be read or written (full, read-only, corrupt, too new, away)."""

    error_code = "TEMPORARILY_UNAVAILABLE"


class StorageFull(StoreError):
    """There is no room left where things are kept; nothing is half-written, and it goes on when there is."""

    error_code = "RESOURCE_EXHAUSTED"


class CorruptData(StoreError):
    """Bytes do not have the digest or the checksum that they were stored under."""

    error_code = "DATA_LOSS"


class MissingDependency(MlopsError, ImportError):
    """An optional package is needed and not installed."""

    error_code = "FEATURE_DISABLED"


def require(module: str, extra: str, *, purpose: str) -> ModuleType:
    """Import an optional package, or say in one sentence how to get it.

    Parameters
    ----------
    module : str
        Dotted name to import, for instance ``"optuna"``.
    extra : str
        The extra of mlops_nb that installs it.
    purpose : str
        What it is needed for, to complete "... is needed to <purpose>".

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependency
        If the package is not installed.

    Examples
    --------
    >>> require("json", "none", purpose="read JSON").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        if error.name is not None and error.name.split(".")[0] != package:
            raise  # the package is there and broken: its own message helps more
        raise _missing(package, extra, purpose) from error


def require_installed(module: str, extra: str, *, purpose: str) -> None:
    """The same for a package that only another process will import: it costs this one neither time nor memory.

    Raises
    ------
    MissingDependency
        If the package is not installed.

    Examples
    --------
    >>> require_installed("nowhere", "serve", purpose="serve a model")
    Traceback (most recent call last):
    mlops_nb.errors.MissingDependency: The package 'nowhere' is needed to serve a model and is not installed. ...
    """
    package = module.split(".")[0]
    if importlib.util.find_spec(package) is None:
        raise _missing(package, extra, purpose)


def _missing(package: str, extra: str, purpose: str) -> MissingDependency:
    return MissingDependency(
        f"The package '{package}' is needed to {purpose} and is not installed.",
        hint=f"Install it with: pip install 'mlops_nb[{extra}]'",
    )
