"""A pipeline: its stages in order, each executed again only if it is stale; what made it is kept for the next time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, StoreError
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.foresight import foresee
from mlops_nb.projects.freshness import Record, record_of, why_stale
from mlops_nb.projects.parameters import Contract, contract, recordable
from mlops_nb.projects.plain import read_plain
from mlops_nb.projects.sighting import MADE_FROM, cell_digests
from mlops_nb.projects.spec import inside
from mlops_nb.projects.stages import Stage, arrange, links

if TYPE_CHECKING:
    from mlops_nb.capture.data.digests import Digest
    from mlops_nb.entities import Run
    from mlops_nb.projects.events import Listener
    from mlops_nb.projects.sites import Site
    from mlops_nb.tracking import ActiveRun
    from mlops_nb.workspace import Workspace

__all__ = ["Asked", "Pipeline", "StageResult"]

TIMES = 2
"""How often a stage may run in one go: again if it turns out that it read what a later one has written since."""

EARLIER = 20
"""Runs of a notebook that are looked at for one that was made of just what there is now."""


@dataclass(slots=True)
class Asked:
    """How a pipeline is to be run. `follow` gives a listener for a stage; `told` hears of each that is to run."""

    params: Mapping[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    name: str | None = None
    kernel: str | None = None
    timeout: int | None = None
    force: bool = False
    dry: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    follow: Callable[[str], Listener | None] = lambda name: None
    told: Callable[[StageResult], None] = lambda result: None


@dataclass(slots=True)
class StageResult:
    """What became of a stage: `state` is ``fresh, ran, failed, stale`` (it would run) or ``waits`` (one failed)."""

    stage: Stage
    state: str = "waits"
    reasons: list[str] = field(default_factory=list)
    record: Record | None = None
    seconds: float = 0.0
    error: str = ""
    exit_status: int = 0


@dataclass(slots=True)
class _Known:
    """A stage with what is known of it now: its notebook, its typed values, what it would be recorded with."""

    stage: Stage
    notebook: dict[str, Any]
    values: dict[str, Any]
    params: dict[str, Any]
    cells: dict[str, str]


class _Memory(dict[str, "Digest"]):
    """Digests of files by their state; remembers which were asked for, so that the others can be forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.used.add(key)
        return super().get(key, default)


