"""A folder of MLflow's (``mlruns``): YAML files, and one file a metric, param and tag."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, MlopsError
from mlops_nb.models.strict_yaml import read_yaml
from mlops_nb.transfer.parcels import File
from mlops_nb.transfer.trees import files_below

Json = dict[str, Any]
TRASH = ".trash"
TEXT_LIMIT = 16 << 20
"""Most bytes of one param or tag."""

_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")
_VERSION = re.compile(r"version-(\d{1,18})")


class MlflowFolder:
    """A `Source` over a folder.

    Parameters
    ----------
    root : Path
        The folder. What its files say of other places is not followed: a run's files are those in its own folder.

    Raises
    ------
    InvalidInput
        If it is no such folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._lost: dict[str, None] = {}  # each once, in their order
        if not any(self._experiment_folders()) and not (self._root / "models").is_dir():
            raise InvalidInput(
                f"{root} is no folder of MLflow's: no experiment is in it.",
                hint="Name the folder mlruns itself, a SQLite file, or the address of a server.",
            )

    def total(self) -> int:
        """How many runs there are."""
        return sum(1 for folder in self._experiment_folders() for _ in self._run_folders(folder))

    def experiments(self) -> Iterable[Json]:
        """All experiments."""
        for folder in self._experiment_folders():
            if (meta := self._read(folder / "meta.yaml")) is not None:
                yield {**meta, "experiment_id": folder.name, "tags": _listed(_texts(folder / "tags"))}

    def runs(self, experiment_id: str) -> Iterable[Json]:
        """All runs of an experiment."""
        for folder in self._experiment_folders():
            if folder.name == experiment_id:
                for each in self._run_folders(folder):
                    if (run := self._run(each)) is not None:
                        yield run

    def _run(self, folder: Path) -> Json | None:
        info = self._read(folder / "meta.yaml")
        if info is None:
            return None
        last = []
        for key, path in _named(folder / "metrics"):
            try:
                points = _points(path)
            except CorruptData as error:
                self._lost[f"{path.relative_to(self._root)}: {error}"] = None
                continue
            if points:
                best = max(points, key=lambda each: (each["step"], each["timestamp"]))
                last.append({"key": key, **best})
        inputs, models = self._inputs(folder)
        return {
            "info": {**info, "run_id": folder.name, "experiment_id": folder.parent.name},
            "data": {
                "metrics": last,
                "params": _listed(_texts(folder / "params")),
                "tags": _listed(_texts(folder / "tags")),
            },
            "inputs": {"dataset_inputs": inputs, "model_inputs": models},
            "outputs": {
                "model_outputs": [
                    {"model_id": each.get("destination_id", ""), "step": each.get("step", 0)}
                    for each in self._metas(folder / "outputs")
                ]
            },
            "folder": folder,
        }

    def _inputs(self, folder: Path) -> tuple[list[Json], list[Json]]:
        datasets, models = [], []
        for each in self._metas(folder / "inputs"):
            if each.get("source_type") == "MODEL":
                models.append({"model_id": str(each.get("source_id", ""))})
                continue
            name = str(each.get("source_id", ""))
            place = folder.parent / "datasets" / name
            meta = self._read(place / "meta.yaml") if re.fullmatch(r"\w{1,64}", name) else None
            if meta is not None:
                kept = {key: value for key, value in meta.items() if isinstance(value, str)}
                datasets.append({"dataset": kept, "tags": _listed(each.get("tags") or {})})
        return datasets, models

    def whole(self, run: Json) -> Json:
        """The run: nothing was left out."""
        return run

    def history(self, run: Json, key: str) -> Iterable[Json]:
        """All points of a metric."""
        for name, path in _named(run["folder"] / "metrics"):
            if name == key:
                return _points(path)
        return []

    def files(self, run: Json) -> Iterator[File]:
        """The files of a run."""
        return files_below(run["folder"] / "artifacts", self._root)

    def logged_models(self, experiment_id: str) -> Iterable[Json]:
        """The logged models of an experiment."""
        for folder in self._experiment_folders():
            if folder.name != experiment_id or not (folder / "models").is_dir():
                continue
            for each in sorted((folder / "models").iterdir()):
                info = self._read(each / "meta.yaml") if _MODEL.fullmatch(each.name) else None
                if info is None:
                    continue
                points = [
                    {"key": key, **_with_dataset(point)}
                    for key, path in _named(each / "metrics")
                    for point in _points(path)
                ]
                yield {
                    "info": {
                        **info, "model_id": each.name, "experiment_id": experiment_id,
                        "creation_timestamp_ms": info.get("creation_timestamp"),
                        "last_updated_timestamp_ms": info.get("last_updated_timestamp"),
                        "tags": _listed(_texts(each / "tags")),
                    },
                    "data": {"params": _listed(_texts(each / "params")), "metrics": points},
                    "folder": each,
                }  # fmt: skip

    def logged_files(self, model: Json) -> Iterator[File]:
        """The files of a logged model."""
        return files_below(model["folder"] / "artifacts", self._root)

    def models(self) -> Iterable[Json]:
        """The registered models."""
        for folder in _folders(self._root / "models"):
            if (meta := self._read(folder / "meta.yaml")) is not None:
                aliases = _texts(folder / "aliases")
                yield {
                    **meta, "name": str(meta.get("name") or folder.name), "tags": _listed(_texts(folder / "tags")),
                    "aliases": [{"alias": key, "version": value.strip()} for key, value in aliases.items()],
                }  # fmt: skip

    def versions(self, name: str) -> Iterable[Json]:
        """The versions of a registered model; deleted ones are kept by MLflow, and are not told of."""
        for folder in _folders(self._root / "models"):
            meta = self._read(folder / "meta.yaml")
            if meta is None or str(meta.get("name") or folder.name) != name:
                continue
            for each in _folders(folder):
                info = self._read(each / "meta.yaml") if _VERSION.fullmatch(each.name) else None
                if info is not None and info.get("current_stage") != "Deleted_Internal":
                    status = info.get("status")
                    yield {
                        **info, "name": name, "version": each.name.removeprefix("version-"),
                        "tags": _listed(_texts(each / "tags")), "status": status if isinstance(status, str) else "",
                    }  # fmt: skip

    def left_behind(self) -> Iterable[str]:
        """Traces, and what could not be read."""
        for folder in self._experiment_folders():
            if count := len(_folders(folder / "traces")):
                yield f"{count} traces of the experiment {folder.name}: traces have no place here."
        yield from self._lost

    def _experiment_folders(self) -> Iterator[Path]:
        for place in (self._root, self._root / TRASH):
            for folder in _folders(place):
                if re.fullmatch(r"\d{1,20}", folder.name) and (folder / "meta.yaml").is_file():
                    yield folder

    def _run_folders(self, folder: Path) -> Iterator[Path]:
        return (each for each in _folders(folder) if _RUN.fullmatch(each.name))

    def _metas(self, folder: Path) -> Iterator[Json]:
        found = (self._read(each / "meta.yaml") for each in _folders(folder))
        return (each for each in found if each is not None)

    def _read(self, path: Path) -> Json | None:
        try:
            if not path.resolve().is_relative_to(self._root):
                raise InvalidInput("it is a link out of the folder")
            return read_yaml(path)
        except MlopsError as error:
            if path.parent.is_dir():
                self._lost[f"{path.relative_to(self._root)}: {error}"] = None
            return None


