"""The environment of a project: this one where it has all that is asked for, else one that uv builds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlops_nb.capture.lock import parse_lock
from mlops_nb.capture.packages import installed
from mlops_nb.errors import InvalidInput, InvalidState, MlopsError
from mlops_nb.projects.sites import Site, build_environment, find_uv, kernel_of, python_of, run_uv
from mlops_nb.projects.spec import Environment, Project, inside

__all__ = ["LOCK_FILE", "project_site", "why_not_here"]

LOCK_FILE = "requirements.lock"
CHOICES = ("auto", "current", "locked")


@contextlib.contextmanager
def project_site(project: Project, env: str, folder: Path) -> Iterator[Site]:
    """The environment to run a project in.

    Parameters
    ----------
    project : Project
        With a ``requirements.lock`` or a ``python_env.yaml``, or without any.
    env : str
        ``current``: this one, whatever the project asks for; ``locked``: one that is built by uv from what the project
        states; ``auto``: this one if it has just that, else a built one.
    folder : Path
        Where built environments are kept.

    Yields
    ------
    Site

    Raises
    ------
    InvalidInput
        If there is no such choice.
    InvalidState
        If one is to be built and the project does not say what it needs.
    MlopsError
        If uv cannot build it, with uv's own words.

    Examples
    --------
    >>> with project_site(Project(Path("."), "a"), "auto", Path("environments")) as site: site.name
    'current'
    """
    if env not in CHOICES:
        raise InvalidInput(f"There is no environment {env!r}.", hint="Use --env current or --env locked.")
    lock, needs = _stated(project)
    if env == "locked" and not lock and needs is None:
        raise InvalidState(
            f"The project {project.name} does not say what it needs.",
            hint=f"Give it a {LOCK_FILE}, or use --env current.",
        )
    if env == "current" or not (env == "locked" or why_not_here(lock, needs)):
        yield Site("current", None, {}, {name: each.version for name, each in installed().items()})
        return
    root = _build(lock, needs, folder)
    python = python_of(root)
    with kernel_of(root) as variables:
        packages = parse_lock(lock).packages
        if not packages:
            libraries = [str(path) for path in root.glob("lib/python*/site-packages")] or [
                str(root / "Lib/site-packages")
            ]
            packages = {name: each.version for name, each in installed(libraries).items()}
        variables = {**variables, "VIRTUAL_ENV": str(root)}
        yield Site("locked", "mlops-nb-locked", variables, packages, str(python.parent))


def _stated(project: Project) -> tuple[str, Environment | None]:
    """The text of the project's lock, and what its MLproject asks for."""
    path = inside(project.folder, LOCK_FILE)
    if not path.is_file():
        return "", project.environment
    try:
        return path.read_text(encoding="utf-8"), project.environment
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from error


def why_not_here(lock: str, needs: Environment | None) -> list[str]:
    """What is not here as a project asks for it: a sentence each; empty if it can run in this environment.

    Parameters
    ----------
    lock : str
        The text of its lock; empty if it has none.
    needs : Environment or None
        What its MLproject asks for.

    Returns
    -------
    list of str

    Examples
    --------
    >>> why_not_here("# python: 2.7.18\\n", None)[0].startswith("Python is")
    True
    >>> why_not_here("no-such-package==1.0\\n", None)
    ['no-such-package is 1.0 in the lock, and not installed here.']
    """
    here = {name: each.version for name, each in installed().items()}
    if lock:
        parsed = parse_lock(lock)
        reasons = _python_differs(parsed.python)
        for name, version in parsed.packages.items():
            if name not in parsed.local and here.get(name) != version:
                reasons.append(f"{name} is {version} in the lock, and {here.get(name) or 'not installed'} here.")
        return reasons
    if needs is None:
        return []
    reasons = _python_differs(needs.python)
    return reasons + [f"{text} is not met here." for text in needs.requirements if not _is_met(text, here)]


def _python_differs(wanted: str) -> list[str]:
    version = platform.python_version()
    same = not wanted or wanted.split(".")[:2] == version.split(".")[: len(wanted.split(".")[:2])]
    return [] if same else [f"Python is {version} here, and {wanted} is asked for."]


def _is_met(text: str, here: dict[str, str]) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        wanted = Requirement(text.split(" --hash")[0])
    except InvalidRequirement:
        return False
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    version = here.get(canonicalize_name(wanted.name))
    return version is not None and not wanted.url and wanted.specifier.contains(version, prereleases=True)


def _build(lock: str, needs: Environment | None, folder: Path) -> Path:
    if lock:
        return build_environment(lock, folder)
    assert needs is not None  # `project_site` has refused a project without either
    _check(needs.requirements)
    content = json.dumps([needs.python, needs.requirements])
    root = folder / hashlib.sha256(content.encode()).hexdigest()[:16]
    if (root / "complete").exists():
        return root
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    uv = find_uv()
    try:
        run_uv([uv, "venv", "--quiet", "--python", needs.python or "3", str(root)])
    except MlopsError:
        if needs.python.count(".") < 2:
            raise
        # Another patch release of the same Python is here, and uv would have to fetch the exact one.
        run_uv([uv, "venv", "--quiet", "--python", needs.python.rpartition(".")[0], str(root)])
    requirements = folder / f"{root.name}.txt"
    requirements.write_text("\n".join([*needs.requirements, "ipykernel"]) + "\n", encoding="utf-8")
    run_uv([uv, "pip", "install", "--quiet", "--python", str(python_of(root)), "-r", str(requirements)])
    (root / "complete").write_text("", encoding="ascii")
    return root


def _check(requirements: tuple[str, ...]) -> None:
    """Refuse lines that are options, by which a project would choose where its packages come from."""
    for line in requirements:
        if line.startswith("-") or "\n" in line:
            raise InvalidInput(
                f"The project's requirements have the option {line!r}.",
                hint="Take it out.",
            )
