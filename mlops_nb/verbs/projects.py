"""Verbs of projects: package; and what ``run`` does with a folder or a repository."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidState, PermissionDenied
from mlops_nb.projects.sources import Source, find_source, remember_trust
from mlops_nb.projects.spec import Project, read_project
from mlops_nb.verbs.table import Result

if TYPE_CHECKING:
    from mlops_nb.projects.pipeline import StageResult
    from mlops_nb.projects.sites import Site
    from mlops_nb.projects.stages import Stage


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


def describe_project(folder: str) -> str:
    """The parameters that a project takes, for ``mlops-nb run PROJECT --help``: of its stages, or entry points."""
    from mlops_nb.projects.parameters import contract
    from mlops_nb.projects.plain import read_plain
    from mlops_nb.projects.spec import inside

    project = read_project(folder)
    parts = [
        contract(read_plain(inside(project.folder, stage.notebook)), f"{stage.name} ({stage.notebook})").describe()
        for stage in _stages(project)
    ]
    parts = parts or [
        point.contract(project.name).describe() if point.parameters else f"{project.name} ({name}) takes no parameters."
        for name, point in project.entry_points.items()
    ]
    only = _only_notebook(project)
    parts = parts or ([contract(read_plain(project.folder / only), only).describe()] if only else [])
    return "\n".join(parts) or f"{folder} has no entry points: name a script or notebook in it with --entry-point."


def run_project(asked: argparse.Namespace, values: dict[str, Any]) -> Result:
    """Run a project, a folder or a repository: its pipeline if it has one, else an entry point."""
    from mlops_nb.projects.environments import project_site

    space = workspaces.current()
    source = find_source(asked.target, space, revision=asked.version)
    project = read_project(source.folder)
    _ask_for_trust(source, project, asked)
    notes = _look_at_data(project)
    tags = {"mlops_nb.project": source.address}
    if source.commit:
        tags["mlflow.source.git.commit"] = source.commit
    stages = [] if asked.entry_point else _stages(project)
    with project_site(project, asked.env or "auto", space.root / "environments") as site:
        if stages:
            return _run_pipeline(project, stages, site, asked, values, tags, notes)
        return _run_entry_point(project, site, asked, values, tags, notes)


def _stages(project: Project) -> list[Stage]:
    """The stages of a project, if it is a pipeline: declared, or several notebooks without a word."""
    from mlops_nb.projects.stages import declared_stages, find_notebooks

    declared = declared_stages(project.folder)
    if declared or project.entry_points:
        return declared
    found = find_notebooks(project.folder)
    return found if len(found) > 1 else []


def _run_pipeline(
    project: Project,
    stages: list[Stage],
    site: Site,
    asked: argparse.Namespace,
    values: dict[str, Any],
    tags: dict[str, str],
    notes: list[str],
) -> Result:
    from mlops_nb.projects.pipeline import Asked, Pipeline
    from mlops_nb.projects.progress import ProgressBar

    pipeline = Pipeline(project.folder, project.name, stages, workspaces.current(), site)
    job = Asked(values, asked.experiment, asked.name, asked.kernel, asked.timeout, asked.force, asked.dry_run, tags)
    job.follow = ProgressBar
    job.told = lambda result: _echo("stdout", f"{result.stage.name} runs: {'; '.join(result.reasons)}\n")
    found = pipeline.run(job)
    notes += [each.error for each in found if each.error]
    plain = [_stage_json(each) for each in found]
    data = {
        "project": project.name,
        "run_id": pipeline.run_id,
        "stages": [{**each, "name": each["stage_name"]} for each in plain],
        "links": [list(link) for link in pipeline.links()],
    }
    status = max((each.exit_status for each in found), default=0)
    if status:
        notes.append(f"What is up to date is not repeated; go on with: mlops-nb run {shlex.quote(asked.target)}")
    return Result("pipeline", data, plain, status, "\nmlops-nb: ".join(notes))


def _stage_json(result: StageResult) -> dict[str, Any]:
    """A stage in ``run PROJECT --json``: its last run as ``runs --json`` has it, and what became of it now."""
    run = dict(result.record.run) if result.record is not None else {"run_id": None, "status": None}
    return {
        **run,
        "stage": result.stage.life,
        "stage_name": result.stage.name,
        "notebook": run.get("notebook") or result.stage.notebook,
        "executed": result.state in ("ran", "failed"),
        "state": result.state,
        "reasons": result.reasons,
        "reads": list(result.stage.reads),
        "writes": list(result.stage.writes),
        "seconds": round(result.seconds, 3),
    }


def _run_entry_point(
    project: Project,
    site: Site,
    asked: argparse.Namespace,
    values: dict[str, Any],
    tags: dict[str, str],
    notes: list[str],
) -> Result:
    from mlops_nb.projects.events import NotebookFailed
    from mlops_nb.projects.launch import CommandFailed, Launch, launch
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.tracking.shapes import run_json

    space, status = workspaces.current(), 0
    name = asked.entry_point or _only_notebook(project) or "main"
    job = Launch(name, values, asked.experiment, asked.name, asked.output, asked.kernel, asked.timeout, tags)
    job.listener, job.echo = ProgressBar(project.name), _echo
    try:
        run = launch(project, site, job, space)
    except (NotebookFailed, CommandFailed) as failed:
        if failed.run_id is None:
            raise
        run, status = space.store.get_run(failed.run_id), failed.exit_status
        notes.append(str(failed))
    runs = [run, *nested(run)]
    return Result("runs", runs, [run_json(each) for each in runs], status, "\nmlops-nb: ".join(notes))


def _only_notebook(project: Project) -> str:
    """The one notebook of a folder that says nothing else; empty if there is none, or several."""
    found = [path.name for path in project.folder.glob("*.ipynb")] if not project.entry_points else []
    return found[0] if len(found) == 1 else ""


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
    """To stderr, since a terminal's stdout is for the verb's result; a notebook shows only real errors in red."""
    in_notebook = hasattr(sys.stderr, "pub_thread")  # ipykernel's streams are the only ones that publish
    place = sys.stdout if in_notebook and stream == "stdout" else sys.stderr
    place.write(text)
    place.flush()


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