class Pipeline:
    """The stages of a project, and what is known of their last runs.

    Parameters
    ----------
    folder : Path
        The project's.
    name : str
        What to call it.
    stages : list of Stage
        As they were declared or found.
    space : Workspace
        Where runs are kept.
    site : Site
        The environment to run in.
    """

    def __init__(self, folder: Path, name: str, stages: list[Stage], space: Workspace, site: Site) -> None:
        self.folder, self.name, self.space, self.site = folder, name, space, site
        with contextlib.suppress(StoreError):  # the first run says so
            space.make_folder(space.root)  # the store marks the project that paths are relative to
        self.root = workspaces.project_root(folder)
        self.run_id: str | None = None
        self._memory = _Memory()
        self._foreseen: dict[str, Stage] = {}
        self._records: dict[str, Record] = {}
        self._file = (
            space.root / "pipelines" / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.json"
        )
        self._stages = stages
        self._load()

    # -- the story --------------------------------------------------------------------------------------------------

    def run(self, asked: Asked) -> list[StageResult]:
        """Run what is stale, in order, and keep what it was made of.

        Parameters
        ----------
        asked : Asked
            With values for parameters: each goes to every stage that has it (``train.lr`` only to that one).

        Returns
        -------
        list of StageResult
            In the order in which they come.

        Raises
        ------
        InvalidInput
            If a value does not fit, or the stages feed each other in a circle; nothing has run then.
        """
        known = self._look(asked.params)
        results: dict[str, StageResult] = {}
        times: dict[str, int] = {}
        with contextlib.ExitStack() as stack:
            parent: ActiveRun | None = None
            while True:
                ran = False
                for stage in self.order():
                    result = self._decide(known[stage.name], results.get(stage.name), asked, times)
                    if asked.dry and result.state == "fresh":
                        self._foretell(result, results)
                    results[stage.name] = result
                    if result.state != "stale" or asked.dry:
                        continue
                    if parent is None:
                        parent = stack.enter_context(self._begin(asked))
                    asked.told(result)
                    times[stage.name] = times.get(stage.name, 0) + 1
                    self._execute(known[stage.name], result, asked)
                    ran = True
                    if result.state == "failed":
                        break
                if not ran or any(result.state == "failed" for result in results.values()):
                    break
            found = [results.get(stage.name) or StageResult(stage) for stage in self.order()]
            if parent is not None:
                self._finish(parent, found)
        self._save()
        return found

    def order(self) -> list[Stage]:
        """The stages with what they read and write as far as it is declared, learnt or foreseen, in order."""
        return arrange([self._informed(stage) for stage in self._stages])

    def links(self) -> list[tuple[str, str, str]]:
        """Which stage feeds which, and by which file."""
        return links([self._informed(stage) for stage in self._stages])

    # -- parts ------------------------------------------------------------------------------------------------------

    def _look(self, params: Mapping[str, Any]) -> dict[str, _Known]:
        """Read all notebooks, and give each stage its values; nothing has run when something does not fit."""
        books = {stage.name: read_plain(inside(self.folder, stage.notebook)) for stage in self._stages}
        stated = {stage.name: contract(books[stage.name], stage.notebook) for stage in self._stages}
        given = _distributed(params, stated)
        found = {}
        for stage in self._stages:
            terms = stated[stage.name]
            values = terms.check({**stage.params, **given[stage.name]})
            recorded = {name: recordable(value) for name, value in {**terms.defaults(), **values}.items()}
            book = books[stage.name]
            found[stage.name] = _Known(stage, book, values, recorded, cell_digests(book))
        return found

    def _informed(self, stage: Stage) -> Stage:
        """A stage with what it reads and writes: as declared, else as its last run did, else as its text sounds."""
        if stage.stated:
            return stage
        record = self._records.get(stage.name)
        if record is not None:
            own = {each["path"] for each in record.writes}
            reads = tuple(self._shown(each["path"]) for each in record.reads if each["path"] not in own)
            also = tuple(self._shown(each["path"]) for each in record.reads if each["path"] in own)
            return replace(stage, reads=reads + also, writes=tuple(self._shown(path) for path in own))
        if stage.name not in self._foreseen:
            self._foreseen[stage.name] = _foreseen(self.folder, stage)
        return self._foreseen[stage.name]

    def _shown(self, path: str) -> str:
        """A recorded path, seen from the project's folder if it is in there."""
        place = self.root / path
        with contextlib.suppress(ValueError):
            return place.relative_to(self.folder.resolve()).as_posix()
        return path

    def _decide(self, known: _Known, before: StageResult | None, asked: Asked, times: Mapping[str, int]) -> StageResult:
        stage, name = self._informed(known.stage), known.stage.name
        if times.get(name, 0) >= TIMES and before is not None:
            return before
        record = self._records.get(name)
        reasons = ["it was asked for"] if asked.force and not times.get(name) else self._why(known, record)
        if reasons and not asked.force and (better := self._earlier(known)) is not None:
            record, reasons = better, []
            self._records[name] = better
        if not reasons:
            return before if before is not None and before.state == "ran" else StageResult(stage, "fresh", [], record)
        return StageResult(stage, "stale", reasons, record)

    def _foretell(self, result: StageResult, results: Mapping[str, StageResult]) -> None:
        """Of a stage that would be looked at again once those before it have run."""
        before = [
            a for a, b, _ in self.links() if b == result.stage.name and a in results and results[a].state == "stale"
        ]
        if before:
            result.state, result.reasons = "stale", [f"{', '.join(dict.fromkeys(before))} may give it other data"]

    def _why(self, known: _Known, record: Record | None) -> list[str]:
        packages = self.site.packages if self.site.name == "locked" else None
        later = {each["path"] for name in self._after(known.stage.name) for each in self._written(name)}
        return why_stale(
            record, known.cells, known.params, self.root, packages=packages, memory=self._memory, rewritten=later,
            folder=self.folder,
        )  # fmt: skip

    def _written(self, name: str) -> list[dict[str, Any]]:
        record = self._records.get(name)
        return record.writes if record is not None else []

    def _after(self, name: str) -> list[str]:
        names = [stage.name for stage in self.order()]
        return names[names.index(name) + 1 :]

    def _earlier(self, known: _Known) -> Record | None:
        """A run of the notebook, by whomever, that was made of just what there is now."""
        if not self.space.is_open and self.space.database is not None and not self.space.database.exists():
            return None
        shown = (self.folder.resolve() / known.stage.notebook).relative_to(self.root).as_posix()
        if "'" in shown:
            return None
        words = f"notebook = '{shown}' AND source_type = 'PROJECT' AND status = 'FINISHED'"
        self.space.flush()
        for run in self.space.store.search_runs(None, words, limit=EARLIER).items:
            record = self._record(run)
            if record is not None and not self._why(known, record):
                return record
            if record is not None and known.stage.name not in self._records:
                self._records[known.stage.name] = record  # not what is needed, but it tells what is read and written
        return None

    def _record(self, run: Run) -> Record | None:
        from mlops_nb.tracking.shapes import run_json

        made = self.space.store.facts(run.run_id).get(MADE_FROM)
        return (
            record_of(run.run_id, run.params, made, self.space.store.data(run.run_id), run_json(run)) if made else None
        )

    def _execute(self, known: _Known, result: StageResult, asked: Asked) -> None:
        from mlops_nb.projects.events import NotebookFailed
        from mlops_nb.projects.rerun import run_notebook

        stage, began = known.stage, time.monotonic()
        why = "; ".join(result.reasons)
        try:
            run = run_notebook(
                inside(self.folder, stage.notebook),
                params=known.values,
                experiment=asked.experiment,
                name=stage.name,
                tags={**asked.tags, "mlops_nb.stage": stage.name, "mlops_nb.stale": why[:4000]},
                kernel=asked.kernel or self.site.kernel,
                timeout=asked.timeout,
                stage=stage.life,
                environment=self.site.environment,
                workspace=self.space,
                listener=asked.follow(stage.name),
            )
        except NotebookFailed as failed:
            if failed.run_id is None:
                raise
            result.state, result.error, result.exit_status = "failed", str(failed), failed.exit_status
            from mlops_nb.tracking.shapes import run_json

            result.record = Record(failed.run_id, run=run_json(self.space.store.get_run(failed.run_id)))
        else:
            result.state = "ran"
            result.record = self._record(run)
            if result.record is not None:
                self._records[stage.name] = result.record
                result.stage = self._informed(stage)
                self._save()
        result.seconds = time.monotonic() - began

    @contextlib.contextmanager
    def _begin(self, asked: Asked) -> Any:
        """The run in which those of the stages are nested."""
        from mlops_nb.tracking import active_run
        from mlops_nb.tracking.fluent import begin, current_experiment
        from mlops_nb.tracking.starts import new_start

        outer = active_run()
        start = new_start(
            asked.name or self.name,
            asked.experiment or (outer.experiment if outer is not None else current_experiment()),
            workspaces.user_name(),
            parent_run_id=outer.run_id if outer is not None else workspaces.parent_run(),
            source_type="PROJECT",
        )
        with begin(self.space, start, outer=outer, tags={**asked.tags, "mlops_nb.pipeline": self.name}) as run:
            self.run_id = run.run_id
            run.log_params({name: recordable(value) for name, value in asked.params.items()})
            yield run
        self.space.flush()

    def _finish(self, parent: ActiveRun, results: list[StageResult]) -> None:
        from mlops_nb.entities import Status

        seen: dict[str, list[float]] = {}
        for result in results:
            for key, value in (result.record.run.get("metrics") or {} if result.record else {}).items():
                if isinstance(value, int | float):
                    seen.setdefault(key, []).append(value)
        parent.log_metrics({key: values[0] for key, values in seen.items() if len(values) == 1})
        stages = [
            {"name": each.stage.name, "state": each.state, "reasons": each.reasons,
             "run_id": each.record.run_id if each.record else None}
            for each in results
        ]  # fmt: skip
        parent.fact("pipeline", {"stages": stages, "links": [list(link) for link in self.links()]})
        failed = [each for each in results if each.state == "failed"]
        if failed:
            killed = failed[0].record is not None and failed[0].record.run.get("status") == "KILLED"
            parent.finish(Status.KILLED if killed else Status.FAILED)

    # -- what is kept between runs ----------------------------------------------------------------------------------

    def _load(self) -> None:
        from mlops_nb.capture.data.digests import Digest

        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # then it is learnt again
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            names = {stage.name: stage.notebook for stage in self._stages}
            for name, each in raw["stages"].items():
                if names.get(name) == each["notebook"]:
                    self._records[name] = Record(**each["record"])
            self._memory.update({key: Digest(*value) for key, value in raw["digests"].items()})

    def _save(self) -> None:
        notebooks = {stage.name: stage.notebook for stage in self._stages}
        stages = {
            name: {"notebook": notebooks[name], "record": record.as_json()} for name, record in self._records.items()
        }
        used = {key: each for key, each in self._memory.items() if key in self._memory.used}
        digests = {key: [each.digest, each.size, each.sampled] for key, each in used.items()}
        text = json.dumps({"version": 1, "folder": str(self.folder), "stages": stages, "digests": digests}, default=str)
        with contextlib.suppress(OSError):  # it is a memory: without it the check takes longer
            if self._file.is_file() and self._file.read_text(encoding="utf-8") == text:
                return
        self.space.make_folder(self._file.parent)
        fresh = self._file.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._file)


def _foreseen(folder: Path, stage: Stage) -> Stage:
    try:
        reads, writes = foresee(read_plain(inside(folder, stage.notebook)))
    except InvalidInput:
        return stage
    base = PurePosixPath(stage.notebook).parent
    return replace(
        stage,
        reads=tuple(os.path.normpath(base / path) for path in sorted(reads)),
        writes=tuple(os.path.normpath(base / path) for path in sorted(writes)),
    )


def _distributed(params: Mapping[str, Any], stated: Mapping[str, Contract]) -> dict[str, dict[str, Any]]:
    """Each value for the stages that have a parameter of its name; ``stage.name`` for that stage alone."""
    given: dict[str, dict[str, Any]] = {name: {} for name in stated}
    for name, value in params.items():
        stage, dot, rest = name.partition(".")
        if dot and stage in stated:
            given[stage][rest] = value
            continue
        takers = [each for each, terms in stated.items() if name in terms.parameters]
        if not takers:
            every = {each for terms in stated.values() for each in terms.parameters}
            raise InvalidInput(
                f"No stage has a parameter {name!r}{closest(name, every)}.",
                hint=f"They have: {', '.join(sorted(every)) or 'none'}.",
            )
        for each in takers:
            given[each].setdefault(name, value)
    return given
