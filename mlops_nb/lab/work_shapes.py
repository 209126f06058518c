"""The shapes of answers about jobs, forms, notebooks and services, as the front end gets them."""

from __future__ import annotations

from typing import Any, TypedDict


class Progress(TypedDict):
    """How far a job is."""

    done: int
    total: int
    label: str


class Job(TypedDict):
    """A long work, as a process of its own."""

    job_id: str
    verb: str
    words: list[str]
    title: str
    state: str
    exit_status: int | None
    started: int
    ended: int | None
    pid: int
    user: str
    progress: Progress | None
    run_id: str | None
    contents_path: str | None
    result: Any
    message: str | None
    url: str | None


class JobPage(Job):
    """A job with its log."""

    log: str
    offset: int


class Jobs(TypedDict):
    """Jobs, the newest first."""

    jobs: list[Job]


class FormField(TypedDict):
    """A parameter in a form."""

    name: str
    kind: str
    type: str
    default: Any
    required: bool
    nullable: bool
    help: str
    choices: list[Any] | None
    minimum: Any
    maximum: Any
    minimum_open: bool
    maximum_open: bool
    computed: str


class Form(TypedDict):
    """What a notebook or a run takes."""

    title: str
    target: str
    kind: str
    stated: bool
    parameters: list[FormField]
    experiment: str | None


class CellState(TypedDict):
    """The last run of a cell."""

    run_id: str
    line: str | None
    revision: int
    name: str
    status: str
    verdict: str | None
    badge: Any
    source: str
    time: int


class NotebookState(TypedDict):
    """What is known of a notebook: for its gutter and the status bar."""

    path: str
    recorded_as: str
    runs: int
    running: int
    cells: dict[str, CellState]


class Service(TypedDict):
    """A model that is served."""

    name: str
    uri: str
    url: str | None
    state: str
    started: int
    job_id: str | None
    drift: dict[str, Any] | None


class Services(TypedDict):
    """Models that are served."""

    services: list[Service]