def _folders(place: Path) -> list[Path]:
    """Real folders in a folder, links left out."""
    if not place.is_dir() or place.is_symlink():
        return []
    return sorted(Path(each.path) for each in os.scandir(place) if each.is_dir(follow_symlinks=False))


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files by key; a key with slashes stands in folders."""
    for here, _, names in os.walk(folder):  # links to folders are not followed
        for name in sorted(names):
            path = Path(here, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _texts(folder: Path) -> dict[str, str]:
    found = {}
    for key, path in _named(folder):
        if path.stat().st_size > TEXT_LIMIT:
            raise InvalidInput(f"{key[:80]!a} has more than {TEXT_LIMIT >> 20} MB.")
        found[key] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _points(path: Path) -> list[Json]:
    """``timestamp value [step] [dataset] [run]`` a line."""
    points = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.split()
            if not parts:
                continue
            try:
                step = int(parts[2]) if len(parts) > 2 else 0
                points.append({"timestamp": int(parts[0]), "value": float(parts[1]), "step": step, "more": parts[3:]})
            except (ValueError, IndexError):
                raise CorruptData(f"Line {number} of the metric {path.name[:80]!a} is no point.") from None
    return points


def _with_dataset(point: Json) -> Json:
    """A logged model's point names its run, and before that a dataset's name and digest if there is one."""
    more = point["more"]
    dataset = {"dataset_name": more[0], "dataset_digest": more[1]} if len(more) > 2 else {}
    return {**point, "run_id": more[-1] if more else "", **dataset}


def _listed(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": str(key), "value": str(value)} for key, value in values.items()]
