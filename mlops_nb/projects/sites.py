"""Where a rerun executes: this environment, or one that is rebuilt from the run's lock with uv."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.capture.lock import lock, parse_lock
from mlops_nb.errors import InvalidInput, InvalidState, MissingDependency, MlopsError

if TYPE_CHECKING:
    from mlops_nb.comparison import RunView

__all__ = ["Site", "build_environment", "find_uv", "kernel_of", "python_of", "run_uv", "site_for"]

INSTALL_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Site:
    """An environment to execute in: a kernel's name, variables for its process, and its packages."""

    name: str
    kernel: str | None
    environment: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    bin: str = ""
    """The folder of its programs; empty for that of this interpreter."""


@contextlib.contextmanager
def site_for(view: RunView, env: str) -> Iterator[Site]:
    """The environment to execute a run's slice in.

    Parameters
    ----------
    view : RunView
        The run; hash seed and thread counts are pinned as it had them.
    env : str
        ``current`` or ``locked``.
    """
    from mlops_nb.capture.environment import environment as current_environment
    from mlops_nb.capture.randomness import thread_environment

    pinned = thread_environment((view.facts.get("randomness") or {}).get("process") or {})
    if env == "current":
        yield Site("current", None, pinned, dict(current_environment()["packages"]))
        return
    environment = view.facts.get("environment")
    if not environment:
        raise InvalidState(f"The run {view.run.name!r} has no recorded environment.", hint="Use --env current.")
    text = lock(environment)
    root = build_environment(text, workspaces.current().root / "environments")
    with kernel_of(root) as variables:
        yield Site("locked", "mlops-nb-locked", {**pinned, **variables}, parse_lock(text).packages)


def find_uv() -> str:
    """The uv executable, or one sentence how to get it."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        from uv import find_uv_bin

        return str(find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise MissingDependency("uv is needed to rebuild an environment and is not installed.", hint="pip install uv")
    return found


def build_environment(text: str, folder: Path) -> Path:
    """A virtual environment with exactly the packages of a lock; made once for each different lock.

    Parameters
    ----------
    text : str
        The lock.
    folder : Path
        Where environments are kept.

    Returns
    -------
    Path
        The environment's root.

    Raises
    ------
    MlopsError
        If uv cannot build it, with uv's own last line.
    """
    root = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
    if (root / "complete").exists():
        return root
    uv, parsed = find_uv(), parse_lock(text)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    requirements = folder / f"{root.name}.txt"
    # mlops_nb itself comes from here: it is the one that executes, not a part of what is executed.
    ours = ("mlops-nb==", "mlops_nb==", "mlops-nb @", "mlops_nb @")
    kept = [line for line in text.splitlines() if not line.lower().startswith(ours)]
    requirements.write_text("\n".join(kept) + "\n", encoding="utf-8")
    _check_lock(text)
    run_uv([uv, "venv", "--quiet", "--python", parsed.python or "3", str(root)])
    python = python_of(root)
    run_uv([uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", str(requirements)])
    (root / "complete").write_text("", encoding="ascii")
    return root


def _check_lock(text: str) -> None:
    """Refuse options: a lock from outside must not choose where its packages come from."""
    for line in text.splitlines():
        if line.startswith("-"):
            raise InvalidInput(f"The lock has the option {line[:60]!r}.", hint="Take it out.")


def run_uv(command: list[str]) -> None:
    """Let uv do something, or say in one sentence what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise MlopsError(
            f"uv could not rebuild the environment: {' '.join(lines[-3:]) or 'no message'}.",
            hint="Use --env current, or make the missing packages reachable.",
        )


def python_of(root: Path) -> Path:
    """The interpreter of a virtual environment."""
    return root / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextlib.contextmanager
def kernel_of(root: Path) -> Iterator[dict[str, str]]:
    """Make the environment's Python a kernel that Jupyter finds, with this mlops_nb on its path, nothing else."""
    own = root / "mlops_nb-link"
    own.mkdir(exist_ok=True)
    link = own / "mlops_nb"
    if not link.exists():
        link.symlink_to(Path(__file__).resolve().parents[1], target_is_directory=True)
    spec = root / "share" / "jupyter" / "kernels" / "mlops-nb-locked"
    spec.mkdir(parents=True, exist_ok=True)
    content: Mapping[str, Any] = {
        "argv": [str(python_of(root)), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Locked",
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(root / "share" / "jupyter"), before]))
    try:
        yield {"PYTHONPATH": str(own)}
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before
