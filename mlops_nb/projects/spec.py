"""Projects as MLflow knows them: MLproject files with typed parameters, read and written; none leaves its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.projects.commands import Command, fill, placeholders
from mlops_nb.projects.declarations import Parameter, closest
from mlops_nb.projects.kinds import Kind, kind_of_annotation
from mlops_nb.projects.parameters import Contract, recordable

__all__ = ["EntryPoint", "Environment", "Project", "inside", "read_project", "read_raw", "write_project"]

FILE = "MLproject"
SIZE_LIMIT = 1_000_000
_KINDS = {"string": "str", "uri": "str", "path": "Path"}
_WRITTEN = {"str": "string", "path": "path", "float": "float"}
_CONDA = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?P<sign>[=<>!~]+)?\s*(?P<version>[^\s=]+)?(?:=\S+)?")


@dataclass(frozen=True, slots=True)
class Environment:
    """What a project needs: a version of Python (empty: any), and requirements as pip reads them."""

    python: str = ""
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A command of a project, and the parameters in it."""

    name: str
    command: str
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def contract(self, project: str) -> Contract:
        """Its parameters as a contract, by which values are checked and described."""
        return Contract(f"{project} ({self.name})" if self.name != "main" else project, self.parameters)

    def fill(self, values: Mapping[str, Any], folder: Path) -> Command:
        """The command with values that the contract gave, and defaults for the rest.

        Parameters
        ----------
        values : mapping
            Typed; a path among them is taken from where the user is.
        folder : Path
            The project's; a path among the defaults is taken from there.

        Returns
        -------
        Command
            In which each value is one argument.
        """
        texts = {name: _text(parameter.default, folder) for name, parameter in self.parameters.items()}
        texts |= {name: _text(value, Path.cwd()) for name, value in values.items()}
        return fill(self.command, texts)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that says how it is run."""

    folder: Path
    name: str
    entry_points: dict[str, EntryPoint] = field(default_factory=dict)
    environment: Environment | None = None

    def entry_point(self, name: str = "main") -> EntryPoint:
        """The entry point of this name; a script or notebook of the folder is one too.

        Parameters
        ----------
        name : str
            A name in MLproject, or the path of a ``.py``, ``.sh`` or ``.ipynb`` file in the folder.

        Returns
        -------
        EntryPoint
            With its command.

        Raises
        ------
        NotFound
            If there is none.
        InvalidInput
            If the path leaves the folder.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        starter = {".py": "python", ".sh": "bash", ".ipynb": "mlops-nb run"}.get(Path(name).suffix)
        if starter and inside(self.folder, name).is_file():
            return EntryPoint(name, f"{starter} " + json.dumps(name).replace("{", "{{").replace("}", "}}"))
        have = ", ".join(self.entry_points) or "none"
        raise NotFound(
            f"The project {self.name} has no entry point {name!r}{closest(name, self.entry_points)}.",
            hint=f"It has: {have}.",
        )


def inside(folder: Path, path: str) -> Path:
    """A path that a project names, if it stays in the project's folder, links followed.

    Parameters
    ----------
    folder : Path
        The project's.
    path : str
        As MLproject has it.

    Returns
    -------
    Path
        Absolute; it need not exist.

    Raises
    ------
    InvalidInput
        If it leaves the folder.

    Examples
    --------
    >>> inside(Path("/data/project"), "../secrets")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The project names '../secrets', which is outside its folder /data/project.
    """
    root = folder.resolve()
    try:
        target = (root / path).resolve()
    except (OSError, ValueError, RuntimeError):
        target = None  # a NUL, or links in a circle
    if target is None or not target.is_relative_to(root):
        raise InvalidInput(f"The project names {path!r}, which is outside its folder {folder}.")
    return target


