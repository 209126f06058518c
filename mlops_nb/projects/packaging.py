"""A run as a project that runs elsewhere: notebook, MLproject, lock, data manifest, README; whole or not at all."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.capture.lock import lock
from mlops_nb.capture.replacement import replace_in_text
from mlops_nb.comparison import RunView
from mlops_nb.entities import DataRef
from mlops_nb.errors import AlreadyExists, InvalidInput, InvalidState
from mlops_nb.projects.environments import LOCK_FILE
from mlops_nb.projects.manifest import DATA_FILE, DataFile, write_manifest
from mlops_nb.projects.packaged_notebook import notebook_of
from mlops_nb.projects.parameters import Contract, Parameter, contract
from mlops_nb.projects.pinning import OURS, needed, pinned, with_hashes
from mlops_nb.projects.spec import EntryPoint, Environment, Project, write_project
from mlops_nb.tracking.reading import load_view

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.workspace import Workspace

__all__ = ["Packaged", "package_run"]


@dataclass(frozen=True, slots=True)
class Packaged:
    """What was written: the project's folder, its notebook, its files, and what the user should know of it."""

    folder: Path
    notebook: str
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def package_run(
    reference: str,
    folder: str | Path,
    *,
    with_data: bool = False,
    hashes: bool = True,
    workspace: Workspace | None = None,
) -> Packaged:
    """Write a run as a project: ``mlops-nb run FOLDER``, ``mlflow run FOLDER`` and papermill execute it.

    Parameters
    ----------
    reference : str
        The run: its id, a unique prefix, or its name. Of a tracked cell, the least code behind it is packaged.
    folder : str or Path
        Where to; it is made, and must be empty if it is there.
    with_data : bool, default False
        Put the files in that the run read; else they are only named, with their digests.
    hashes : bool, default True
        Ask the index for the hashes of the lock.
    workspace : Workspace, optional
        Where the run is.

    Returns
    -------
    Packaged

    Raises
    ------
    AlreadyExists
        If there is something in the folder.
    InvalidState
        If the run was not made by a notebook, or a file that it read is gone or not the same any more.

    Examples
    --------
    >>> package_run("train", "project").notebook  # doctest: +SKIP
    'train.ipynb'
    """
    space = workspace or workspaces.current()
    view = load_view(reference, space)
    target = Path(folder).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"{folder} is not empty.", hint="Name another folder with -o.")
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = notebook_of(view)
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        building.chmod(0o755)
        packaged = _Packing(view, space, building, with_data, hashes).write(notebook)
        if target.exists():
            target.rmdir()
        building.rename(target)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return replace(packaged, folder=target)


class _Packing:
    """One packaging: what has been written so far, and what has to be said of it."""

    def __init__(self, view: RunView, space: Workspace, folder: Path, with_data: bool, hashes: bool) -> None:
        self.view, self.space, self.folder = view, space, folder
        self.with_data, self.hashes = with_data, hashes
        self.notes: list[str] = []
        recorded = view.run.notebook or ""
        place = PurePosixPath(recorded if recorded.endswith(".ipynb") else f"{_slug(view.run.name)}.ipynb")
        self.notebook = PurePosixPath(place.name) if place.is_absolute() or ".." in place.parts else place

    def write(self, notebook: NotebookNode) -> Packaged:
        stated = self._write_notebook(notebook)
        environment = needed(self.view.facts.get("environment") or {})
        if not environment["packages"]:
            raise InvalidState(f"The run {self.view.run.name!r} has no recorded environment.", hint="Run it once more.")
        self._write_environment(environment)
        point = EntryPoint("main", _command(self.notebook, stated), stated.parameters)
        needs = Environment(str(environment.get("python") or ""), pinned(environment))
        write_project(Project(self.folder, _slug(self.view.run.name), {"main": point}, needs))
        data = self._put_data()
        write_manifest(self.folder, data)
        (self.folder / "README.md").write_text(_readme(self.view, self.notebook, stated, data), encoding="utf-8")
        files = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return Packaged(self.folder, str(self.notebook), tuple(files), tuple(self.notes))

    def _write_notebook(self, notebook: NotebookNode) -> Contract:
        """The notebook, its defaults being the run's values, and the contract that it states then."""
        params = self.view.run.params
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", ()):
                cell.source, _ = replace_in_text(cell.source, params)
        place = self.folder / self.notebook
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        stated = contract(notebook, self.notebook.name)
        typed = {name: _with_default(each, params) for name, each in stated.parameters.items()}
        return replace(stated, parameters=typed)

    def _write_environment(self, environment: Mapping[str, Any]) -> None:
        text = lock(environment)
        if self.hashes:
            text, note = with_hashes(text)
            self.notes += [note] if note else []
        (self.folder / LOCK_FILE).write_text(text, encoding="utf-8")
        lost = [
            line
            for line in text.splitlines()
            if line.startswith("# local: ") and not line.startswith(f"# local: {OURS}=")
        ]
        self.notes += [f"Not in any index, and so not in the project: {line.split()[2]}." for line in lost]

    def _put_data(self) -> list[DataFile]:
        """Put modules of the user's own in, and data if that is asked for; all of it stands in the manifest."""
        written = {ref.path for ref in self.view.data if ref.mode == "write"}
        files: dict[str, DataFile] = {}
        for ref in self.view.data:
            kind = str(ref.profile.get("kind", "file"))
            if ref.mode not in ("read", "log") or ref.path in written or not ref.path or kind == "frame":
                continue
            if ref.mode == "log" and not ref.profile.get("kind"):
                continue  # a frame in memory
            members = tuple(ref.profile.get("members") or ())
            entry = DataFile(ref.path, ref.digest, ref.size, kind, members=members)
            if kind == "code" or (self.with_data and kind in ("file", "folder", "database")):
                entry = replace(entry, included=self._copy(ref, members))
            files[ref.path] = entry
        return list(files.values())

    def _copy(self, ref: DataRef, members: tuple[str, ...]) -> bool:
        """Copy one file or folder to its place in the project, if it still is what the run read."""
        path = PurePosixPath(ref.path)
        if path.is_absolute() or ".." in path.parts:
            self.notes.append(f"{ref.path} is outside the run's project and was left out; the code names it so.")
            return False
        source, target = self.space.project / path, self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if _digest(source, members) == ref.digest and ref.digest:
            if source.is_dir():
                for name in members or [
                    each.relative_to(source).as_posix() for each in source.rglob("*") if each.is_file()
                ]:
                    (target / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source / name, target / name)
            else:
                shutil.copyfile(source, target)
            return True
        if ref.digest.startswith("sha256:") and self.space.artifacts.has(ref.digest):
            self.space.artifacts.fetch(ref.digest, target)
            return True
        raise InvalidState(
            f"{ref.path} is not what the run read any more{'' if source.exists() else ': it is gone'}.",
            hint="Put it back, or execute the notebook again and package the new run.",
        )


