"""One tracked cell: what is recorded before it runs, and after."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
import sys
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.capture.cells import CellFacts, analyse
from mlops_nb.capture.metrics import metrics_after
from mlops_nb.capture.params import params_after, params_before
from mlops_nb.capture.secrets import redact, redact_json
from mlops_nb.capture.source import normalised
from mlops_nb.entities import DataRef, Points, Run, Status
from mlops_nb.errors import InvalidInput
from mlops_nb.magics.datarefs import digest_accesses, frames_read, record_frames, refs_of
from mlops_nb.magics.following import Followed
from mlops_nb.magics.options import TrackOptions
from mlops_nb.tracking import ActiveRun, active, describe_error
from mlops_nb.tracking.children import metrics_of_children
from mlops_nb.tracking.faults import say
from mlops_nb.tracking.fluent import begin, current_experiment, relative
from mlops_nb.tracking.starts import new_start
from mlops_nb.wire.encoded import Encoded

if TYPE_CHECKING:
    from mlops_nb.capture.outputs import OutputCollector
    from mlops_nb.capture.resources import Meter
    from mlops_nb.magics.session import Session

_FIT = re.compile(r"\b(\w+)\.(?:partial_)?fit(?:_\w+)?\(")
LOG_LIMIT = 2_000_000
"""Characters of live output that are kept for following a run; the outputs themselves have their own budget."""


class TrackedCell:
    """A cell that runs as a run.

    Parameters
    ----------
    session : Session
        The shell's session.
    info : IPython ExecutionInfo
        What is about to run.
    options : TrackOptions
        What the ``%%track`` line says.
    """

    def __init__(self, session: Session, info: Any, options: TrackOptions) -> None:
        from mlops_nb.capture.outputs import OutputCollector
        from mlops_nb.capture.resources import Meter

        self.session = session
        self.options = options
        self.source: str = info.raw_cell
        self.transformed: str = getattr(info, "transformed_cell", None) or _transformed(session.shell, info.raw_cell)
        self.facts: CellFacts = analyse(self.transformed)
        self.redactions = 0
        self.replaced = not options.params
        self.notes: list[str] = []
        self.models: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.resources: dict[str, Any] = {}
        self.badge: str | list[str] | None = None
        self.data: list[DataRef] = []
        self._log_left = LOG_LIMIT
        self.collector: OutputCollector = OutputCollector()
        self.meter: Meter = Meter()
        self.execution_count: int | None = None
        self.run = self._begin(getattr(info, "cell_id", None))
        with self.run.together():
            self._before()

    # -- before -----------------------------------------------------------------------------------------------------

    def _begin(self, cell_id: str | None) -> ActiveRun:
        space = workspaces.current()
        notebook = self.session.notebook()
        shown = relative(space, notebook) if notebook else None
        outer = active.current_run()
        parent = outer.run_id if outer is not None else workspaces.parent_run()
        experiment = self.options.experiment or (outer.experiment if outer is not None else current_experiment())
        start = new_start(
            self.options.name,
            experiment,
            workspaces.user_name(),
            parent_run_id=parent,
            notebook=shown,
            cell_id=cell_id,
            line=line_of(shown, cell_id, self.transformed),
            stage=self.options.stage,
        )
        run = begin(space, start, outer=outer, tags=self.options.tags)
        run.of_cell = True
        return run

    def _before(self) -> None:
        if self.options.seed is not None:
            from mlops_nb.capture.randomness import apply_seed

            apply_seed(self.options.seed)
        code, self.redactions = redacted_source(self.source)
        self.run.fact("code", code)
        given = {
            key: value for key, value in params_before(self.facts, self.session.namespace).items() if _is_name(key)
        }
        if self.options.seed is not None:
            given["seed"] = self.options.seed
        given.update(self.options.params)
        self.run.log_params(given)
        self.session.tap.start(self._output)
        if (bridge := sys.modules.get("mlops_nb.server.bridge")) is not None:  # MLflow works in this process
            bridge.begin_cell(self.run)

    def start_clock(self) -> None:
        """The cell begins now."""
        self.meter.start()

    def stop_clock(self) -> None:
        """The cell has ended."""
        self.resources = self.meter.stop()
        self.session.tap.stop()
        if self.options.seed is not None:
            from mlops_nb.capture.randomness import forget_seed

            forget_seed()

    @property
    def overrides(self) -> dict[str, Any]:
        """What the ``%%track`` line changed of the code."""
        found: dict[str, Any] = {}
        if self.options.params:
            found["params"] = self.options.params
        if self.options.seed is not None:
            found["seed"] = self.options.seed
            found["libraries"] = [name for name in ("numpy", "torch") if name in sys.modules]
        return found

    def replace(self, tree: ast.Module) -> ast.Module:
        """Put the values of ``-p`` in the place of the literals; what is bound to none goes into the namespace."""
        if self.replaced:
            return tree
        from mlops_nb.capture.replacement import replace_literals

        self.replaced = True
        changed, done = replace_literals(tree, self.options.params)
        self.session.namespace.update({k: v for k, v in self.options.params.items() if k not in done})
        return changed

    def _output(self, kind: str, content: dict[str, Any]) -> None:
        """The tap's listener: keeps the output within its budget, and lets it be followed."""
        self.collector.add(kind, content)
        if self._log_left <= 0:
            return
        if kind == "stream":
            text, stream = str(content.get("text", "")), str(content.get("name", "stdout"))
        elif kind in ("display_data", "execute_result"):
            text, stream = _as_json(kind, content), "display"
        else:
            return
        if len(text) > self._log_left:
            text = (
                f"{text[: self._log_left]}\n… the rest of the live output is left out\n" if stream != "display" else ""
            )
            self._log_left = 0
        self._log_left -= len(text)
        if text:
            self.run.log_line(stream, redact(text)[0] if stream != "display" else text)

    # -- after ------------------------------------------------------------------------------------------------------

    def end(
        self, error: BaseException | None, result: Any, followed: Followed | None, *, cancelled: bool = False
    ) -> None:
        """Record what the cell did, and end its run."""
        # Logging a model may take long: what is known before it is written before it.
        with nullcontext() if self.options.model else self.run.together():
            self._end(error, result, followed, cancelled)
        if self.models and not self.options.model and followed is not None and not followed.nested:
            from mlops_nb.magics.afterwards import offer_afterwards

            offer_afterwards(self.session, self.run.run_id, self.models, followed.index)

    def _end(self, error: BaseException | None, result: Any, followed: Followed | None, cancelled: bool) -> None:
        status = _status(error, cancelled)
        if (bridge := sys.modules.get("mlops_nb.server.bridge")) is not None:
            bridge.end_cell(self.run)
        try:
            self._after(error, result)
            if followed is not None and not followed.nested:
                self._after_following(followed)
        finally:
            try:
                run, folder = self.run, self.session.folder()
                # Before the end is written: what is described once the run is delivered needs a journal of its own.
                _to_describe.append((run, folder))
                run.workspace.drain.later(describe_surroundings)
            finally:
                self.run.finish(status)

    def _after_following(self, followed: Followed) -> None:
        following = self.session.following
        assert following is not None
        notebook = self.session.notebook()
        # Executed as a job, the notebook runs from the top by itself, with a parameters cell that its file has not.
        is_job = workspaces.parent_run() is not None
        cells = following.cells_of(notebook) if notebook is not None and not is_job else None
        facts = following.facts(followed, cells)
        self.badge = facts["restart_run_all"]
        for entry in facts["slice"]:
            entry["source"], count = redacted_source(entry["source"])
            self.redactions = max(self.redactions, count)
        known = self.session.facts
        self.run.facts({**facts, **known.apart(facts["randomness"]), **known.of(following.session())})
        tag = self.badge if isinstance(self.badge, str) else "; ".join(self.badge)
        self.run.set_tags({"mlops_nb.restart_run_all": tag})
        accesses = following.accesses_of(followed)
        self.data = refs_of(accesses)
        keep = self.options.keep_data
        run = self.run
        if accesses:
            run.workspace.drain.later(lambda: digest_accesses(run, accesses, keep=keep))
        frames = frames_read(self.facts.reads, self.session.namespace)
        if frames:
            record_frames(run, frames)

    def _after(self, error: BaseException | None, result: Any) -> None:
        namespace = self.session.namespace
        if error is not None:
            self.error = describe_error(error)
            for key in ("evalue", "traceback"):
                self.error[key] = json.loads(redact(json.dumps(self.error[key]))[0])
            self.run.fact("error", self.error)
        later = {k: v for k, v in params_after(self.facts, namespace).items() if k not in self.options.params}
        if later:
            self.run.log_params(later)
        metrics = self._metrics(namespace, result)
        if metrics:
            self.run.log_metrics(metrics)
        self._look_for_models(namespace)
        outputs, count = redact_json(self.collector.outputs())
        self.redactions += count
        self.run.fact("outputs", outputs)
        options = {"metrics": list(self.options.metrics), "seed": self.options.seed, "model": self.options.model}
        cell = {"execution_count": self.execution_count, "folder": self.session.start_folder, "options": options}
        self.run.facts(
            {"resources": self.resources, "cell": cell, **({"redactions": self.redactions} if self.redactions else {})}
        )

    def _metrics(self, namespace: dict[str, Any], result: Any) -> dict[str, float]:
        found = metrics_after(self.facts, namespace, result)
        logged = self.run.curves.keys()
        if not self.options.metrics:
            return {key: value for key, value in found.items() if key not in logged and _is_name(key)}
        from mlops_nb.capture.scalars import number

        wanted: dict[str, float] = {}
        for name in self.options.metrics:
            value = found.get(name)
            if value is None and name in namespace:
                value = number(namespace[name])
            if value is not None:
                wanted[name] = value
            elif name not in logged:
                self.notes.append(f"-m {name}: the cell computes no number of that name")
        return {key: value for key, value in wanted.items() if key not in logged}

    def _look_for_models(self, namespace: dict[str, Any]) -> None:
        from mlops_nb.capture.estimators import fitted_models

        # What the cell only reads is an earlier cell's model, unless it is fitted here.
        fitted = {match[1] for match in _FIT.finditer(self.transformed)}
        names = [*self.facts.computed, *(name for name in self.facts.reads if name in fitted)]
        self.models = fitted_models(names, namespace)
        if self.models:
            self.run.fact("models", self.models)
        if self.models and self.options.model:
            from mlops_nb.models.offering import offer

            offer(self.models, namespace, self.run)

    def snapshot(self, previous: Run | None) -> Run:
        """The run as an entity, for the card, before the store has it."""
        run, start = self.run, self.run.start
        return Run(
            run_id=run.run_id,
            name=run.name,
            experiment_id="",
            experiment=run.experiment,
            status=run.status,
            start_time=start.start_time,
            end_time=run.end_time,
            user=start.user,
            parent_run_id=start.parent_run_id,
            notebook=start.notebook,
            cell_id=start.cell_id,
            line=start.line,
            revision=previous.revision + 1 if previous else 1,
            stage=start.stage,
            params=dict(run.params),
            metrics={**metrics_of_children(run), **{key: curve.last for key, curve in run.curves.items()}},
            tags=dict(run.tags),
        )

    def thin_curves(self) -> dict[str, Points]:
        """The course of metrics with several points, thinned out."""
        from array import array

        return {
            key: Points(array("d", curve.values), array("q", curve.steps), array("q", [0]) * len(curve.values))
            for key, curve in self.run.curves.items()
            if curve.count > 1
        }


