"""An entry point of a project as a run: a notebook is executed here, any other command in a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.capture.secrets import redact
from mlops_nb.entities import Run, Status
from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.projects.commands import Command
from mlops_nb.projects.events import Interruption, Listener, on_signals
from mlops_nb.projects.parameters import parse_assignment, recordable
from mlops_nb.projects.rerun import run_notebook
from mlops_nb.projects.sites import Site
from mlops_nb.projects.spec import EntryPoint, Project, inside
from mlops_nb.stopping import INTERRUPTED_STATUS
from mlops_nb.tracking import active_run
from mlops_nb.tracking.fluent import begin, current_experiment
from mlops_nb.tracking.starts import new_start

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

__all__ = ["CommandFailed", "Launch", "launch", "notebook_command"]

LOG_LIMIT = 2_000_000
GRACE_SECONDS = 10


class CommandFailed(MlopsError):
    """A project's command ended with another status than 0; `run_id` names the run that keeps its output."""

    def __init__(self, message: str, run_id: str, *, hint: str = "", exit_status: int = 1) -> None:
        self.run_id, self.exit_status = run_id, exit_status
        super().__init__(message, hint=hint)


@dataclass(slots=True)
class Launch:
    """How a project is to be run: the entry point, values for its parameters, and what the run is called."""

    entry_point: str = "main"
    params: Mapping[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    name: str | None = None
    output: str | None = None
    kernel: str | None = None
    timeout: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    listener: Listener | None = None
    interruption: Interruption | None = None
    echo: Callable[[str, str], None] | None = None
    """Gets each piece of the output of a command, with its stream's name."""


def launch(project: Project, site: Site, asked: Launch, space: Workspace) -> Run:
    """Run an entry point of a project.

    Parameters
    ----------
    project : Project
        As `mlops_nb.projects.spec.read_project` gives it.
    site : Site
        The environment to run in.
    asked : Launch
        What to run.
    space : Workspace
        Where the run is kept.

    Returns
    -------
    Run
        As it is in the store when all is over.

    Raises
    ------
    NotFound, InvalidInput
        If there is no such entry point, or a parameter does not fit; nothing has run then.
    NotebookFailed, CommandFailed
        If it failed; `run_id` names the run.

    Examples
    --------
    >>> from mlops_nb.projects.spec import read_project
    >>> _ = Path("hello.py").write_text("print('hello')")
    >>> launch(read_project("."), Site("current", None), Launch("hello.py"), workspaces.current()).status
    <Status.FINISHED: 'FINISHED'>
    """
    point = project.entry_point(asked.entry_point)
    typed, extra = _checked(project, point, asked.params)
    command = point.fill(typed, project.folder)
    command.words.extend(extra)
    notebook = notebook_command(command)
    if notebook is not None:
        return _launch_notebook(project, site, asked, space, notebook)
    recorded = {name: recordable(each.default) for name, each in point.parameters.items() if not each.required}
    recorded |= {name: recordable(value) for name, value in (typed or asked.params).items()}
    return _launch_command(project, point, site, asked, space, command, recorded)


def _checked(project: Project, point: EntryPoint, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Typed values; a script that MLproject does not describe gets them as options, as MLflow hands them over."""
    if point.name in project.entry_points:
        return point.contract(project.name).check(given), []
    if point.command.startswith("mlops-nb run "):
        return {}, [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    for name, value in given.items():
        if not name.replace("-", "_").isidentifier() or "\0" in str(value):
            raise InvalidInput(f"{name!r} cannot be an option of a script.", hint="Use letters, digits and - or _.")
    return {}, [word for name, value in given.items() for word in (f"--{name}", str(value))]


def notebook_command(command: Command) -> tuple[str, dict[str, Any]] | None:
    """The notebook and the values of a command ``mlops-nb run NOTEBOOK -p ...``; None if it is another one.

    Parameters
    ----------
    command : Command
        Filled.

    Returns
    -------
    (str, dict) or None

    Examples
    --------
    >>> notebook_command(Command(["mlops-nb", "run", "train.ipynb", "-p", "lr=0.1"]))
    ('train.ipynb', {'lr': '0.1'})
    >>> notebook_command(Command(["python", "train.py"])) is None
    True
    """
    words = command.words
    if words[:2] != ["mlops-nb", "run"] or len(words) < 3 or not words[2].endswith(".ipynb") or command.environment:
        return None
    rest = words[3:]
    if len(rest) % 2 or any(option not in ("-p", "--param") for option in rest[::2]):
        return None
    return words[2], dict(parse_assignment(word) for word in rest[1::2])


def _launch_notebook(
    project: Project, site: Site, asked: Launch, space: Workspace, notebook: tuple[str, dict[str, Any]]
) -> Run:
    path, values = notebook
    return run_notebook(
        inside(project.folder, path),
        params=values,
        experiment=asked.experiment,
        name=asked.name,
        tags=asked.tags,
        output=asked.output,
        kernel=asked.kernel or site.kernel,
        timeout=asked.timeout,
        environment=site.environment,
        workspace=space,
        listener=asked.listener,
        interruption=asked.interruption,
    )


def _launch_command(
    project: Project,
    point: EntryPoint,
    site: Site,
    asked: Launch,
    space: Workspace,
    command: Command,
    params: Mapping[str, Any],
) -> Run:
    outer = active_run()
    start = new_start(
        asked.name or (project.name if point.name == "main" else f"{project.name}-{point.name}"),
        asked.experiment or (outer.experiment if outer is not None else current_experiment()),
        workspaces.user_name(),
        parent_run_id=outer.run_id if outer is not None else workspaces.parent_run(),
        source_type="PROJECT",
    )
    tags = {"mlflow.project.entryPoint": point.name, **asked.tags}
    with begin(space, start, outer=outer, tags=tags) as run:
        run.log_params(params)
        run.fact("code", point.command)
        _describe(run, project.folder)
        status = _execute(command, project.folder, site, asked, run)
        run.finish(Status.FINISHED if status == 0 else Status.KILLED if status < 0 else Status.FAILED)
    space.flush()
    space.recover()
    if status != 0:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        shown = shlex.join(command.words)
        raise CommandFailed(
            f"{shown if len(shown) < 100 else shown[:99] + '…'} {how}.",
            run.run_id,
            hint=f"See what it wrote with: mlops-nb log {run.run_id}",
            exit_status=INTERRUPTED_STATUS if status == -signal.SIGINT else 1,
        )
    return space.store.get_run(run.run_id)


def _describe(run: Any, folder: Path) -> None:
    from mlops_nb.capture.environment import environment
    from mlops_nb.capture.git import git_state

    run.fact("environment", environment())
    state = git_state(folder)
    if state is not None:
        run.fact("git", state)


def _execute(command: Command, folder: Path, site: Site, asked: Launch, run: Any) -> int:
    """Run the command to its end, its output going into the run as it comes; nothing of it is left behind."""
    paths = [site.bin or str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    environment = os.environ | {"PATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    environment |= site.environment | command.environment
    if not site.bin and "MLFLOW_TRACKING_URI" not in environment and importlib.util.find_spec("mlflow") is not None:
        # What the command logs with MLflow lands in this store, nested in its run; see `server.bridge`.
        within = json.dumps({"mlflow.parentRunId": run.run_id})
        environment |= {"MLFLOW_TRACKING_URI": "mlops-nb:", "MLFLOW_RUN_CONTEXT": within}
    stop = asked.interruption or Interruption()
    try:
        process = subprocess.Popen(
            command.words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise InvalidInput(
            f"The command {command.words[0]!r} cannot be started: {error.strerror}.",
            hint="Install it, or correct MLproject.",
        ) from error
    readers = [
        threading.Thread(target=_read, args=(stream, name, asked, run), daemon=True)
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        with on_signals(stop), stop.handled_by(lambda count: _signal(process, count)):
            _await(process)
    finally:
        _signal(process, 2)  # children that it left behind; it is not reaped yet, so that its id is still its own
        status = process.wait()
    for reader in readers:
        reader.join(GRACE_SECONDS)
    return -signal.SIGINT if stop.requested and status > 0 else status


def _await(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a process, and leave it to be reaped."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _signal(process: subprocess.Popen[str], requests: int) -> None:
    if process.returncode is not None:
        return  # reaped: the id may be another's
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGINT if requests == 1 else signal.SIGKILL)
    if requests == 1:
        late = threading.Timer(GRACE_SECONDS, _signal, (process, 2))
        late.daemon = True
        late.start()


def _read(stream: IO[str] | None, name: str, asked: Launch, run: Any) -> None:
    left = LOG_LIMIT
    for line in stream or ():
        if asked.echo is not None:
            asked.echo(name, line)
        if left > 0:
            run.log_line(name, redact(line[:left])[0])
            left -= len(line)
