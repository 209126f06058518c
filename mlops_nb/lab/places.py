"""Paths of three kinds: Jupyter's (below the server's root), files', and those that runs are recorded under."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops_nb.errors import InvalidInput
from mlops_nb.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Places:
    """What the paths of Jupyter's contents stand below.

    Parameters
    ----------
    root : Path
        The server's root folder, resolved.
    """

    root: Path

    def file(self, contents: str) -> Path:
        """The file that a path of Jupyter's names.

        Parameters
        ----------
        contents : str
            From outside: relative, with slashes; a drive of another file system (``name:path``) has no file here.

        Raises
        ------
        InvalidInput
            If it leads out of the root.

        Examples
        --------
        >>> Places(Path("/srv")).file("work/a.ipynb").as_posix()
        '/srv/work/a.ipynb'
        >>> Places(Path("/srv")).file("../etc/passwd")
        Traceback (most recent call last):
        mlops_nb.errors.InvalidInput: The path '../etc/passwd' leads out of the server's folder. ...
        """
        parts = contents.strip("/").split("/")
        found = (self.root / "/".join(parts)).resolve()
        if "\0" in contents or ".." in parts or not found.is_relative_to(self.root):
            raise InvalidInput(
                f"The path {contents[:100]!r} leads out of the server's folder.", hint="Name a file below it."
            )
        return found

    def contents(self, file: Path) -> str | None:
        """The path of Jupyter's that a file has; None if it is not below the root.

        Examples
        --------
        >>> Places(Path("/srv")).contents(Path("/srv/a b.ipynb"))
        'a b.ipynb'
        """
        return file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else None

    def recorded(self, space: Workspace, contents: str) -> str:
        """What runs of this notebook are recorded under: relative to the project if it is in it."""
        file = self.file(contents)
        project = space.project
        return file.relative_to(project).as_posix() if file.is_relative_to(project) else str(file)

    def openable(self, space: Workspace, recorded: str | None) -> str | None:
        """The path of Jupyter's for what a run is recorded under."""
        if not recorded:
            return None
        return self.contents(space.project / recorded)