def read_project(folder: str | Path) -> Project:
    """Read a project's folder.

    Parameters
    ----------
    folder : str or Path
        With an ``MLproject`` file; without one, its scripts and notebooks are its entry points.

    Returns
    -------
    Project
        Nothing of it has been run.

    Raises
    ------
    NotFound
        If the folder is not there.
    InvalidInput
        If the file is not valid, names something outside the folder, or needs Docker.

    Examples
    --------
    >>> _ = Path("MLproject").write_text("name: a\\nentry_points: {main: {parameters: {lr: float}, command: 'x {lr}'}}")
    >>> read_project(".").entry_point().parameters["lr"].required
    True
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise NotFound(f"The project {folder} is not a folder.", hint="Give the folder that MLproject is in.")
    if not (root / FILE).exists():
        return Project(root, root.name)
    raw = read_raw(root)
    if "docker_env" in raw:
        raise InvalidInput(
            f"The project {folder} is to be run in Docker, which mlops_nb does not do.",
            hint="Give it a python_env, or run it with: mlflow run",
        )
    points = raw.get("entry_points") or {}
    if not isinstance(points, dict):
        raise InvalidInput(f"{folder}/{FILE} has entry_points that are not a mapping of names.")
    found = {str(name): _entry_point(str(name), point or {}) for name, point in points.items()}
    return Project(root, str(raw.get("name") or root.name), found, _environment(root, raw))


def read_raw(folder: Path) -> dict[str, Any]:
    """What the project's MLproject says, as plain data; empty if there is none."""
    if not (folder / FILE).exists():
        return {}
    return _load(inside(folder, FILE), f"{folder}/{FILE}")


def _load(path: Path, shown: str) -> dict[str, Any]:
    import yaml

    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise InvalidInput(f"{shown} is larger than {SIZE_LIMIT:,} bytes.")
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{shown} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{shown} is not valid YAML: {' '.join(str(error).split())}.") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidInput(f"{shown} is not a mapping.", hint="Write name: ... and entry_points: ...")
    return raw


def _entry_point(name: str, raw: Any) -> EntryPoint:
    if not isinstance(raw, dict):
        raise InvalidInput(f"The entry point {name!r} is not a mapping.", hint="Write command: ... below it.")
    command = raw.get("command") or ""
    if not isinstance(command, str):
        raise InvalidInput(f"The command of the entry point {name!r} is not text.")
    stated = raw.get("parameters") or {}
    if not isinstance(stated, dict):
        raise InvalidInput(f"The parameters of the entry point {name!r} are not a mapping of names.")
    found = {str(key): _parameter(str(key), value) for key, value in stated.items()}
    for used in placeholders(command):
        if used not in found:
            raise InvalidInput(
                f"The command of the entry point {name!r} uses {{{used}}}, which is not among its parameters"
                f"{closest(used, found)}."
            )
    return EntryPoint(name, command, found)


def _parameter(name: str, raw: Any) -> Parameter:
    stated = raw if isinstance(raw, dict) else {"type": raw or "string"}
    kind, choices = _kind(str(stated.get("type", "string")))
    limits = _limits(name, stated, kind.scalar)
    listed = stated.get("choices")
    choices = tuple(listed) if isinstance(listed, list) else choices
    plain = Parameter(name, kind, None, True, choices=choices, help=str(stated.get("help") or ""), **limits)
    if stated.get("default") is None:  # as MLflow has it: a default of null is none
        return plain
    try:
        given = stated["default"]
        default = plain.convert(str(given) if kind.name == "str" and isinstance(given, int | float) else given)
    except ValueError as error:
        raise InvalidInput(f"The default of the parameter {name!r} {error}: {stated['default']!r}.") from None
    return Parameter(name, kind, default, False, choices=choices, help=plain.help, **limits)


