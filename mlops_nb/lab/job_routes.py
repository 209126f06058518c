"""Routes of jobs, of the forms that start them, and of what is served."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput, MlopsError, NotFound
from mlops_nb.lab import work_shapes
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.jobs import FOLDER
from mlops_nb.lab.worker import LOG
from mlops_nb.monitoring.report import NO_DRIFT
from mlops_nb.panels.format import plain_json
from mlops_nb.registry import resolve
from mlops_nb.registry.history import MONITORS
from mlops_nb.server.routing import Request, Text
from mlops_nb.verbs import load_verb
from mlops_nb.workspace import Workspace

VERBS = ("run", "reproduce", "sweep", "serve", "monitor", "retrain", "package")
"""Verbs that are jobs."""

PATHS = ("target", "notebook", "output", "params_file")
"""Arguments of verbs that are, or may be, paths."""

REFUSED = ("--store", "--artifacts", "--debug", "--json")


def start_job(context: Context, request: Request) -> work_shapes.Job:
    """Start a verb."""
    verb, words = request.fields["verb"], request.fields.get("words", [])
    if verb not in VERBS:
        raise InvalidInput(f"The verb {verb[:40]!a} is not a job.", hint=f"Jobs are: {', '.join(VERBS)}.")
    check_words(words)
    asked = read_words(verb, words)
    words = place_words(context, words, asked)
    output = getattr(asked, "output", None)
    user = request.caller.name
    return context.jobs.start(
        request.space, verb, words, folder=_folder(context, request.space), user=user,
        title=request.fields.get("title", ""), output=output if output and output.endswith(".ipynb") else None,
    )  # fmt: skip


def check_words(words: list[str]) -> None:
    """Refuse options that are not for this door: another store, other output.

    Examples
    --------
    >>> check_words(["a.ipynb", "-p", "x=1"])
    """
    for word in words:
        if word.split("=")[0] in REFUSED:
            raise InvalidInput(f"The option {word[:40]!a} cannot be given here.", hint="Leave it out.")
        if "\0" in word:
            raise InvalidInput("A word holds a NUL character.", hint="Take it out.")


def read_words(verb: str, words: list[str]) -> argparse.Namespace:
    """The words as the verb reads them; what it would refuse is refused now."""
    try:
        found: argparse.Namespace = load_verb(verb).parser.parse(words)  # type: ignore[attr-defined]
    except SystemExit:  # -h
        raise InvalidInput("A job has no help.", hint=f"Type: mlops-nb {verb} --help") from None
    return found


def place_words(context: Context, words: list[str], asked: argparse.Namespace) -> list[str]:
    """The words with Jupyter's paths as files'; paths out of the root are refused."""
    found = list(words)
    for name in PATHS:
        value = getattr(asked, name, None)
        if not isinstance(value, str) or not (name in ("output", "params_file") or _is_path(value)):
            continue
        file = str(context.places.file(value))
        if name == "output":
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        found = [file if word == value else word for word in found]
        joined = f"--{name.replace('_', '-')}={value}"
        found = [joined.removesuffix(value) + file if word == joined else word for word in found]
    return found


def _is_path(word: str) -> bool:
    return word.endswith(".ipynb") or ("/" in word and ":" not in word)


def _folder(context: Context, space: Workspace) -> Path:
    return space.project if space.project.is_dir() else context.places.root


def list_jobs(context: Context, request: Request) -> work_shapes.Jobs:
    """All jobs of the store."""
    return {"jobs": context.jobs.all(request.space)}


def show_job(context: Context, request: Request) -> work_shapes.JobPage:
    """A job, and its log from a byte on."""
    job_id = request.path["job"]
    job = context.jobs.get(request.space, job_id)
    text, offset = context.jobs.log(request.space, job_id, request.fields.get("offset", 0))
    return {**job, "log": text, "offset": offset}


def fetch_log(context: Context, request: Request) -> Text:
    """A job's whole log."""
    job = context.jobs.get(request.space, request.path["job"])
    path = request.space.root / FOLDER / job["job_id"] / LOG
    return Text(path.read_text(encoding="utf-8", errors="replace"), "text/plain; charset=utf-8", f"{job['verb']}.log")


def cancel_job(context: Context, request: Request) -> work_shapes.Job:
    """Stop a job; forget one that is over."""
    return context.jobs.cancel(request.space, request.path["job"])


def show_form(context: Context, request: Request) -> work_shapes.Form:
    """What a notebook takes, or what may be changed of a run."""
    if request.fields.get("notebook"):
        return notebook_form(context.places.file(request.fields["notebook"]), request.fields["notebook"])
    if not request.fields.get("run"):
        raise InvalidInput("A form is of a notebook or of a run.", hint="Send 'notebook' or 'run'.")
    return run_form(context, request.space, request.fields["run"])


