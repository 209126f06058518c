"""Taking over what MLflow, TensorBoard and W&B keep, as often as one likes: what is here stays."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.transfer.copying import Manner, copy_store
from mlops_nb.transfer.mlflow import MlflowOrigin, Source
from mlops_nb.transfer.own import keep_in
from mlops_nb.transfer.parcels import Origin, Report
from mlops_nb.workspace import Workspace


def import_mlflow(
    source: str, space: Workspace, *, files: str | None = None, token: str = "", **manner: Unpack[Manner]
) -> Report:
    """Copy what is in a store of MLflow's into ours; what is here already stays as it is.

    Parameters
    ----------
    source : str
        ``http(s)://`` of a server, a folder ``mlruns``, or a SQLite file (also as ``sqlite:///PATH``).
    space : Workspace
        Where to.
    files : str, optional
        With a SQLite file: the folder in which the files of its runs lie.
    token : str
        For a server.
    **manner
        ``thorough``, ``tick``, ``expect``: see `copying.Manner`.

    Returns
    -------
    Report
        With what could not be carried over.

    Raises
    ------
    NotFound, InvalidInput
        If there is nothing of MLflow's at `source`.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> import_mlflow("no-such-folder", open_workspace(tempfile.mkdtemp()))
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is nothing at no-such-folder. ...
    """
    report = Report(source.rpartition("@")[2], str(space.root))
    return _take_over(MlflowOrigin(_open_source(source, files, token), report), space, manner)


def import_tensorboard(source: str, space: Workspace, **manner: Unpack[Manner]) -> Report:
    """Copy what TensorBoard's event files say: a run for each folder that has some.

    Parameters
    ----------
    source : str
        The log directory.
    space : Workspace
        Where to; the experiment has the name of the folder.
    **manner
        ``thorough``, ``tick``, ``expect``: see `copying.Manner`.

    Returns
    -------
    Report
        With what could not be carried over.

    Raises
    ------
    NotFound, InvalidInput
        If there are no event files in `source`.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> import_tensorboard(tempfile.mkdtemp(), open_workspace(tempfile.mkdtemp()))
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: ... has no event files of TensorBoard's (events.out.tfevents.…). ...
    """
    from mlops_nb.transfer.tensorboard import tensorboard_runs

    report = Report(source, str(space.root))
    return _take_over(tensorboard_runs(Path(source).expanduser(), report), space, manner)


def import_wandb(source: str, space: Workspace, **manner: Unpack[Manner]) -> Report:
    """Copy W&B's offline runs; a project becomes an experiment.

    Parameters
    ----------
    source : str
        The folder ``wandb``, or the one that it lies in.
    space : Workspace
        Where to.
    **manner
        ``thorough``, ``tick``, ``expect``: see `copying.Manner`.

    Returns
    -------
    Report
        With what could not be carried over.

    Raises
    ------
    NotFound, InvalidInput
        If there are no offline runs in `source`.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> import_wandb(tempfile.mkdtemp(), open_workspace(tempfile.mkdtemp()))
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: ... has no offline runs of W&B's (wandb/offline-run-*/run-*.wandb). ...
    """
    from mlops_nb.transfer.wandb import wandb_runs

    report = Report(source, str(space.root))
    return _take_over(wandb_runs(Path(source).expanduser(), report), space, manner)


def _take_over(origin: Origin, space: Workspace, manner: Manner) -> Report:
    space.flush()
    return copy_store(origin, space.store, keep_in(space.artifacts), **manner)


def _open_source(source: str, files: str | None, token: str) -> Source:
    if source.startswith(("http://", "https://")):
        from mlops_nb.transfer.mlflow_server import MlflowServer

        return MlflowServer(source, token=token)
    if source.startswith("sqlite:///"):
        path = Path(source.removeprefix("sqlite:///"))
    elif "://" in source and not source.startswith("file://"):
        raise InvalidInput(
            f"MLflow's store at {source.partition('://')[0]}:// cannot be read directly.",
            hint="Start mlflow server on it, and name the server's address.",
        )
    else:
        path = Path(source.removeprefix("file://")).expanduser()
    if path.is_dir():
        from mlops_nb.transfer.mlflow_folder import MlflowFolder

        return MlflowFolder(path / "mlruns" if (path / "mlruns" / "0").is_dir() else path)
    if not path.exists():
        raise NotFound(
            f"There is nothing at {source}.", hint="Name a folder mlruns, a SQLite file, or the address of a server."
        )
    from mlops_nb.transfer.mlflow_database import MlflowDatabase

    return MlflowDatabase(path, Path(files) if files else None)