def describe_surroundings() -> None:
    """Record environment and git state of the runs that wait for it; in the background, since it takes tens of
    milliseconds, and for cells that follow each other closely once."""
    waiting = [_to_describe.popleft() for _ in range(len(_to_describe))]
    if not waiting:
        return
    try:
        from mlops_nb.capture.environment import environment
        from mlops_nb.capture.git import recent_git_state

        known = _encoded(environment())
        for run, folder in waiting:
            with run.together():
                run.fact("environment", known)
                state = recent_git_state(folder)
                if state is not None:
                    run.fact("git", state)
                    if state.get("commit"):
                        run.set_tags({"mlflow.source.git.commit": state["commit"]})
    except Exception as error:  # a package's broken metadata must not stop the delivery of metrics
        say(error, about="surroundings")


_to_describe: deque[tuple[ActiveRun, Any]] = deque()


def _encoded(facts: dict[str, Any]) -> Encoded:
    """An environment's text: the next cell's is nearly always the same."""
    global _environment
    if _environment is None or _environment[0] != facts:
        _environment = facts, Encoded(json.dumps(facts, separators=(",", ":")))
    return _environment[1]


_environment: tuple[dict[str, Any], Encoded] | None = None


@functools.lru_cache(maxsize=4096)
def redacted_source(source: str) -> tuple[str, int]:
    """A cell without its secrets, and how many it had; remembered, since every later run names its session's cells.

    Examples
    --------
    >>> redacted_source("x = 1")
    ('x = 1', 0)
    """
    return redact(source)


def line_of(notebook: str | None, cell_id: str | None, transformed: str) -> str:
    """What the revisions of one cell have in common: the notebook and its cell id, else the code without its literals.

    Examples
    --------
    >>> line_of("a.ipynb", None, "lr = 0.1") == line_of("a.ipynb", None, "lr = 0.2  # try")
    True
    """
    identity = f"id:{cell_id}" if cell_id else f"code:{normalised(transformed)}"
    return hashlib.sha256(f"{notebook or ''}\n{identity}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _transformed(shell: Any, source: str) -> str:
    try:
        return str(shell.transform_cell(source))
    except Exception:  # IPython reports the cell's own syntax error
        return source


def _status(error: BaseException | None, cancelled: bool) -> Status:
    if cancelled or isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        return Status.KILLED
    return Status.FINISHED if error is None else Status.FAILED


def _is_name(key: str) -> bool:
    from mlops_nb.entities import check_name

    try:
        check_name("name", key)
    except InvalidInput:
        return False
    return True


def _as_json(kind: str, content: dict[str, Any]) -> str:
    data = {"output_type": kind, "data": content.get("data", {}), "metadata": content.get("metadata", {})}
    try:
        return json.dumps(data, default=str)
    except (TypeError, ValueError):
        return ""