def _digest(path: Path, members: tuple[str, ...]) -> str:
    from mlops_nb.capture.data.digests import digest

    return digest(path, members=members or None).digest if path.exists() else ""


def _with_default(parameter: Parameter, params: Mapping[str, Any]) -> Parameter:
    """A parameter whose default is the run's value."""
    if parameter.name not in params:
        return parameter
    try:
        value = parameter.convert(params[parameter.name])
    except ValueError:  # a literal in the cell that its own comment does not allow
        return parameter
    return replace(parameter, default=value, required=False, computed="")


def _command(notebook: PurePosixPath, stated: Contract) -> str:
    name = shlex.quote(str(notebook)).replace("{", "{{").replace("}", "}}")
    given = [f"-p {name}={{{name}}}" for name in stated.parameters if not stated.parameters[name].computed]
    return " ".join(["mlops-nb run", name, *given])


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "project"


def _aligned(*commands: tuple[str, str]) -> list[str]:
    wide = max(len(command) for command, _ in commands)
    return [f"{command:<{wide}}  # {words}" for command, words in commands]


def _readme(view: RunView, notebook: PurePosixPath, stated: Contract, data: list[DataFile]) -> str:
    run = view.run
    first = next((name for name, each in stated.parameters.items() if not each.computed), None)
    example = f" -p {first}=..." if first else ""
    lines = [
        f"# {_slug(run.name)}",
        "",
        f"Packaged by mlops_nb from the run `{run.run_id}` of `{run.notebook or notebook}`.",
        "",
        "## Run it",
        "",
        "```text",
        *_aligned(
            (f"mlops-nb run .{example}", "builds the locked environment with uv where this one differs"),
            ("mlflow run . --env-manager local", "the same, by MLflow, in the environment that is active"),
            (f"papermill {shlex.quote(str(notebook))} out.ipynb", "the notebook alone"),
        ),
        "```",
        "",
        "## Parameters",
        "",
        *([f"    {line}" for line in stated.describe().splitlines()] if stated.parameters else ["None."]),
        "",
        "## Data",
        "",
    ]
    if data:
        lines += ["| file | bytes | digest | in this folder |", "| --- | ---: | --- | --- |"]
        lines += [
            f"| `{each.path}` | {each.size:,} | `{each.digest or '-'}` | {'yes' if each.included else 'no'} |"
            for each in data
        ]
    else:
        lines.append("It reads no files.")
    lines += ["", "## Environment", "", f"`{LOCK_FILE}` has the exact versions; `python_env.yaml` the same for MLflow; "
              f"`{DATA_FILE}` the data above."]  # fmt: skip
    if run.metrics:
        lines += [
            "",
            "## What the run gave",
            "",
            *(f"* {name}: {value:g}" for name, value in sorted(run.metrics.items())),
        ]
    return "\n".join(lines) + "\n"
