"""Bytes: content-addressed blobs, and the trees of paths that runs and models make of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlops_nb.artifacts.paths import check_path
from mlops_nb.artifacts.storage import ArtifactStore
from mlops_nb.artifacts.trees import Listed, listing, resolve, subtree, tree_digest, walk_folder
from mlops_nb.artifacts.uploads import Upload
from mlops_nb.errors import InvalidInput

__all__ = [
    "ArtifactStore",
    "Listed",
    "Upload",
    "check_path",
    "listing",
    "open_artifacts",
    "resolve",
    "subtree",
    "tree_digest",
    "walk_folder",
]


def open_artifacts(
    url: str | os.PathLike[str],
    options: dict[str, Any] | None = None,
    *,
    spool: Path | None = None,
    token: str = "",
) -> ArtifactStore:
    """Open a store of bytes. Nothing is made before the first `put`.

    Parameters
    ----------
    url : str or path
        A folder, a ``file://`` URL, or any fsspec URL such as ``s3://bucket/prefix`` or ``memory://name``.
    options : dict, optional
        Options of the fsspec file system, such as ``endpoint_url``.
    spool : Path, optional
        With an ``http(s)://`` URL, that of a server of ours: where bytes wait for their rows.
    token : str
        For that server.

    Raises
    ------
    InvalidInput
        If the URL is empty or of an unknown kind.

    Examples
    --------
    >>> open_artifacts("memory://example").url
    'memory://example'
    """
    text = os.fspath(url)
    if not text or "\0" in text:
        raise InvalidInput("The artifact store has an empty or broken URL.", hint="Give a folder or an fsspec URL.")
    scheme, mark, rest = text.partition("://")
    if scheme in ("http", "https") and spool is not None:
        from mlops_nb.artifacts.served import ServedPlace

        return ArtifactStore(ServedPlace(text, spool, token=token))
    if mark and scheme != "file":
        from mlops_nb.artifacts.remote import RemotePlace  # fsspec: only for what is not a folder

        return ArtifactStore(RemotePlace(text, options))
    from mlops_nb.artifacts.local import LocalPlace

    if mark:
        from urllib.request import url2pathname

        text = url2pathname(rest.removeprefix("localhost"))
    return ArtifactStore(LocalPlace(Path(text).expanduser().absolute()))
