"""The nouns, as frozen dataclasses. Standard library only; times are integer milliseconds since the epoch (UTC)."""

from __future__ import annotations

import os
import time
from array import array
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.views import RunData, RunInfo, as_dictionary, tags_of_fields

ParamValue = Any
"""What a param may be: ``None``, bool, int, float, str, or lists and string-keyed dicts of these."""

NAME_LIMIT = 500
"""Longest key or name, in characters: what a PostgreSQL index row can hold at 4 bytes each."""


TAG_LIMIT = 1 << 20
"""Longest value of a tag, in characters."""


class Status(StrEnum):
    """A run's status, in MLflow's words."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        """Whether no process works on the run any more."""
        return self not in (Status.RUNNING, Status.SCHEDULED)


def now_ms() -> int:
    """The wall clock in milliseconds since the epoch.

    Examples
    --------
    >>> now_ms() > 1_700_000_000_000
    True
    """
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUIDv7 in 32 hex digits: sortable by time, unique across stores (RFC 9562, section 5.7).

    Examples
    --------
    >>> len(new_id()), new_id() != new_id()
    (32, True)
    """
    random = int.from_bytes(os.urandom(10), "big")
    value = (now_ms() & 0xFFFF_FFFF_FFFF) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant of RFC 9562
    return f"{value:032x}"


def check_name(kind: str, text: object) -> str:
    """A key or name that every store can hold; to be called before anything is acknowledged.

    Parameters
    ----------
    kind : str
        What is named, for the message: ``"metric"``, ``"run"`` ...
    text : object
        A str of 1 to `NAME_LIMIT` characters, not all blank, without NUL and lone surrogates.

    Returns
    -------
    str
        `text`.

    Raises
    ------
    InvalidInput
        Saying which name it is, and why.

    Examples
    --------
    >>> check_name("metric", "val/loss")
    'val/loss'
    """
    if type(text) is str and 0 < len(text) <= NAME_LIMIT and text.isascii() and "\0" not in text and not text.isspace():
        return text  # the common case: a metric's key is checked at each call
    if not isinstance(text, str):
        raise InvalidInput(f"The name of a {kind} must be a str, not {type(text).__name__}.")
    shown = ascii(text if len(text) <= 40 else text[:37] + "...")
    if not text or text.isspace():
        raise InvalidInput(f"The name of a {kind} is empty.", hint="Give it a name.")
    if len(text) > NAME_LIMIT:
        raise InvalidInput(
            f"The name of the {kind} {shown} has {len(text):,} characters; {NAME_LIMIT} are the most.",
            hint="Shorten it, and keep the long text as a tag or an artifact.",
        )
    _check_text(f"name of the {kind} {shown}", text)
    return text


def check_tag(key: object, value: object) -> None:
    """Refuse a tag that some store could not hold.

    Parameters
    ----------
    key : object
        As for `check_name`.
    value : object
        A str of at most `TAG_LIMIT` characters, without NUL and lone surrogates; or None, which deletes the tag.

    Raises
    ------
    InvalidInput
        Naming the tag and the rule.

    Examples
    --------
    >>> check_tag("team", "risk")
    """
    name = check_name("tag", key)
    if value is None:
        return
    shown = ascii(name if len(name) <= 40 else name[:37] + "...")
    if not isinstance(value, str):
        raise InvalidInput(f"The tag {shown} must be a str, not {type(value).__name__}.")
    if len(value) > TAG_LIMIT:
        raise InvalidInput(
            f"The tag {shown} has {len(value):,} characters; {TAG_LIMIT:,} are the most.", hint="Use log_text instead."
        )
    _check_text(f"tag {shown}", value)


def _check_text(what: str, text: str) -> None:
    if "\0" in text:
        raise InvalidInput(f"The {what} holds a NUL character.", hint="Take it out.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            f"The {what} holds half of a surrogate pair.", hint="Take it out, or encode the text with errors='replace'."
        ) from None


@dataclass(frozen=True, slots=True)
class Metric:
    """One point of a metric. `step` may be negative, repeated and unordered; `value` may be NaN or infinite."""

    key: str
    value: float
    timestamp: int = 0
    step: int = 0


