"""A run that is over, with all that it gave: metrics and params as of any run, its files and dicts to be read back."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Artifact, Run
from mlops_nb.errors import NotFound
from mlops_nb.workspace import Workspace

NESTED = 1000


@dataclass(frozen=True, slots=True)
class ReadRun(Run):
    """A run whose files can be read. Those of its tracked cells, whose runs are nested in it, are found as well."""

    @classmethod
    def of(cls, run: Run) -> ReadRun:
        """The same run, with its files.

        Examples
        --------
        >>> from mlops_nb.tracking import log_dict, start_run
        >>> with start_run() as made: log_dict({"a": 1}, "x.json")
        >>> from mlops_nb.tracking.reading import find_run
        >>> ReadRun.of(find_run(made.run_id)).load_dict("x.json")
        {'a': 1}
        """
        return cls(**{field.name: getattr(run, field.name) for field in fields(run)})

    @property
    def children(self) -> list[ReadRun]:
        """The runs that are nested in it, oldest first."""
        space = _space()
        found = space.store.search_runs(None, f"parent_run_id = '{self.run_id}'", limit=NESTED).items
        return [ReadRun.of(run) for run in sorted(found, key=lambda run: run.run_id)]

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """Its files by their paths; of a path that several of its cells have, the last one's."""
        store = _space().store
        found = {each.path: each for run in self.children for each in store.artifacts(run.run_id)}
        return found | {each.path: each for each in store.artifacts(self.run_id)}

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        NotFound
            If it has no file of that path.
        """
        found = self.artifacts
        if path not in found:
            have = ", ".join(sorted(found)) or "none"
            raise NotFound(f"The run {self.name!r} has no file {path!r}.", hint=f"It has: {have}.")
        return _space().artifacts.read(found[path].digest)

    def load_text(self, path: str) -> str:
        """What was logged with `log_text`."""
        return self.read(path).decode("utf-8")

    def load_dict(self, path: str) -> Any:
        """What was logged with `log_dict`, as JSON or (by its ending) YAML."""
        text = self.load_text(path)
        if path.endswith((".yaml", ".yml")):
            import yaml

            return yaml.safe_load(text)
        return json.loads(text)

    def fetch(self, path: str, target: str | Path) -> Path:
        """Write a file to a path of this machine."""
        place = Path(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(self.read(path))
        return place


def _space() -> Workspace:
    space = workspaces.current()
    space.flush()
    return space
