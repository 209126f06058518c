"""W&B's offline runs: the files ``run-*.wandb`` that ``wandb sync`` would send, read by W&B's own messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, NotFound, require
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.transfer.plain_runs import Found, PlainRuns, derived_id
from mlops_nb.transfer.trees import files_below
from mlops_nb.transfer.wandb_log import frames
from mlops_nb.transfer.wandb_records import Records

PATTERNS = ("run-*.wandb", "*run-*/run-*.wandb", "wandb/*run-*/run-*.wandb", ".wandb/*run-*/run-*.wandb")
"""Where the files lie below a run's own folder, the folder ``wandb``, and a project's folder."""

Key = tuple[str, str, str]
"""Entity, project and id: by these W&B knows a run. A resumed run has several files."""


def wandb_runs(folder: Path, report: Report) -> PlainRuns:
    """The runs in a folder.

    Parameters
    ----------
    folder : Path
        The folder ``wandb``, the one that it lies in, or that of a single run.
    report : Report
        Told of links, which are not followed, and of what could not be read.

    Returns
    -------
    PlainRuns

    Raises
    ------
    NotFound, InvalidInput
        If there are no such runs.

    Examples
    --------
    >>> wandb_runs(Path("no-such-folder"), Report("", ""))
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no folder no-such-folder. ...
    """
    if not folder.exists():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder wandb, or the one that it lies in.")
    root = folder.resolve()
    paths = sorted({path for pattern in PATTERNS for path in root.glob(pattern)})
    if not paths:
        raise InvalidInput(
            f"{folder} has no offline runs of W&B's (wandb/offline-run-*/run-*.wandb).",
            hint="Name the folder wandb, or the one that it lies in.",
        )
    require("wandb", "wandb", purpose="read W&B's offline runs")
    runs: dict[Key, list[Path]] = {}
    for path in paths:
        shown = ascii(path.relative_to(root).as_posix())
        if path.is_symlink() or not path.resolve().is_relative_to(root):
            report.lose("links", f"{shown} is a link, and is not followed.")
            continue
        try:
            runs.setdefault(_key_of(path), []).append(path)
        except (CorruptData, OSError) as error:
            report.lose("files that cannot be read", f"The file {shown}: {error}")
    experiments: dict[str, list[Callable[[], Found]]] = {}
    for key, each in runs.items():
        project = key[1] or "uncategorized"  # as W&B calls what has no project
        experiments.setdefault(project, []).append(partial(_read, key, project, each))
    return PlainRuns(experiments, report)


def _messages(path: Path) -> Iterator[Any]:
    from google.protobuf.message import DecodeError

    messages = require("wandb.proto.wandb_internal_pb2", "wandb", purpose="read W&B's offline runs")
    with path.open("rb") as file:
        for frame in frames(file):
            try:
                yield messages.Record.FromString(frame)
            except DecodeError:
                raise CorruptData("A record in it is no message of W&B's.") from None


def _key_of(path: Path) -> Key:
    for message in _messages(path):
        if message.WhichOneof("record_type") == "run":
            return message.run.entity, message.run.project, message.run.run_id
    raise CorruptData("It ends before it says of which run it is.")


def _read(key: Key, project: str, paths: list[Path]) -> Found:
    found = Found(derived_id("wandb", *key), key[2], project)
    records = Records(found)
    for path in paths:
        records.begin()
        try:
            for message in _messages(path):
                records.take(message)
        except CorruptData as error:
            found.stay("files that are cut off or damaged", f"A part of {path.name[:120]!a} ({error})")
    records.finish(time.time() - max(path.stat().st_mtime for path in paths))
    files = _files(paths, found)
    found.files = lambda: iter(files)
    return found


def _files(paths: list[Path], found: Found) -> list[File]:
    """The files of a run; of a resumed one, the later file of a name counts, but its output stands by itself."""
    kept: dict[str, File] = {}
    for number, path in enumerate(paths):
        place = path.parent / "files"
        if place.is_symlink():
            found.stay("links", f"The folder {place.name}, which is a link,")
            continue
        for file in files_below(place, place, lambda text: found.stay("links", f"A file ({text})")):
            name = f"output-{number}.log" if number and file.path == "output.log" else file.path
            kept[name] = replace(file, path=name)
    return list(kept.values())