@dataclass(slots=True)
class Points:
    """Points of one metric as columns, in the order in which they were logged.

    `values` holds float64 (type code ``d``), `steps` and `timestamps` int64 (``q``).
    """

    values: array[float] = field(default_factory=lambda: array("d"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    timestamps: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, other: Points) -> None:
        """Append the points of `other`.

        Examples
        --------
        >>> p = Points(); p.extend(Points(array("d", [1.0]), array("q", [0]), array("q", [5]))); len(p)
        1
        """
        self.values.extend(other.values)
        self.steps.extend(other.steps)
        self.timestamps.extend(other.timestamps)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named group of runs."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: str = "active"
    creation_time: int = 0
    last_update_time: int = 0
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a run: where it stands in the run's tree, and the digest of its bytes (``sha256:<hex>``)."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class DataRef:
    """Data that a run read or wrote: a file, a frame, a query's result.

    `mode` is ``read``, ``write`` or ``log`` (named by the user with ``log_dataset``). `profile` holds rows, schema and
    summary statistics, plain JSON. `sampled` says that the digest is of a sample, since the size budget ended.
    """

    path: str
    digest: str
    size: int
    mode: str = "read"
    name: str = ""
    context: str = ""
    profile: dict[str, Any] = field(default_factory=dict)
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """A piece of live output: `stream` is ``stdout``, ``stderr`` or ``display`` (then `text` is nbformat JSON)."""

    timestamp: int
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Which process works on a run, so that a later one can tell whether it is still there.

    `started` is the process's start time in seconds since the epoch (as psutil gives it); `boot` the machine's boot id.
    """

    pid: int
    started: float
    host: str
    boot: str


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run when it starts. `line` groups the revisions of one tracked cell."""

    run_id: str
    name: str
    experiment: str
    start_time: int
    user: str = ""
    parent_run_id: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    line: str | None = None
    stage: str | None = None
    source_type: str = "NOTEBOOK"
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended."""

    status: Status
    end_time: int


@dataclass(slots=True)
class Batch:
    """What one journal delivers of one run, from byte `since` to byte `upto` of the journal `source`.

    The unit of idempotence: a store that has seen `source` up to `upto` ignores the batch.
    Param values of None are values; a tag of None deletes the tag. Facts may be `Encoded`.
    """

    run_id: str
    source: str
    since: int = 0
    upto: int = 0
    start: RunStart | None = None
    params: list[tuple[str, ParamValue, int]] = field(default_factory=list)
    tags: dict[str, str | None] = field(default_factory=dict)
    metrics: dict[str, Points] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    data: list[DataRef] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    end: RunEnd | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is read: last values of metrics, typed params.

    `revision` counts the runs of the same `line` (1 for the first). `changed` is the store's change counter at the
    run's last write, by which a listener asks for what is new.
    """

    run_id: str
    name: str
    experiment_id: str
    experiment: str
    status: Status
    start_time: int
    end_time: int | None = None
    user: str = ""
    lifecycle_stage: str = "active"
    parent_run_id: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    line: str | None = None
    revision: int = 1
    stage: str | None = None
    source_type: str = "NOTEBOOK"
    changed: int = 0
    lease: Lease | None = None
    params: dict[str, ParamValue] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def info(self) -> RunInfo:
        """MLflow's view of what the run is."""
        return RunInfo(
            self.run_id,
            self.name,
            self.experiment_id,
            self.status.value,
            self.start_time,
            self.end_time,
            self.user,
            self.lifecycle_stage,
        )

    @property
    def data(self) -> RunData:
        """MLflow's view of what was logged: params keep their types, and what it has as tags is there as tags."""
        fields = tags_of_fields(self.name, self.parent_run_id, self.user, self.source_type, self.notebook)
        return RunData(self.params, self.metrics, fields | self.tags)

    def to_dictionary(self) -> dict[str, Any]:
        """`info` and `data` as plain dicts, as MLflow gives them."""
        return as_dictionary(self.info, self.data)

    @property
    def duration_ms(self) -> int | None:
        """Wall time from start to end; None while the run is not over."""
        return None if self.end_time is None else max(0, self.end_time - self.start_time)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name for versions of a model; `latest` is the highest there is, or 0. `rules` are the checks of promotions.

    `stages` has every stage in use, ``None`` as well, with the number of versions in it and the newest of them.
    """

    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    versions: int = 0
    latest: int = 0
    stages: dict[str, tuple[int, int]] = field(default_factory=dict)
    user: str = ""
    creation_time: int = 0
    last_update_time: int = 0


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model under a name and a number: `digest` is its tree's; `path` where it stood in its run's tree."""

    name: str
    version: int
    run_id: str | None = None
    source: str = ""
    path: str = ""
    digest: str = ""
    size: int = 0
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    stage: str = "None"
    status: str = "READY"
    user: str = ""
    creation_time: int = 0
    last_update_time: int = 0
    run_link: str = ""
    logged_model: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who makes a change of a model, and why. `time` 0 is now; another one is for imports."""

    user: str = ""
    why: str = ""
    run_id: str | None = None
    forced: bool = False
    detail: dict[str, Any] = field(default_factory=dict)
    time: int = 0


@dataclass(frozen=True, slots=True)
class ModelChange:
    """An entry of the audit: `subject` (an alias, a tag, ...) went from `old` to `new`. `seq` grows with each."""

    seq: int
    name: str
    action: str
    version: int | None = None
    subject: str = ""
    old: str = ""
    new: str = ""
    by: Signed = field(default_factory=Signed)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing, and the token that gets the next one (None at the end)."""

    items: list[Any]
    next_token: str | None = None
