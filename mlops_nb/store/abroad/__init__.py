"""A real server of MLflow as a store: what is tracked appears there, and what it has no place for is kept beside it.

A store's ids are its own; the server gives what is written to it ids of its own, and a tag joins them
(`wire.foreign.ID_TAG`). What MLflow cannot hold goes into files of the run (`wire.kept`). What it cannot do at all is
refused in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, cast

from mlops_nb.store.abroad.models import AbroadModels
from mlops_nb.store.protocol import Store

__all__ = ["open_abroad"]


def open_abroad(
    url: str, *, token: str = "", bytes_of: Callable[[str], AbstractContextManager[BinaryIO]] | None = None
) -> Store:
    """The store of a server of MLflow.

    Parameters
    ----------
    url : str
        ``http(s)://`` of it.
    token : str
        As for `Connection`.
    bytes_of : callable, optional
        Where the bytes of files are to be read from, by digest; without it no files are sent.

    Examples
    --------
    >>> open_abroad("http://localhost:5000").model_changes("churn")
    []
    """
    return cast(Store, AbroadModels(url, token=token, bytes_of=bytes_of))
