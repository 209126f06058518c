"""What MLflow has no place for, kept beside a run in its MLflow: files of JSON in ``mlops_nb/records/``. Pure.

Each is a `Batch` with what the server could not take as it was given: types and earlier values of params, captured
facts, live output, data with profiles, infinite numbers, names with characters that MLflow refuses. Reading puts the
pieces back, and believes MLflow in everything that it can hold.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import replace
from typing import Any, ClassVar

from mlops_nb.entities import Artifact, Batch, Points, Run, RunStart, check_name
from mlops_nb.errors import InvalidInput
from mlops_nb.wire.foreign import KEPT_TAG, key_of
from mlops_nb.wire.mlflow import param_text
from mlops_nb.wire.records import dump, load
from mlops_nb.wire.strict import parse_json

FOLDER = "mlops_nb/records"
PARAM_LIMIT = 6000
TAG_LIMIT = 8000
SEEN = 1000
"""By so many characters a text that MLflow has cut is known again."""

_BAD = re.compile(r"[^\w.\- :/]")


def foreign_key(key: str) -> str:
    """A key as MLflow takes it.

    Examples
    --------
    >>> foreign_key("loss@train"), foreign_key("a//b"), foreign_key("ok")
    ('loss_train', 'a/b', 'ok')
    """
    plain = _BAD.sub("_", key)[:250]
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "_"


def beside(batch: Batch, *, with_files: bool = False) -> Batch | None:
    """The part of a batch that MLflow cannot hold as it is; None if it can hold all.

    `with_files`: the digests of files are wanted as well.

    Examples
    --------
    >>> beside(Batch("r", "", params=[("lr", 0.1, 5)])).params
    [('lr', 0.1, 5)]
    >>> beside(Batch("r", "", params=[("lr", "0.1", 5)])) is None
    True
    """
    seen: dict[str, Any] = {}
    again = {key for key, value, _ in batch.params if seen.setdefault(key, value) is not value}
    left = Batch(
        batch.run_id,
        "",
        start=batch.start if batch.start is not None and _is_ours(batch.start) else None,
        params=[each for each in batch.params if each[0] in again or not _is_plain(each[0], each[1], PARAM_LIMIT)],
        tags={
            key: text for key, text in batch.tags.items() if text is not None and not _is_plain(key, text, TAG_LIMIT)
        },
        metrics={key: points for key, points in batch.metrics.items() if not _holds(key, points)},
        facts=batch.facts,
        data=[ref for ref in batch.data if "mlflow" not in ref.profile and not ref.path.startswith("models:/")],
        logs=batch.logs,
        artifacts=batch.artifacts,
    )
    said = left.start or left.params or left.tags or left.metrics or left.facts or left.data or left.logs
    return left if said or (with_files and batch.artifacts) else None


def _is_ours(start: RunStart) -> bool:
    """Whether a run's beginning says more than MLflow's tags can."""
    return bool(start.cell_id or start.line or start.stage)


def _is_plain(key: str, value: Any, limit: int) -> bool:
    return type(value) is str and len(value) <= limit and foreign_key(key) == key


def _holds(key: str, points: Points) -> bool:
    return foreign_key(key) == key and not any(map(math.isinf, points.values))


def write(batch: Batch, *, source: str = "", upto: int = 0) -> tuple[str, bytes]:
    """The name and the bytes of the file that keeps a batch.

    Examples
    --------
    >>> write(Batch("r", ""), source="a", upto=7)[0]
    'mlops_nb/records/ca978112ca1b-000000000007.json'
    """
    text = json.dumps(dump(batch), ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode()
    name = hashlib.sha256(source.encode() if source else text).hexdigest()[:12]
    return f"{FOLDER}/{name}-{upto:012d}.json", text


class Kept:
    """The files of one run, read."""

    SIZE_LIMIT: ClassVar[int] = 256 << 20

    def __init__(self) -> None:
        self._batches: list[tuple[str, Batch]] = []
        self._digests: dict[str, Artifact] = {}

    @staticmethod
    def is_in(run: Run) -> bool:
        """Whether a run has such files."""
        return KEPT_TAG in run.tags

    @staticmethod
    def is_file(path: str) -> bool:
        """Whether this is one of them."""
        return path.startswith(FOLDER + "/")

    def add(self, data: bytes, path: str) -> None:
        """Read a file; what is in it comes from outside."""
        if len(data) > self.SIZE_LIMIT:
            raise InvalidInput(f"{path} has more than {self.SIZE_LIMIT >> 20} MB.")
        batch: Batch = load(Batch, parse_json(data), path)
        self._batches = sorted([*self._batches, (path, batch)], key=lambda each: each[0])
        self._digests.update((each.path, each) for each in batch.artifacts)

    def digest_of(self, path: str, size: int) -> str:
        """What the digest of a file was when it went out; empty if that is not known."""
        found = self._digests.get(path)
        return found.digest if found is not None and found.size == size else ""

    def has_point(self, key: str) -> bool:
        """Whether a metric of MLflow's is one of its own, and not the stand-in of another name."""
        return not any(foreign_key(mine) == key != mine for _, batch in self._batches for mine in batch.metrics)

    def restore_run(self, run: Run) -> Run:
        """A run with typed params, full tags and metrics under their own names."""
        params, tags, metrics = {**run.params}, {**run.tags}, {**run.metrics}
        tags.pop(KEPT_TAG, None)
        start: RunStart | None = None
        values: dict[str, list[Any]] = {}
        for _, batch in self._batches:
            start = batch.start or start
            for key, value, _ in batch.params:
                values.setdefault(key, []).append(value)
            for key, text in batch.tags.items():
                if text is not None:
                    _put_back(tags, key, [text])
            for key, points in batch.metrics.items():
                if len(points):
                    metrics.pop(foreign_key(key), None)
                    metrics[check_name("metric", key)] = points.values[-1]
        for key, several in values.items():
            _put_back(params, key, several)
        run = replace(run, params=params, tags=tags, metrics=metrics)
        if start is None:
            return run
        notebook = start.notebook or run.notebook
        return replace(run, cell_id=start.cell_id, line=start.line, stage=start.stage, notebook=notebook)

    def restore_batch(self, batch: Batch) -> Batch:
        """The contents of a run with what was kept; `batch` is of a run that `restore_run` gave."""
        earlier: list[Any] = []
        for _, each in self._batches:
            earlier += each.params
            batch.facts.update(each.facts)
            batch.data += each.data
            batch.logs += each.logs
            for key, points in each.metrics.items():
                batch.metrics[key] = _joined(points, batch.metrics.get(key, Points()))
        known = {key for key, _, _ in earlier}
        batch.params = [*earlier, *(each for each in batch.params if each[0] not in known)]
        return batch


def _put_back(found: dict[str, Any], key: str, values: list[Any]) -> None:
    """The last of a key's values, in the place of what MLflow made of one; what was changed there since stays."""
    there = found.get(foreign_key(key))
    if there is None or any(param_text(value)[:SEEN] == str(there)[:SEEN] for value in values):
        found.pop(foreign_key(key), None)
        found[check_name("key", key)] = values[-1]


def _joined(mine: Points, theirs: Points) -> Points:
    """What was kept exactly, and what MLflow has beside it."""
    known = set(zip(mine.timestamps, mine.steps, strict=True))
    found = Points(mine.values[:], mine.steps[:], mine.timestamps[:])
    for value, step, at in zip(theirs.values, theirs.steps, theirs.timestamps, strict=True):
        if (at, step) not in known and key_of(value) != "NaN":
            found.values.append(value)
            found.steps.append(step)
            found.timestamps.append(at)
    return found
