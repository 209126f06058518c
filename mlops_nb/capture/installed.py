"""What belongs to the interpreter or to an installed distribution, and what is the user's own code."""

from __future__ import annotations

import csv
import functools
import os
import sys
import sysconfig
from pathlib import Path

__all__ = ["holds_distributions", "is_claimed", "is_installed"]

_NAMES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_PLACES = tuple(
    {
        real.rstrip(os.sep) + os.sep
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        if (place := sysconfig.get_paths().get(name))
        for real in (place, os.path.realpath(place))
    }
)


def is_installed(file: str) -> bool:
    """Whether a module's file belongs to the interpreter or to an installed distribution.

    Examples
    --------
    >>> import json
    >>> is_installed(json.__file__), is_installed("/home/ana/project/features.py")
    (True, False)
    """
    path = os.path.normpath(file)
    if path.startswith(_PLACES) or any(name in path for name in _NAMES) or is_claimed(path):
        return True
    real = os.path.realpath(path)
    return real != path and (real.startswith(_PLACES) or any(name in real for name in _NAMES))


def is_claimed(path: str) -> bool:
    """Whether a distribution says that it brought a file, in a folder of the import path that is no site folder.

    That is where ``pip install --target`` puts them, as Lambda layers and Spark clusters have them. The folder alone
    tells nothing: people install into their project, beside their own modules.

    Examples
    --------
    >>> is_claimed("/home/ana/project/features.py")
    False
    """
    folders = (folder for folder in sys.path if folder and path.startswith(folder.rstrip(os.sep) + os.sep))
    folder = max(folders, key=len, default="").rstrip(os.sep)
    return bool(folder) and path[len(folder) + 1 :] in _brought(folder)


def holds_distributions(folder: str) -> bool:
    """Whether something was installed into a folder of the import path.

    Examples
    --------
    >>> holds_distributions(sysconfig.get_paths()["purelib"]), holds_distributions("/nowhere")
    (True, False)
    """
    return is_installed(f"{folder}{os.sep}x") or bool(_brought(folder.rstrip(os.sep)))


def _brought(folder: str) -> frozenset[str]:
    """The files below a folder that distributions brought, relative to it."""
    try:
        return _read(folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116 - for each module that is looked at
    except OSError:
        return frozenset()


@functools.lru_cache(maxsize=16)
def _read(folder: str, stamp: int) -> frozenset[str]:
    """All paths in the RECORDs of a folder (its time of change is part of the question).

    Whole paths: of two that put files into one folder ``data``, one may be the user.
    """
    found: set[str] = set()
    for name in os.listdir(folder):  # noqa: PTH208
        if not name.endswith(".dist-info"):
            continue
        try:
            with Path(folder, name, "RECORD").open(encoding="utf-8", newline="") as lines:
                found.update(row[0].replace("/", os.sep) for row in csv.reader(lines) if row)
        except (OSError, UnicodeDecodeError, csv.Error):  # a distribution without a list claims nothing
            continue
    return frozenset(found)
