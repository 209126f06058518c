"""Verbs of projects: package; and what ``run`` does with a folder or a repository."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidState, PermissionDenied
from mlops_nb.projects.sources import Source, find_source, remember_trust
from mlops_nb.projects.spec import Project, read_project
from mlops_nb.tracking.shapes import run_json
from mlops_nb.verbs.table import Result


def add_package(parser: argparse.ArgumentParser) -> None:
    """Options of ``package``."""
    parser.add_argument("run", metavar="RUN", help="a run's id, a unique prefix of it, or its name")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--with-data", action="store_true", help="put the files in that the run read")
    parser.add_argument("--no-hashes", action="store_true", help="do not ask the index for the hashes of the lock")


def do_package(asked: argparse.Namespace) -> Result:
    """Write a run as a project that runs elsewhere."""
    from mlops_nb.projects.packaging import package_run

    done = package_run(asked.run, asked.output, with_data=asked.with_data, hashes=not asked.no_hashes)
    plain = {
        "folder": str(done.folder),
        "notebook": done.notebook,
        "files": list(done.files),
        "notes": list(done.notes),
    }
    words = f"{asked.output}: {', '.join(done.files)}\nRun it with: mlops-nb run {asked.output}"
    return Result("text", words, plain, note="\nmlops-nb: ".join(done.notes))


def run_project(asked: argparse.Namespace, values: dict[str, Any]) -> Result:
    """Run a project: a folder or a repository."""
    from mlops_nb.projects.environments import project_site
    from mlops_nb.projects.events import NotebookFailed
    from mlops_nb.projects.launch import CommandFailed, Launch, launch
    from mlops_nb.projects.progress import ProgressBar

    space = workspaces.current()
    source = find_source(asked.target, space, revision=asked.version)
    project = read_project(source.folder)
    _ask_for_trust(source, project, asked)
    notes = _look_at_data(project)
    job = Launch(
        asked.entry_point or "main", values, asked.experiment, asked.name, asked.output, asked.kernel, asked.timeout
    )
    job.tags = {"mlops_nb.project": source.address}
    if source.commit:
        job.tags["mlflow.source.git.commit"] = source.commit
    job.listener, job.echo = ProgressBar(project.name), _echo
    status = 0
    try:
        with project_site(project, asked.env or "auto", space.root / "environments") as site:
            run = launch(project, site, job, space)
    except (NotebookFailed, CommandFailed) as failed:
        if failed.run_id is None:
            raise
        run, status = space.store.get_run(failed.run_id), 1
        notes.append(str(failed))
    runs = [run, *nested(run)]
    return Result("runs", runs, [run_json(each) for each in runs], status, "\nmlops-nb: ".join(notes))


def nested(run: Run) -> list[Run]:
    """The runs nested in a run, oldest first."""
    found: list[Run] = workspaces.current().store.search_runs(None, f"parent_run_id = '{run.run_id}'", limit=1000).items
    return sorted(found, key=lambda each: each.run_id)


def _look_at_data(project: Project) -> list[str]:
    from mlops_nb.projects.manifest import missing_or_changed

    missing, changed = missing_or_changed(project.folder)
    if missing:
        raise InvalidState(f"The project {project.name} cannot run: {' '.join(missing)}", hint="Put it there first.")
    return changed


def _echo(stream: str, text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _ask_for_trust(source: Source, project: Project, asked: argparse.Namespace) -> None:
    """What comes from outside says what it would run, and runs nothing before the user has said yes."""
    if not source.commit:
        return  # a folder that the user has named
    lines = [f"{source.address} at {source.commit[:12]} has these entry points:"]
    for point in project.entry_points.values():
        lines.append(f"  {point.name}: {_one_line(point.command)}")
    if not project.entry_points:
        lines += [
            f"  {path.name}" for path in sorted(project.folder.iterdir()) if path.suffix in (".py", ".sh", ".ipynb")
        ]
    sys.stderr.write("\n".join(lines) + "\n")
    if source.trusted:
        return
    yes = asked.trust
    if not yes and sys.stdin.isatty():
        yes = input("Run it? It may do whatever you may do. [y/N] ").strip().lower() in ("y", "yes")
    if not yes:
        raise PermissionDenied(
            f"{source.address} comes from outside, and nobody has said that it may run here.",
            hint="Look at what it runs, then add: --trust",
        )
    remember_trust(source, workspaces.current())


def _one_line(text: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= 200 else line[:199] + "…"