def _limits(name: str, stated: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    limits = {key: stated[key] for key in ("minimum", "maximum") if stated.get(key) is not None}
    try:
        if kind.name in ("date", "datetime"):
            limits = {key: kind.convert(limit) for key, limit in limits.items()}
        elif not all(isinstance(limit, int | float) for limit in limits.values()):
            raise ValueError("is not a number")
    except ValueError as error:
        raise InvalidInput(f"A limit of the parameter {name!r} {error}: {limits}.") from None
    return limits | {key: True for key in ("minimum_open", "maximum_open") if stated.get(key) is True}


def _kind(text: str) -> tuple[Kind, tuple[Any, ...]]:
    import ast

    return kind_of_annotation(ast.Constant(value=_KINDS.get(text, text)))


def _environment(root: Path, raw: Mapping[str, Any]) -> Environment | None:
    if raw.get("python_env"):
        return _python_env(root, str(raw["python_env"]))
    if raw.get("conda_env"):
        return _conda_env(root, str(raw["conda_env"]))
    return _python_env(root, "python_env.yaml") if (root / "python_env.yaml").is_file() else None


def _python_env(root: Path, path: str) -> Environment:
    raw = _load(inside(root, path), path)
    found: list[str] = []
    for line in _texts(raw.get("dependencies"), path):
        if match := re.fullmatch(r"(?:-r|--requirement)[\s=]*(?P<file>\S+)", line.strip()):
            listed = inside(root, str(Path(path).parent / match["file"]))
            if not listed.is_file():
                raise InvalidInput(f"{path} names the requirements {match['file']!r}, which are not there.")
            found += _lines(listed.read_text(encoding="utf-8"))
        else:
            found.append(line)
    return Environment(str(raw.get("python") or ""), tuple(found))


def _lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")  # the hashes of a requirement stand on lines of their own
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [" ".join(line.split()) for line in lines if line]


def _conda_env(root: Path, path: str) -> Environment:
    """A conda file as pip's requirements: its packages are taken to have the same names there, as most have."""
    raw = _load(inside(root, path), path)
    python, found = "", []
    for item in raw.get("dependencies") or []:
        if isinstance(item, dict):
            found += _texts(item.get("pip"), path)
            continue
        match = _CONDA.fullmatch(str(item).split("::")[-1].strip())
        if match is None:
            raise InvalidInput(f"{path} has the dependency {item!r}, which cannot be read.")
        name, sign, version = match["name"], match["sign"] or "", match["version"] or ""
        if name == "python":
            python = version
        elif name != "pip":
            found.append(name + (("==" if sign == "=" else sign) + version if version else ""))
    return Environment(python, tuple(found))


def _texts(raw: Any, path: str) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise InvalidInput(f"{path} has dependencies that are not a list of texts.")
    return raw


def _text(value: Any, folder: Path) -> str:
    """A value as a command's argument, which reads it as what it is."""
    if isinstance(value, Path):
        return str(folder / value)
    plain = recordable(value)
    return plain if isinstance(plain, str) else json.dumps(plain) if isinstance(plain, list | dict) else str(plain)


def write_project(project: Project) -> None:
    """Write ``MLproject`` and ``python_env.yaml`` into the project's folder, such that MLflow runs it too.

    Parameters
    ----------
    project : Project
        Types beyond MLflow's, choices and ranges are written as well; MLflow passes over them.

    Examples
    --------
    >>> point = EntryPoint("main", "python a.py {lr}", {"lr": Parameter("lr", Kind("float"), 0.1)})
    >>> write_project(Project(Path("."), "a", {"main": point}, Environment("3.11", ("numpy==2.1",))))
    >>> print(Path("MLproject").read_text())
    name: a
    python_env: python_env.yaml
    entry_points:
      main:
        parameters:
          lr:
            type: float
            default: 0.1
        command: python a.py {lr}
    <BLANKLINE>
    """
    import yaml

    raw: dict[str, Any] = {"name": project.name}
    if project.environment is not None:
        raw["python_env"] = "python_env.yaml"
        listed = list(project.environment.requirements)
        needs = {"python": project.environment.python, "build_dependencies": ["pip"], "dependencies": listed}
        text = yaml.safe_dump(
            {key: value for key, value in needs.items() if value}, sort_keys=False, allow_unicode=True
        )
        (project.folder / "python_env.yaml").write_text(text, encoding="utf-8")
    raw["entry_points"] = {
        point.name: {
            "parameters": {name: _written(parameter) for name, parameter in point.parameters.items()},
            "command": point.command,
        }
        for point in project.entry_points.values()
    }
    text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=1000)
    (project.folder / FILE).write_text(text, encoding="utf-8")


def _written(parameter: Parameter) -> dict[str, Any]:
    kind = str(parameter.type)
    stated: dict[str, Any] = {"type": _WRITTEN.get(kind, "string" if kind == "any" else kind)}
    if not parameter.required and not parameter.computed:
        default = recordable(parameter.default)
        # MLflow puts a default into the command as text, and takes null for "has to be given".
        stated["default"] = default if isinstance(default, bool | int | float | str) else json.dumps(default)
        if default is None:
            stated["default"] = "None"
    for key in ("minimum", "maximum"):
        if getattr(parameter, key) is not None:  # 0 is a bound
            stated[key] = recordable(getattr(parameter, key))
    for key in ("minimum_open", "maximum_open", "help"):
        if getattr(parameter, key):
            stated[key] = getattr(parameter, key)
    if parameter.choices:
        stated["choices"] = recordable(list(parameter.choices))
    return stated
