"""What a kernel's witness saw becomes part of the notebook's run: data with digests, environment, what made it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import DataRef
from mlops_nb.tracking.faults import say

if TYPE_CHECKING:
    from mlops_nb.tracking import ActiveRun
    from mlops_nb.workspace import Workspace

__all__ = ["MADE_FROM", "Sighting", "cell_digests"]

MADE_FROM = "made_from"
"""The fact of a notebook's run that says what it was made of, beside its params and its data."""

_INJECTED = "injected-parameters"


class Sighting:
    """The launcher's side of the witness: the code that the kernel runs aside, and the record made of its answer.

    Parameters
    ----------
    space : Workspace
        Whose own files are nobody's data.
    notebook : Path
        The notebook; the project around it is what paths are relative to.
    cells : mapping
        As `cell_digests` gives them, taken before the execution.
    """

    def __init__(self, space: Workspace, notebook: Path, cells: Mapping[str, str]) -> None:
        self._cells, self._space = dict(cells), space
        self._folder: Path | None = None
        self.opening = self.closing = ""
        if workspaces.is_disabled():
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mlops_nb-"))
        root = str(workspaces.project_root(notebook.parent))
        there = "__import__('mlops_nb.projects.witness', fromlist=['begin'])"
        self.opening = f"{there}.begin({root!r}, {[str(space.root), str(self._folder)]!r})"
        self.closing = f"{there}.end({str(self._answer)!r})"

    @property
    def _answer(self) -> Path:
        assert self._folder is not None  # asked for by `opening` and `closing` only
        return self._folder / "seen.json"

    def record(self, run: ActiveRun) -> None:
        """Record what was seen, while the kernel is ending; a fault of ours is one warning line."""
        try:
            if self._folder is not None and self._answer.is_file():
                self._record(run, json.loads(self._answer.read_text(encoding="utf-8")))
        except Exception as error:  # what we cannot keep must not make a good run a failed one
            say(error, about=f"sighting:{run.run_id}")

    def close(self) -> None:
        """Remove what was written for the way between the processes."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _is_ours(self, access: Mapping[str, Any]) -> bool:
        """Our own store, read or written by our own calls, is nobody's data."""
        if access["kind"] == "sql":
            ours = (str(self._space.root), self._space.store_url.rpartition("@")[2])
            return any(each in access["path"] for each in ours)
        return str(access["path"]).startswith(f"{self._space.root}{os.sep}")

    def _record(self, run: ActiveRun, seen: Mapping[str, Any]) -> None:
        environment = seen["environment"]
        run.fact("environment", environment)
        streams = _own_streams()
        theirs = [each for each in seen["accesses"] if each["path"] not in streams and not self._is_ours(each)]
        run.record_data(*map(_ref, theirs))
        packages = environment["packages"]
        run.fact(
            MADE_FROM,
            {
                "cells": self._cells,
                "python": environment["python"],
                "packages": {name: packages[name] for name in environment["imported"] if name in packages},
                "prefix": seen["prefix"],
                "path": seen["path"],
            },
        )


def _own_streams() -> set[str]:
    """Files that our output goes to, which the kernel inherits: what is printed there is nobody's data."""
    found = set()
    for number in range(3):
        with contextlib.suppress(OSError):
            found.add(str(Path(f"/proc/self/fd/{number}").readlink()))
    return found


def _ref(access: Mapping[str, Any]) -> DataRef:
    from mlops_nb.capture.data.digests import digest

    profile: dict[str, Any] = {"kind": access["kind"], "via": access["via"]}
    profile |= {name: access[name] for name in ("changed", "gone", "detail", "members") if access[name]}
    path = access["relative"] or access["path"]
    if access["kind"] in ("sql", "url") or access["gone"]:
        return DataRef(path, "", access["size"], access["mode"], name=Path(path).name, profile=profile)
    found = digest(access["path"], members=access["members"] or None)
    return DataRef(
        path, found.digest, found.size, access["mode"], name=Path(path).name, profile=profile, sampled=found.sampled
    )


def cell_digests(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each code cell's source by the cell's id, in order; what was injected is left out.

    Parameters
    ----------
    notebook : mapping
        As nbformat 4 JSON.

    Returns
    -------
    dict of str to str
        A cell without an id counts by its place.

    Examples
    --------
    >>> list(cell_digests({"cells": [{"cell_type": "code", "id": "a", "source": "1"}]}))
    ['a']
    """
    found: dict[str, str] = {}
    for index, cell in enumerate(notebook.get("cells", ())):
        tags = cell.get("metadata", {}).get("tags", ())
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        if cell.get("cell_type") == "code" and _INJECTED not in tags and text.strip():
            found[str(cell.get("id") or index)] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return found
