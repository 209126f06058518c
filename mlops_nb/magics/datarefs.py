"""From what was seen to what is recorded: files and frames that a result read and wrote."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Artifact, DataRef
from mlops_nb.errors import MlopsError
from mlops_nb.tracking import ActiveRun
from mlops_nb.tracking.faults import say

if TYPE_CHECKING:
    from mlops_nb.capture.data import Access
    from mlops_nb.magics.following import Touched

FOREGROUND_BYTES = 16 << 20
"""Frames up to this size are digested at once (3 ms); larger ones in the background, from a free copy."""
SLICE = "slice"
"""The context of data that earlier code of the slice touched, not the cell itself."""


def refs_of(touched: Sequence[Touched]) -> list[DataRef]:
    """What is known at once: paths, sizes, who; digests follow from the background."""
    return [_ref(each.access, each.own, "", 0, {}) for each in touched]


def _ref(access: Access, own: bool, digest: str, size: int, profile: dict[str, Any], sampled: bool = False) -> DataRef:
    extra = {"kind": access.kind, "via": access.via}
    for name in ("changed", "gone", "made"):
        if getattr(access, name):
            extra[name] = True  # type: ignore[assignment]
    if access.detail:
        extra["detail"] = access.detail
    return DataRef(
        path=access.relative or access.path,
        digest=digest,
        size=size or access.size,
        mode=access.mode,
        name=Path(access.path).name if access.kind not in ("sql", "url") else access.path,
        context="" if own else SLICE,
        profile={**profile, **extra},
        sampled=sampled,
    )


def digest_accesses(run: ActiveRun, touched: Sequence[Touched], *, keep: bool = False) -> None:
    """Digest and profile files, and record them; in the background, since 1 GB takes a second."""
    try:
        run.record_data(*(_digested(run, each, keep) for each in touched))
    except (MlopsError, OSError) as error:
        say(error, about=f"data of {run.run_id}")


def _digested(run: ActiveRun, touched: Touched, keep: bool) -> DataRef:
    from mlops_nb.capture.data import quiet
    from mlops_nb.capture.data.digests import digest
    from mlops_nb.capture.data.files import profile_file
    from mlops_nb.comparison.stamps import content_digest

    access, own = touched.access, touched.own
    if access.kind in ("sql", "url") or access.gone:
        return _ref(access, own, "", 0, {})
    found = touched.digest
    if found is None:
        found = digest(access.path, expected_mtime_ns=access.mtime_ns or None, members=access.members or None)
    profile = profile_file(access.path) if access.kind == "file" and access.mode == "read" else {}
    if access.kind == "file" and access.mode == "write":
        with quiet(access.path):
            content = content_digest(access.path)
        profile = {"content": content} if content else {}
    if found.changed:
        profile = {**profile, "changed": True}
    if keep and access.mode == "read" and Path(access.path).is_file():
        with quiet(access.path):
            kept, size = run.workspace.artifacts.put_file(Path(access.path))
        run.record_artifacts(Artifact(f"data/{Path(access.path).name}", kept, size))
    return _ref(access, own, found.digest, found.size, profile, found.sampled)


def frames_read(names: Sequence[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The frames, tables and arrays among the names that a cell reads."""
    from mlops_nb.capture.data.frames import is_frame

    if not {"pandas", "polars", "pyarrow", "numpy"} & sys.modules.keys():
        return {}
    return {name: namespace[name] for name in names if name in namespace and is_frame(namespace[name])}


def record_frames(run: ActiveRun, frames: Mapping[str, Any]) -> None:
    """Digest and profile frames as they are now, before later cells change them.

    In the background, from a copy that costs nothing (copy on write, immutable frames); small ones otherwise at once.
    """
    from mlops_nb.capture.data.frames import frame_digest

    for name, frame in frames.items():
        size = _size(frame)
        copy = _lazy_copy(frame)
        digest = frame_digest(frame) if size <= FOREGROUND_BYTES else ""
        if copy is None and not digest:
            known = {"kind": "frame", "not_digested": "too large, and cannot be copied for free"}
            run.record_data(DataRef(name, "", size, "read", name, "frame", known, True))
        else:
            run.workspace.drain.later(_profiling(run, name, copy, digest, size))


def _profiling(run: ActiveRun, name: str, frame: Any, digest: str, size: int) -> Any:
    def profile() -> None:
        from mlops_nb.capture.data.frames import frame_digest
        from mlops_nb.capture.data.profiles import profile_frame

        found = profile_frame(frame) if frame is not None else {}
        content = digest or frame_digest(frame)
        run.record_data(DataRef(name, content, size, "read", name, "frame", {**found, "kind": "frame"}))

    return profile


def _size(frame: Any) -> int:
    size = getattr(frame, "nbytes", None)
    if isinstance(size, int):
        return size
    usage = getattr(frame, "memory_usage", None)
    try:
        return int(usage(deep=False).sum()) if usage is not None else 0
    except Exception:  # a frame of a kind that we do not know
        return 0


def _lazy_copy(frame: Any) -> Any:
    """A copy that later changes do not reach: free with pandas' copy on write, cheap when small; else None."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, (pandas.DataFrame, pandas.Series)):
        if int(pandas.__version__.split(".")[0]) >= 3:
            return frame.copy(deep=False)
        return frame.copy() if _size(frame) < 8 << 20 else None
    if type(frame).__module__.split(".")[0] in ("polars", "pyarrow"):
        return frame  # immutable
    return frame.copy() if _size(frame) < 8 << 20 else None
