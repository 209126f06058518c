"""What travels between stores, and what a store that is copied from has to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from mlops_nb.entities import Batch, Experiment, ModelChange, ModelVersion, RegisteredModel, Run
from mlops_nb.wire.logged import LoggedModel

SHOWN = 20
"""Most reports of one kind that are kept one by one."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a run or a model: its place in the tree, how to read it, and its digest where that is known."""

    path: str
    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]
    digest: str = ""


@dataclass(slots=True)
class Report:
    """What was carried over (`new`, `grown`, `same`: things by kind), and what was not (`lost`), in sentences."""

    source: str
    target: str
    new: dict[str, int] = field(default_factory=dict)
    grown: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    _kinds: dict[str, int] = field(default_factory=dict)

    def count(self, column: dict[str, int], kind: str) -> None:
        """One more thing of a kind, in one of the columns."""
        column[kind] = column.get(kind, 0) + 1

    def lose(self, kind: str, text: str) -> None:
        """Something was not carried over; many of a kind become one sentence."""
        count = self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if count <= SHOWN:
            self.lost.append(text)

    def sentences(self) -> list[str]:
        """All that was lost, and how much more of a kind there was."""
        more = [f"... and {count - SHOWN} more: {kind}." for kind, count in self._kinds.items() if count > SHOWN]
        return [*self.lost, *more]


class Origin(Protocol):
    """A store that is copied from. Ids in what it gives are those of home, also where a copy has others."""

    report: Report

    def total(self) -> int:
        """About how many runs there are, for the progress bar."""

    def experiments(self) -> Iterable[Experiment]:
        """All experiments, deleted ones included."""

    def runs(self, experiment: Experiment) -> Iterable[Run]:
        """All runs of an experiment, deleted ones included, parents before their children."""

    def contents(self, run: Run) -> Batch:
        """All that is known of a run but for its files."""

    def files(self, run: Run) -> Iterator[File]:
        """The files of a run."""

    def logged_models(self, experiment: Experiment) -> Iterable[LoggedModel]:
        """The logged models of an experiment."""

    def logged_files(self, model: LoggedModel) -> Iterator[File]:
        """The files of a logged model."""

    def models(self) -> Iterable[RegisteredModel]:
        """The registered models."""

    def versions(self, model: RegisteredModel) -> list[ModelVersion]:
        """The versions of a registered model, by number."""

    def version_files(self, version: ModelVersion) -> Iterator[File] | None:
        """The files of a version; None: they are those that its source names in a run or a logged model."""

    def changes(self, model: RegisteredModel) -> list[ModelChange]:
        """The audit of a registered model; empty where none is kept."""
