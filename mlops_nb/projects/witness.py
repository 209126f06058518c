"""In the kernel: what a notebook as a whole reads, writes and imports, beside what its cells track by themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_nb.capture.data import DataWatch

__all__ = ["begin", "end"]

_watching: list[DataWatch] = []


def begin(root: str, ignored: Sequence[str] = ()) -> None:
    """Begin to watch; called in the kernel before the first cell.

    Parameters
    ----------
    root : str
        The project's folder, for relative paths.
    ignored : sequence of str
        Folders that hold nobody's data.

    Examples
    --------
    >>> begin("."); _ = Path("a.txt").write_text("hello"); end("seen.json")
    >>> seen = json.loads(Path("seen.json").read_text())
    >>> [(access["relative"], access["mode"]) for access in seen["accesses"]]
    [('a.txt', 'write')]
    """
    from mlops_nb.capture.data import DataWatch

    watch = DataWatch(root, ignored)
    watch.start()
    watch.begin(__name__, whole=True)
    _watching.append(watch)


def end(path: str) -> None:
    """Write down what was seen; called in the kernel after the last cell.

    Parameters
    ----------
    path : str
        A JSON file: ``accesses``, ``environment``, ``prefix`` and ``path`` (where packages are found).

    Examples
    --------
    >>> begin("."); end("seen.json"); json.loads(Path("seen.json").read_text())["prefix"] == sys.prefix
    True
    """
    from mlops_nb.capture.data import quiet
    from mlops_nb.capture.environment import environment

    accesses: list[Any] = []
    if _watching:
        watch = _watching.pop()
        accesses = watch.end(__name__)
        watch.stop()
    with quiet():
        content = {
            "accesses": [asdict(access) for access in accesses],
            "environment": environment(),
            "prefix": sys.prefix,
            "path": [entry for entry in sys.path if entry],
        }
        Path(path).write_text(json.dumps(content), encoding="utf-8")
