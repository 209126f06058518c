"""Folders of TensorBoard's event files: a run for each folder that has some, read by TensorBoard's own reader."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mlops_nb.entities import Status
from mlops_nb.errors import InvalidInput, NotFound, require
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.transfer.plain_runs import Found, PlainRuns, derived_id, milliseconds, sorted_points

FRAME = 16
"""Bytes around an event in its file: length, and two check sums."""

STATUSES = {1: Status.FINISHED, 2: Status.FAILED, 3: Status.RUNNING}
"""What the plug-in for hyperparameters calls success, failure and running."""

KINDS = {"histo": "histograms", "image": "images", "audio": "audio", "obsolete_old_style_histogram": "histograms"}


def tensorboard_runs(folder: Path, report: Report) -> PlainRuns:
    """The runs below a folder.

    Parameters
    ----------
    folder : Path
        The log directory, or a folder of one run.
    report : Report
        Told of links, which are not followed, and of what could not be read.

    Returns
    -------
    PlainRuns

    Raises
    ------
    NotFound, InvalidInput
        If there are no event files.

    Examples
    --------
    >>> tensorboard_runs(Path("no-such-folder"), Report("", ""))
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no folder no-such-folder. ...
    """
    if not folder.exists():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder that TensorBoard is started with.")
    root = folder.resolve()
    places: dict[Path, list[Path]] = {}
    for here, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            if "tfevents" not in name:
                continue
            if path.is_symlink():
                report.lose("links", f"{path.relative_to(root).as_posix()!a} is a link, and is not followed.")
            elif path.is_file():
                places.setdefault(path.parent, []).append(path)
    if not places:
        raise InvalidInput(
            f"{folder} has no event files of TensorBoard's (events.out.tfevents.…).",
            hint="Name the folder that TensorBoard is started with.",
        )
    require("tensorboard", "tensorboard", purpose="read TensorBoard's event files")
    readers: list[Callable[[], Found]] = [partial(_read, root, place, paths) for place, paths in places.items()]
    return PlainRuns({root.name or "tensorboard": readers}, report)


def _read(root: Path, place: Path, paths: list[Path]) -> Found:
    name = place.relative_to(root).as_posix() if place != root else root.name or "tensorboard"
    found = Found("", name, root.name or "tensorboard")
    reading = _Reading(found)
    for path in paths:
        for event in _events(path, found):
            reading.event(event)
    # a folder may be moved, and a part of it be imported by itself: the id hangs on what stays
    found.run_id = derived_id("tensorboard", place.name, paths[0].name, repr(reading.first))
    reading.finish()
    return found


def _events(path: Path, found: Found) -> Iterator[Any]:
    """The events of a file; a file that was cut off, or is damaged, gives those before the damage."""
    from google.protobuf.message import DecodeError
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    size, read = path.stat().st_size, 0
    for raw in RawEventFileLoader(str(path)).Load():
        try:
            event = Event.FromString(raw)
        except DecodeError:
            break
        read += len(raw) + FRAME
        yield event
    if read < size:
        found.stay(
            "files that are cut off or damaged",
            f"The last {size - read:,} of {size:,} bytes of {path.name[:120]!a}, which is cut off or damaged there,",
        )


class _Reading:
    """Puts events where they belong."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.first = 0.0
        self._plugins: dict[str, str] = {}  # only the first value of a tag says whose it is
        self._texts: dict[str, list[str]] = {}
        self._others: dict[str, dict[str, None]] = {}

    def event(self, event: Any) -> None:
        """Take in an event."""
        found, at = self.found, milliseconds(event.wall_time)
        self.first = self.first or event.wall_time
        if at:
            found.start_time = min(found.start_time or at, at)
            found.end_time = max(found.end_time, at)
        what = event.WhichOneof("what")
        if what == "summary":
            for value in event.summary.value:
                self._value(value, at, event.step)
        elif what in ("graph_def", "meta_graph_def", "tagged_run_metadata"):
            self._others.setdefault("graphs and profiles", {})[what] = None

    def _value(self, value: Any, at: int, step: int) -> None:
        tag, kind = value.tag, value.WhichOneof("value")
        plugin = self._plugins.setdefault(tag, value.metadata.plugin_data.plugin_name)
        if plugin == "hparams":
            self._hparams(value.metadata.plugin_data.content)
        elif kind == "simple_value":
            self.found.point(tag, at, step, value.simple_value)
        elif kind == "tensor" and plugin == "scalars":
            self._scalar(tag, value.tensor, at, step)
        elif kind == "tensor" and plugin == "text":
            texts = [each.decode("utf-8", "replace") for each in value.tensor.string_val]
            self._texts.setdefault(_as_path(tag), []).append(f"<!-- step {step} -->\n" + "\n\n".join(texts) + "\n")
        else:
            self._others.setdefault(KINDS.get(kind or "", plugin or "tensors"), {})[tag] = None

    def _scalar(self, tag: str, tensor: Any, at: int, step: int) -> None:
        from tensorboard.util.tensor_util import make_ndarray

        try:
            if any(each.size != 1 for each in tensor.tensor_shape.dim):
                raise ValueError("more than one number")  # before memory is taken for as many as it says
            number = float(make_ndarray(tensor).item())
        except (TypeError, ValueError, OverflowError):
            self._others.setdefault("scalars that are no numbers", {})[tag] = None
            return
        self.found.point(tag, at, step, number)

    def _hparams(self, content: bytes) -> None:
        from google.protobuf.json_format import MessageToDict
        from google.protobuf.message import DecodeError
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        try:
            said = HParamsPluginData.FromString(content)
        except DecodeError:
            self._others.setdefault("hyperparameters that cannot be read", {})["hparams"] = None
            return
        if said.HasField("session_start_info"):
            known = {key for key, _, _ in self.found.batch.params}
            for key, value in sorted(said.session_start_info.hparams.items()):
                if key not in known:
                    # numbers that are no JSON come as themselves; the rest as JSON would have it
                    kind = value.WhichOneof("kind")
                    self.found.param(key, value.number_value if kind == "number_value" else MessageToDict(value))
            self.found.tag("tensorboard.group", said.session_start_info.group_name)
        elif said.HasField("session_end_info"):
            self.found.status = STATUSES.get(said.session_end_info.status, Status.FINISHED)

    def finish(self) -> None:
        """After the last event: what was gathered becomes files and sentences."""
        found = self.found
        found.end_time = found.end_time or found.start_time
        found.batch.metrics = {key: sorted_points(points) for key, points in found.batch.metrics.items()}
        texts = {f"text/{path}.md": "\n".join(parts).encode() for path, parts in self._texts.items()}
        found.files = lambda: (File(path, len(text), partial(io.BytesIO, text)) for path, text in sorted(texts.items()))
        for kind, tags in self._others.items():
            shown = ", ".join(ascii(tag[:60]) for tag in list(tags)[:5])
            found.stay(kind, f"The {kind} {shown}{' and more' if len(tags) > 5 else ''}")


def _as_path(tag: str) -> str:
    """A tag as a path: what would be refused in one becomes a dash."""
    parts = [re.sub(r"[^\w .()=+-]|^[. ]+|[. ]+$", "-", part)[:100] for part in tag.split("/")]
    return "/".join(part or "-" for part in parts[:8])
