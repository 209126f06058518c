"""The verb ``lab``: JupyterLab with everything on, in the project's store."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidState
from mlops_nb.verbs.table import Result

DEST = "labextensions/mlops-nb"
SWITCH = "jupyter_server_config.d/mlops_nb.json"
REINSTALL = "pip install --force-reinstall --no-deps mlops_nb"


def add_lab(parser: argparse.ArgumentParser) -> None:
    """Options of ``lab``; all other words are JupyterLab's."""
    parser.add_argument("--check", action="store_true", help="start nothing; tell whether all parts are installed")
    parser.usage = "%(prog)s [--store WHERE] [--check] [what `jupyter lab` takes, such as --port 8890 or a notebook]"
    parser.set_defaults(rest=())


def do_lab(asked: argparse.Namespace) -> Result:
    """Start JupyterLab, or check that its parts are there."""
    facts = check_parts()
    problems = find_problems(facts)
    if asked.check:
        note = " ".join(problems)
        return Result("facts", facts, {**facts, "problems": problems}, status=1 if problems else 0, note=note)
    if threading.current_thread() is not threading.main_thread() or asyncio._get_running_loop() is not None:
        raise InvalidState("JupyterLab would block this notebook.", hint="Start it in a terminal: mlops-nb lab")
    if facts["jupyterlab"] is None:
        raise InvalidState("JupyterLab is not installed.", hint="Type: pip install jupyterlab")
    for problem in problems:
        sys.stderr.write(f"mlops-nb: {problem}\n")
    space = workspaces.current()
    sys.stderr.write(f"mlops-nb: runs are kept in {space.root if space.is_embedded else space.store_url}\n")
    sys.stderr.flush()
    command = [sys.executable, "-m", "jupyterlab", *asked.rest]
    environment = _environment(space)
    if os.name == "posix":
        os.execve(command[0], command, environment)  # Ctrl-C and signals are JupyterLab's own
    return Result("text", "", {}, status=subprocess.call(command, env=environment))


def _environment(space: workspaces.Workspace) -> dict[str, str]:
    """That of this process, with the store for the server and every kernel, and settings of JupyterLab's: no pop-up."""
    store = str(space.root) if space.is_embedded else space.store_url
    settings = str(files("mlops_nb") / "lab" / "settings")
    paths = [settings, *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    found = {**os.environ, workspaces.ENV_STORE: store, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    if space.artifacts_url not in (store, str(space.root / "artifacts")):
        found[workspaces.ENV_ARTIFACTS] = space.artifacts_url
    return found


def check_parts() -> dict[str, Any]:
    """Which parts of JupyterLab's side are installed.

    Examples
    --------
    >>> sorted(check_parts())
    ['front_end', 'jupyterlab', 'mlops_nb', 'server_extension']
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        lab: str | None = version("jupyterlab")
    except PackageNotFoundError:
        lab = None
    return {
        "mlops_nb": str(sys.modules["mlops_nb"].__version__),  # it is above us on the road, and loaded
        "jupyterlab": lab,
        "server_extension": "enabled" if _is_enabled() else None,
        "front_end": front_end(),
    }


def find_problems(facts: dict[str, Any]) -> list[str]:
    """What is missing, a sentence each, with what to do.

    Examples
    --------
    >>> find_problems({"mlops_nb": "1", "jupyterlab": "4.6", "server_extension": "enabled", "front_end": "1"})
    []
    """
    found = []
    if facts["jupyterlab"] is None:
        found.append("JupyterLab is not installed. Type: pip install jupyterlab")
    if facts["server_extension"] is None:
        found.append("The Jupyter server extension is not enabled. Type: jupyter server extension enable mlops_nb")
    if facts["front_end"] is None:
        found.append(f"The panels of JupyterLab are not installed. Type: {REINSTALL}")
    elif facts["front_end"] != facts["mlops_nb"]:
        found.append(
            f"The panels of JupyterLab are of mlops_nb {facts['front_end']}, the package is {facts['mlops_nb']}. "
            f"Type: {REINSTALL}"
        )
    return found


def front_end() -> str | None:
    """The version of the front end that JupyterLab finds; None if it finds none."""
    from jupyter_core.paths import jupyter_path

    for place in (Path(each) / DEST for each in jupyter_path()):
        try:
            package = json.loads((place / "package.json").read_text(encoding="utf-8"))
            return str(package["version"])
        except (OSError, ValueError, KeyError):
            continue
    return None


def _is_enabled() -> bool:
    from jupyter_core.paths import jupyter_config_path

    for place in map(Path, jupyter_config_path()):
        try:
            switches = json.loads((place / SWITCH).read_text(encoding="utf-8"))
            return bool(switches["ServerApp"]["jpserver_extensions"]["mlops_nb"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False
