"""Who loaded which module: what is imported once stays as it was then, and is found as an attribute of its package."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

from mlops_nb.capture.slicing.definitions import LIBRARY
from mlops_nb.capture.slicing.layout import is_local
from mlops_nb.capture.slicing.ledger import Execution
from mlops_nb.capture.slicing.mentions import CellText


class Imports:
    """The modules of the process, and the executions that loaded those that came since following began."""

    def __init__(self) -> None:
        self.known = set(sys.modules)
        self.loaded_by: dict[str, int] = {}
        self.growers: list[int] = []

    def loaded(self, text: CellText, main: str) -> list[types.ModuleType]:
        """Local modules that a cell imports and that are loaded already, so that their files are not read again.

        Examples
        --------
        >>> from mlops_nb.capture.slicing.syntax import read_cell
        >>> Imports().loaded(read_cell("import json"), "__main__")
        []
        """
        found = [sys.modules.get(name) for name in text.imports if name and is_local(name, "")]
        return [module for module in found if type(module) is types.ModuleType and module.__name__ != main]

    def record(
        self, entry: Execution, text: CellText, chains: Iterable[tuple[str, ...]], namespace: Mapping[str, Any]
    ) -> None:
        """Note what an execution loaded, and make it depend on whoever loaded what it uses.

        Parameters
        ----------
        entry, text
            The execution, and its text.
        chains : iterable of tuple of str
            Dotted uses of globals in it.
        namespace : mapping
            Of the session.
        """
        if "modules" in text.words and ("sys", "modules") in text.chains:
            entry.needs.update(self.growers)
        for name in text.imports & self.loaded_by.keys():
            if is_local(name, ""):
                entry.needs.add(self.loaded_by[name])
        if len(sys.modules) != len(self.known) or {"modules", "reload"} & text.words:
            new = sys.modules.keys() - self.known
            if new or len(sys.modules) != len(self.known):
                self.growers.append(entry.index)
            for name in new:
                package = name.rpartition(".")[0]
                if name in text.imports or package in self.known or is_local(name, ""):
                    self.loaded_by[name] = entry.index
            self.known = set(sys.modules)
        if self.loaded_by:
            for index in self._users(chains, namespace) - {entry.index}:
                entry.needs.add(index)
                entry.links.setdefault(index, set()).add(LIBRARY)
        entry.needs.discard(entry.index)

    def _users(self, chains: Iterable[tuple[str, ...]], namespace: Mapping[str, Any]) -> set[int]:
        """Who loaded the modules that are found as attributes: ``sklearn.isotonic`` after ``import sklearn``."""
        found: set[int] = set()
        for chain in chains:
            value = namespace.get(chain[0])
            for part in chain[1:]:
                if type(value) is not types.ModuleType:
                    break
                parent, value = value.__dict__, value.__dict__.get(part)
                if _loads_parts_itself(parent, part):
                    continue
                if type(value) is types.ModuleType and (name := value.__dict__.get("__name__")) in self.loaded_by:
                    found.add(self.loaded_by[name])
        return found


def _loads_parts_itself(package: Mapping[str, Any], part: str) -> bool:
    """Whether a package loads a part when it is asked for, as SciPy's: who asked first does not matter."""
    offered = package.get("__all__")
    return "__getattr__" in package and isinstance(offered, list | tuple) and part in offered