def notebook_form(file: Path, target: str) -> work_shapes.Form:
    """The parameters that a notebook states."""
    from mlops_nb.projects.execution import load_notebook
    from mlops_nb.projects.parameters import contract

    if not file.is_file():
        raise NotFound(f"There is no notebook {target[:200]!r}.", hint="Save it first.")
    stated = contract(load_notebook(str(file)), target)
    fields = [_field(each) for each in stated.parameters.values()]
    return {
        "title": file.stem, "target": target, "kind": "notebook", "stated": stated.stated, "parameters": fields,
        "experiment": None,
    }  # fmt: skip


def _field(parameter: Any) -> work_shapes.FormField:
    found: work_shapes.FormField = {
        "name": parameter.name,
        "kind": "choice" if parameter.choices else parameter.type.name,
        "type": str(parameter.type),
        "default": plain_json(_listed(parameter.default)),
        "required": parameter.required,
        "nullable": parameter.nullable,
        "help": parameter.help,
        "choices": [plain_json(each) for each in parameter.choices] or None,
        "minimum": plain_json(parameter.minimum),
        "maximum": plain_json(parameter.maximum),
        "minimum_open": parameter.minimum_open,
        "maximum_open": parameter.maximum_open,
        "computed": parameter.computed,
    }
    return found


def _listed(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value


def run_form(context: Context, space: Workspace, reference: str) -> work_shapes.Form:
    """The params of a run, as what they were; a job's run has the form of its notebook, filled with its values."""
    from mlops_nb.tracking.reading import find_run

    run = find_run(reference, space)
    contents = context.places.openable(space, run.notebook)
    if run.source_type == "PROJECT" and contents and context.places.file(contents).is_file():
        form = notebook_form(context.places.file(contents), contents)
        for each in form["parameters"]:
            if each["name"] in run.params:
                each["default"], each["required"] = plain_json(run.params[each["name"]]), False
        return {**form, "experiment": run.experiment, "title": run.name}
    fields: list[work_shapes.FormField] = [
        {
            "name": name, "kind": _kind(value), "type": _kind(value), "default": plain_json(value), "required": False,
            "nullable": value is None, "help": "", "choices": None, "minimum": None, "maximum": None,
            "minimum_open": False, "maximum_open": False, "computed": "",
        }
        for name, value in run.params.items()
    ]  # fmt: skip
    return {
        "title": run.name, "target": run.run_id, "kind": "run", "stated": True, "parameters": fields,
        "experiment": run.experiment,
    }  # fmt: skip


def _kind(value: Any) -> str:
    return type(value).__name__ if isinstance(value, (bool, int, float, str, list, dict)) else "any"


def list_services(context: Context, request: Request) -> work_shapes.Services:
    """Models that jobs of this store serve."""
    found: list[work_shapes.Service] = []
    for job in context.jobs.all(request.space):
        if job["verb"] == "serve":
            uri = next((word for word in job["words"] if not word.startswith("-")), "")
            found.append(
                {
                    "name": job["title"], "uri": uri, "url": job["url"], "state": job["state"],
                    "started": job["started"], "job_id": job["job_id"], "drift": _drift(request.space, uri),
                }
            )  # fmt: skip
    return {"services": found}


def _drift(space: Workspace, uri: str) -> dict[str, Any] | None:
    """What the last monitoring of a model said."""
    if not uri:
        return None
    try:
        exact = resolve(uri, space).uri  # an alias is monitored as the version that it stands for
    except MlopsError:
        return None
    quoted = exact.replace("'", "''")
    runs = space.store.search_runs(None, f"tags.`{MONITORS}` = '{quoted}'", limit=1).items
    if not runs:
        return None
    run = runs[0]
    said = run.tags.get("mlops_nb.drift", "unknown")
    return {"state": "ok" if said == NO_DRIFT else said, "checked": run.start_time, "run_id": run.run_id}


ROUTES = (
    lab_route("POST", "/jobs", start_job, work_shapes.Job, kind="read", role="admin",
              fields={"verb": "text!", "words": "texts", "title": "text"}),
    lab_route("GET", "/jobs", list_jobs, work_shapes.Jobs),
    lab_route("GET", "/jobs/{job}", show_job, work_shapes.JobPage, fields={"offset": "int"}),
    lab_route("GET", "/jobs/{job}/log", fetch_log, str),
    lab_route("DELETE", "/jobs/{job}", cancel_job, work_shapes.Job, kind="read", role="admin"),
    lab_route("GET", "/parameters", show_form, work_shapes.Form, fields={"notebook": "text", "run": "text"}),
    lab_route("GET", "/services", list_services, work_shapes.Services),
)  # fmt: skip
