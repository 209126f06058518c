"""A run's life: start, record, log, finish; bytes first, then rows; everything through the journal."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from dataclasses import fields as fields_of
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import (
    Artifact,
    DataRef,
    Lease,
    Metric,
    ParamValue,
    Points,
    RunStart,
    Status,
    check_name,
    check_tag,
    now_ms,
)
from mlops_nb.errors import StoreError
from mlops_nb.journal import JournalWriter, lease_fields, own_lease
from mlops_nb.tracking import active, handover
from mlops_nb.tracking.curve import Curve
from mlops_nb.tracking.experiments import find_or_make
from mlops_nb.tracking.faults import say, shielded
from mlops_nb.tracking.values import as_metric, as_param, as_points, as_step
from mlops_nb.views import LiveInfo, RunData, as_dictionary, tags_of_fields
from mlops_nb.workspace import is_disabled

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

_time_ns = time.time_ns

_START_FIELDS = tuple(each.name for each in fields_of(RunStart))
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class ActiveRun:
    """A run that this process logs into: what `start_run` returns, and what a tracked cell is.

    Usable as a context manager: an exception ends the run as FAILED, a KeyboardInterrupt as KILLED, anything else as
    FINISHED.

    Attributes
    ----------
    run_id, name, experiment : str
    params : dict
        As logged by this process, typed.
    curves : dict of str to Curve
        Last value, count and thinned-out course of each metric.
    """

    def __init__(self, workspace: Workspace, start: RunStart, *, is_main: bool, outer: ActiveRun | None) -> None:
        self.workspace = workspace
        self.start = start
        self.run_id = start.run_id
        self.name = start.name
        self.experiment = start.experiment
        self.is_main = is_main
        self.outer = outer
        self.status = Status.RUNNING
        self.end_time: int | None = None
        self.params: dict[str, ParamValue] = {}
        self.tags: dict[str, str] = {}
        self.curves: dict[str, Curve] = {}
        self.artifacts: dict[str, Artifact] = {}
        self.data_refs: list[DataRef] = []
        self.of_cell = False
        self.anonymous = False
        self.is_continued = False
        self._only_adds = False
        self._experiment_id: str | None = None
        self._began = time.perf_counter_ns()
        self._began_ms = max(now_ms(), start.start_time)
        self._writer: JournalWriter | None = None
        self._dead = is_disabled()
        self._child_of: Lease | None = None
        self._held: dict[int, list[dict[str, Any]]] = {}  # by thread, inside of `together`

    # -- life -------------------------------------------------------------------------------------------------------

    @classmethod
    def begin(
        cls, workspace: Workspace, start: RunStart, *, is_main: bool, outer: ActiveRun | None, tags: Mapping[str, str]
    ) -> ActiveRun:
        """Open the journal and record the start. A journal that cannot be made is one warning line."""
        handover.install()
        run = cls(workspace, start, is_main=is_main, outer=outer)
        run.tags.update(tags)
        fields = {name: getattr(start, name) for name in _START_FIELDS}
        fields["lease"] = lease_fields(own_lease())
        records: list[dict[str, Any]] = [{"t": "start", "v": fields}]
        records += [{"t": "tag", "k": key, "v": value} for key, value in tags.items()]
        run._append(*records)
        active.enter(run)
        return run

    @classmethod
    def attach(cls, workspace: Workspace, run_id: str, experiment: str, drainer: Lease) -> ActiveRun:
        """The parent process's run, in a child: appends to a journal of its own, which the parent delivers."""
        run = cls(workspace, RunStart(run_id, "", experiment, now_ms()), is_main=False, outer=None)
        run._child_of = drainer
        return run

    @classmethod
    def beside(cls, workspace: Workspace, start: RunStart) -> ActiveRun:
        """A run that somebody else began, or that is over: what is logged is added, and it stays as it is otherwise."""
        run = cls(workspace, start, is_main=False, outer=None)
        run.is_continued = run._only_adds = True
        return run

    @property
    def is_mute(self) -> bool:
        """Whether nothing of this run is kept: ``MLOPS_NB_DISABLE`` asks for that, or its journal cannot be made."""
        return self._dead

    @property
    def is_open(self) -> bool:
        """Whether the run has not been finished."""
        return self.end_time is None

    @property
    def info(self) -> LiveInfo:
        """MLflow's view of what the run is."""
        return LiveInfo(
            self._ask_experiment,
            run_id=self.run_id,
            run_name=self.name,
            status=self.status.value,
            start_time=self.start.start_time,
            end_time=self.end_time,
            user_id=self.start.user,
        )

    @property
    def data(self) -> RunData:
        """MLflow's view of what was logged by this process."""
        start = self.start
        fields = tags_of_fields(self.name, start.parent_run_id, start.user, start.source_type, start.notebook)
        return RunData(dict(self.params), {key: each.last for key, each in self.curves.items()}, fields | self.tags)

    def to_dictionary(self) -> dict[str, Any]:
        """`info` and `data` as plain dicts, as MLflow gives them."""
        return as_dictionary(self.info, self.data)

    def _ask_experiment(self) -> str:
        if self._experiment_id is None:
            found = None if self._dead else find_or_make(self.workspace, self.experiment)
            if found is None:
                return ""
            self._experiment_id = found.experiment_id
        return self._experiment_id

    def finish(self, status: Status | str = Status.FINISHED, *, at: int | None = None) -> None:
        """End the run, now or as it had ended before (`at`, ms); the second call does nothing."""
        if not self.is_open:
            return
        self.status = Status(status)
        # The wall clock may have been set meanwhile: an end before the start would be a lie.
        self.end_time = self._began_ms + (time.perf_counter_ns() - self._began) // 1_000_000 if at is None else at
        active.leave(self)
        self._append({"t": "end", "status": self.status.value, "at": self.end_time})

    def become_child(self) -> None:
        """After a fork: the parent goes on with its journal, we append to a new one."""
        if self._child_of is None:
            self._child_of = self._writer_lease
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        self.fact("error", describe_error(error))
        self.finish(Status.KILLED if isinstance(error, KeyboardInterrupt) else Status.FAILED)

    def __repr__(self) -> str:
        return f"<ActiveRun {self.name!r} {self.run_id} {self.status.value}>"

    # -- logging ----------------------------------------------------------------------------------------------------

    def log_metric(self, key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
        """Append one point of a metric (see `mlops_nb.log_metric`)."""
        if type(value) is not float:
            value = as_metric(key, value)
        if step is None:
            step = 0
        elif type(step) is not int or not _LEAST <= step <= _MOST:
            step = as_step(key, step)
        if timestamp is None:
            timestamp = _time_ns() // 1_000_000
        elif type(timestamp) is not int or not _LEAST <= timestamp <= _MOST:
            timestamp = as_step(key, timestamp, "timestamp")
        writer = self._writer
        try:
            if writer is None or writer.closed:
                writer = self._journal()
            if writer is not None:
                writer.point(key, value, step, timestamp)
        except StoreError as error:
            if writer is not None and self._taken_away(writer):
                self._put(lambda other: other.point(key, value, step, timestamp))
            else:
                say(error, about=self.run_id)
        curve = self.curves.get(key)
        if curve is None:
            curve = self.curves[key] = Curve()
        curve.add(value, step)

    @shielded
    def log_points(self, key: str, points: Points) -> None:
        """Append many points of a metric at once."""
        check_name("metric", key)
        self._write(lambda writer: writer.points(key, points))
        curve = self.curves.setdefault(key, Curve())
        for value, step in zip(points.values, points.steps, strict=True):
            curve.add(value, step)

    def log_metrics(self, metrics: Mapping[str, Any], step: Any = None, timestamp: Any = None) -> None:
        """Numbers, or arrays of numbers with an array of steps."""
        if not isinstance(metrics, Mapping):
            as_metric("log_metrics", metrics)  # refuses with a sentence
        columns = {key: as_points(key, value, step, timestamp) for key, value in metrics.items()}
        for key, points in columns.items():
            if len(points) == 1:
                self.log_metric(key, points.values[0], points.steps[0], points.timestamps[0])
            else:
                self.log_points(key, points)

    def log_batch(
        self,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Many points of many metrics, params and tags in one call."""
        columns: dict[str, Points] = {}
        for metric in metrics:
            points = columns.setdefault(metric.key, Points())
            points.values.append(as_metric(metric.key, metric.value))
            points.steps.append(as_step(metric.key, metric.step))
            points.timestamps.append(metric.timestamp or now_ms())
        for key, points in columns.items():
            self.log_points(key, points)
        self.log_params(params or {})
        self.set_tags(tags or {})

    @shielded
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record params, typed; a param logged again is amended, its earlier values are kept."""
        values = {key: as_param(key, value) for key, value in params.items()}
        self.params.update(values)
        at = now_ms()
        self._append(*({"t": "param", "k": key, "v": value, "at": at} for key, value in values.items()))

    @shielded
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Record tags; values become text."""
        texts = {key: str(value) for key, value in tags.items()}
        for key, text in texts.items():
            check_tag(key, text)
        self.tags.update(texts)
        self._append(*({"t": "tag", "k": key, "v": text} for key, text in texts.items()))

    @shielded
    def delete_tag(self, key: str) -> None:
        """Take a tag away."""
        self.tags.pop(key, None)
        self._append({"t": "tag", "k": key, "v": None})

    @shielded
    def fact(self, kind: str, value: Any) -> None:
        """Record what was captured: `value` is plain JSON."""
        self._append({"t": "fact", "k": kind, "v": value})

    @shielded
    def facts(self, values: Mapping[str, Any]) -> None:
        """Record several captures at once, by kind."""
        self._append(*({"t": "fact", "k": kind, "v": value} for kind, value in values.items()))

    @shielded
    def log_line(self, stream: str, text: str) -> None:
        """Record a piece of live output."""
        self._append({"t": "log", "at": now_ms(), "s": stream, "v": text})

    @shielded
    def record_data(self, *refs: DataRef) -> None:
        """Record data that the run read or wrote."""
        self.data_refs += refs
        self._append(*({"t": "data", "v": asdict(ref)} for ref in refs))

    @shielded
    def record_artifacts(self, *artifacts: Artifact) -> None:
        """Record files whose bytes are already kept."""
        self.artifacts.update((artifact.path, artifact) for artifact in artifacts)
        self._append(*({"t": "artifact", "path": a.path, "digest": a.digest, "size": a.size} for a in artifacts))

    # -- journal ----------------------------------------------------------------------------------------------------

    @property
    def _writer_lease(self) -> Lease:
        lease = self.start.lease
        return lease if lease is not None else own_lease()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What this thread records inside (but for points of metrics) is written in one go at the end, for calls that
        come in dozens and are acknowledged as one."""
        thread = threading.get_ident()
        if thread in self._held:
            yield
            return
        self._held[thread] = []
        try:
            yield
        finally:
            held = self._held.pop(thread)
            try:
                self._append(*held)
            except Exception:  # one of them cannot be written: the others can
                for record in held:
                    try:
                        self._append(record)
                    except Exception as error:
                        say(error, about=f"{self.run_id} {record['t']}")

    def _append(self, *records: dict[str, Any]) -> None:
        if not records:
            return
        held = self._held.get(threading.get_ident())
        if held is not None:
            held += records
        else:
            self._put(lambda writer: writer.record(*records))

    def _put(self, put: Callable[[JournalWriter], None]) -> None:
        """Like `_write`; a failure is said."""
        try:
            self._write(put)
        except StoreError as error:
            say(error, about=self.run_id)

    def _write(self, put: Callable[[JournalWriter], None]) -> None:
        """Put something into the journal, and if that was taken away in this very moment, into the next one."""
        writer = self._journal()
        if writer is None:
            return
        try:
            put(writer)
        except StoreError:
            again = self._journal() if self._taken_away(writer) else None
            if again is None:
                raise
            put(again)

    @staticmethod
    def _taken_away(writer: JournalWriter) -> bool:
        """Whether the drain has closed a journal, since all of it was delivered."""
        return writer.closed and not writer.failed

    def _journal(self) -> JournalWriter | None:
        """The open journal; None when it could not be made (that was said once)."""
        writer = self._writer
        if writer is not None and not writer.closed:
            return writer
        if self._dead:
            return None
        try:
            self._writer = self._open_journal(first=writer is None)
        except StoreError:
            self._dead = True
            raise
        return self._writer

    def _open_journal(self, *, first: bool) -> JournalWriter:
        folder = self.workspace.make_folder(self.workspace.journals)
        unique = f"{os.getpid()}-{secrets.token_hex(4)}"
        if self._child_of is not None:
            path = folder / f"{self.run_id}.{unique}.child.journal"
            return JournalWriter(path, self.run_id, writer=own_lease(), drainer=self._child_of)
        # Late: the run was over and delivered, or is somebody else's. Its journal has no end of its own.
        kind = "" if first and not self._only_adds else ".late"
        path = folder / f"{self.run_id}.{unique}{kind}.journal"
        drain = self.workspace.drain
        lease = own_lease()
        writer = JournalWriter(path, self.run_id, writer=lease, drainer=lease, on_pending=drain.notify)
        drain.add(writer)
        return writer


def describe_error(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: name, message, and the traceback's lines.

    Examples
    --------
    >>> describe_error(ValueError("no"))["ename"]
    'ValueError'
    """
    import traceback

    try:
        message = str(error)
    except Exception:  # a user's class may have a broken __str__
        message = ""
    try:
        lines = traceback.format_exception(error)
    except Exception:  # likewise, for causes and notes
        lines = [type(error).__name__]
    return {"ename": type(error).__name__, "evalue": message, "traceback": lines}
