"""The shapes of answers, as the front end gets them: its types are generated from these."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

Number = float | str
"""A number; what JSON has not is ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``."""


class StoreState(TypedDict):
    """Where things are kept, and whether that can be read."""

    id: str
    where: str
    kind: str
    project: str
    project_name: str
    ok: bool
    problem: str | None


class Bundle(TypedDict):
    """The front end that is installed beside this server."""

    version: str


class Hello(TypedDict):
    """The handshake."""

    api: int
    version: str
    store: StoreState
    user: str
    can_write: bool
    sequence: int
    models: str
    events: str
    root_dir: str
    bundle: Bundle | None
    mismatch: str | None
    disabled: bool


class RunRow(TypedDict):
    """A run in a list."""

    run_id: str
    name: str
    experiment: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None
    duration_ms: int | None
    user: str
    parent_run_id: str | None
    children: int
    notebook: str | None
    contents_path: str | None
    cell_id: str | None
    line: str | None
    revision: int
    stage: str | None
    source_type: str
    kind: str
    changed: int
    params: dict[str, Any]
    metrics: dict[str, Number]
    tags: dict[str, str]
    verdict: str | None
    badge: str | None
    deleted: bool


class Best(TypedDict):
    """The best value of a metric among runs, and whose it is."""

    value: Number
    run_id: str
    direction: str


class RunsPage(TypedDict):
    """A page of runs."""

    runs: list[RunRow]
    next_page_token: str | None
    total: int | None
    sequence: int
    store: str
    metrics: list[str]
    params: list[str]
    best: dict[str, Best]


class Changes(TypedDict):
    """What was written after a moment."""

    runs: list[RunRow]
    sequence: int
    more: bool
    reset: bool
    store: str
    models: str


class Count(TypedDict):
    """How many runs fit."""

    total: int


class Spark(TypedDict):
    """A short curve."""

    metric: str
    values: list[Number]


class Sparks(TypedDict):
    """A short curve of each run that has one: of the first metric asked for that is a curve."""

    curves: dict[str, Spark]


class Figures(TypedDict):
    """Last values of a metric in a group of runs."""

    count: int
    mean: float
    std: float | None
    min: float
    max: float


class GroupRow(TypedDict):
    """A group of runs; `filter` selects them."""

    key: str | None
    label: str
    count: int
    newest: int
    oldest: int
    newest_run: str | None
    statuses: dict[str, int]
    metrics: dict[str, Figures]
    filter: str
    run: RunRow | None


class Groups(TypedDict):
    """Groups of runs, the newest first."""

    by: str
    groups: list[GroupRow]


class Word(TypedDict):
    """A word of the filter language."""

    name: str
    type: str


class Words(TypedDict):
    """What a filter can be completed with."""

    attributes: list[Word]
    metrics: list[str]
    params: list[str]
    tags: list[str]
    operators: list[str]
    statuses: list[str]
    experiments: list[str]
    examples: list[str]


class Values(TypedDict):
    """Values that a field has."""

    values: list[str]


class FilterCheck(TypedDict):
    """Whether a filter parses."""

    ok: bool
    message: NotRequired[str]
    place: NotRequired[int]


class Changed(TypedDict):
    """How many runs were changed."""

    changed: int


class CurvePoints(TypedDict):
    """A metric's points, thinned so that they look the same."""

    name: str
    run_id: str
    count: int
    x: list[Number]
    y: list[Number]
    times: list[int]
    min: Number | None
    max: Number | None
    last: Number | None


class Curves(TypedDict):
    """Curves."""

    curves: list[CurvePoints]


class SliceCell(TypedDict):
    """An execution in a slice."""

    execution_count: int | None
    source: str


class DataEntry(TypedDict):
    """Data that a run read or wrote."""

    path: str
    digest: str
    size: int
    mode: str
    name: str
    context: str
    profile: dict[str, Any]
    sampled: bool


class ArtifactEntry(TypedDict):
    """A file of a run."""

    path: str
    digest: str
    size: int


class VersionEntry(TypedDict):
    """A version of a registered model that came from a run."""

    name: str
    version: int
    stage: str
    aliases: list[str]


class RunPage(TypedDict):
    """Everything about a run but its curves."""

    run: RunRow
    code: str | None
    slice: list[SliceCell]
    restart_run_all: Any
    environment: Any
    git: Any
    randomness: Any
    resources: Any
    error: Any
    outputs: list[Any]
    models: list[Any]
    data: list[DataEntry]
    artifacts: list[ArtifactEntry]
    revisions: list[RunRow]
    children: list[RunRow]
    versions: list[VersionEntry]
    previous: RunRow | None
    notebook_exists: bool
    facts: dict[str, Any]


class Code(TypedDict):
    """The code behind a run."""

    cell: str
    slice: list[SliceCell]
    script: str
    diff: str | None


class LogEntry(TypedDict):
    """A piece of live output."""

    seq: int
    time: int
    stream: str
    text: str


class Log(TypedDict):
    """Live output after a number."""

    lines: list[LogEntry]
    next: int
    over: bool


class Opened(TypedDict):
    """A notebook that was written, to be opened."""

    contents_path: str


class GraphNode(TypedDict):
    """A thing in a graph of lineage."""

    id: str
    label: str
    kind: str
    detail: str


class GraphEdge(TypedDict):
    """A step in the direction in which things are made."""

    source: str
    target: str
    mode: str


class Lineage(TypedDict):
    """What something came from, and what came from it."""

    start: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: bool
    svg: str


class Compared(TypedDict):
    """Runs side by side: the record of the panel, and more for charts."""

    runs: list[dict[str, Any]]
    sections: list[dict[str, Any]]
    curves: dict[str, Any]
    parallel: str
    blocks: list[dict[str, str]]
    outputs: list[dict[str, Any]]
    rows: list[RunRow]
    axes: dict[str, list[str]]
    importance: list[dict[str, Any]]


class Models(TypedDict):
    """Registered models in a list."""

    models: list[dict[str, Any]]


class ModelCard(TypedDict):
    """The card of a version."""

    markdown: str
    html: str


class Offers(TypedDict):
    """Runs whose model may be registered."""

    offers: list[dict[str, Any]]


class VerbAnswer(TypedDict):
    """What a verb gave."""

    status: int
    kind: str
    plain: Any
    note: str
    text: str
