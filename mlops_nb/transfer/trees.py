"""Files of a folder that somebody names: only what really lies in it, whatever links and names say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from mlops_nb.errors import InvalidInput
from mlops_nb.transfer.parcels import File


def files_below(folder: Path, root: Path, refused: Callable[[str], None] | None = None) -> Iterator[File]:
    """Every regular file below a folder, by path.

    Parameters
    ----------
    folder : Path
        A folder inside `root`; nothing is given if there is none.
    root : Path
        What must not be left: a link out of it is refused.
    refused : callable, optional
        Told of each file that is such a link; without it, the first one ends all.

    Yields
    ------
    File

    Raises
    ------
    InvalidInput
        If `folder`, or a file in it, is outside of `root`.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> (root / "a.txt").write_text("x")
    1
    >>> [each.path for each in files_below(root, root)]
    ['a.txt']
    """
    top = root.resolve()
    _inside(folder, top)
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            try:
                real = _inside(path, top)
            except InvalidInput as error:
                if refused is None:
                    raise
                refused(str(error))
                continue
            if not real.is_file():
                continue  # a pipe or a device would keep its reader waiting
            opened = cast("Callable[[], AbstractContextManager[BinaryIO]]", partial(real.open, "rb"))
            yield File(path.relative_to(folder).as_posix(), real.stat().st_size, opened)


def _inside(path: Path, top: Path) -> Path:
    real = path.resolve()
    if not real.is_relative_to(top):
        raise InvalidInput(f"{path.name[:80]!a} is a link out of the folder {top}.", hint="Copy what it points at.")
    return real
