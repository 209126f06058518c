"""Why a stage has to run again: code, params, data, environment, results that are gone; what it was made of."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.packages import installed
from mlops_nb.entities import DataRef
from mlops_nb.projects.pinning import OURS

if TYPE_CHECKING:
    from mlops_nb.capture.data.digests import Digest

__all__ = ["Record", "record_of", "why_stale"]

_FILES = ("file", "folder", "database", "code")
_SHOWN = 3


@dataclass(slots=True)
class Record:
    """What a stage's last good run was made of, and what it made. Paths are seen from `root`, or absolute."""

    run_id: str
    cells: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    python: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    path: list[str] = field(default_factory=list)
    reads: list[dict[str, Any]] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data, to be kept.

        Examples
        --------
        >>> Record("01").as_json()["run_id"]
        '01'
        """
        return asdict(self)


def record_of(
    run_id: str, params: Mapping[str, Any], made: Mapping[str, Any], data: Sequence[DataRef], run: Mapping[str, Any]
) -> Record:
    """The record of a notebook's run, from what was recorded of it.

    Parameters
    ----------
    run_id : str
        The run.
    params : mapping
        Its params.
    made : mapping
        Its fact `mlops_nb.projects.sighting.MADE_FROM`.
    data : sequence of DataRef
        What it read and wrote.
    run : mapping
        The run as ``runs --json`` shows it.

    Returns
    -------
    Record
        What it both read and wrote is marked as rewritten: what it was before is not known any more.

    Examples
    --------
    >>> record_of("01", {}, {"cells": {"a": "0"}}, [DataRef("x.csv", "sha256:0", 1)], {}).reads[0]["path"]
    'x.csv'
    """
    files = [ref for ref in data if ref.profile.get("kind") in (*_FILES, None)]
    written = {ref.path for ref in files if ref.mode == "write"}
    return Record(
        run_id,
        dict(made.get("cells") or {}),
        dict(params),
        str(made.get("python") or ""),
        dict(made.get("packages") or {}),
        str(made.get("prefix") or ""),
        list(made.get("path") or ()),
        [_plain(ref) | ({"rewritten": True} if ref.path in written else {}) for ref in files if ref.mode == "read"],
        [_plain(ref) for ref in files if ref.mode == "write" and not ref.profile.get("gone")],
        dict(run),
    )


def _plain(ref: DataRef) -> dict[str, Any]:
    kind = ref.profile.get("kind", "file")
    found = {"path": ref.path, "digest": ref.digest, "size": ref.size, "kind": kind}
    members = ref.profile.get("members")
    return found | ({"members": list(members)} if members else {})


def why_stale(
    record: Record | None,
    cells: Mapping[str, str],
    params: Mapping[str, Any],
    root: Path,
    *,
    packages: Mapping[str, str] | None = None,
    memory: MutableMapping[str, Digest] | None = None,
    rewritten: Collection[str] = (),
    folder: Path | None = None,
) -> list[str]:
    """Why a stage has to run: a short sentence for each reason; empty if nothing has changed.

    Parameters
    ----------
    record : Record or None
        Of its last good run; None if there is none.
    cells : mapping
        The digests of its cells now, as `mlops_nb.projects.sighting.cell_digests` gives them.
    params : mapping
        What it would run with, as a run records it.
    root : Path
        What the record's paths are relative to.
    packages : mapping, optional
        The packages of the environment that it would run in; by default those of where it ran.
    memory : mutable mapping, optional
        Remembers digests of files that have not been touched.
    rewritten : collection of str
        Results that a later stage changes: they only have to be there.
    folder : Path, optional
        Files in it are called by their path from there; by default as the record has them.

    Returns
    -------
    list of str

    Examples
    --------
    >>> why_stale(None, {}, {}, Path("."))
    ['it has not run yet']
    >>> why_stale(Record("01", {"a": "0"}, {"lr": 0.1}), {"a": "0"}, {"lr": 0.2}, Path("."))
    ['lr was 0.1 and is 0.2']
    """
    if record is None:
        return ["it has not run yet"]
    reasons = _code(record.cells, cells) + _params(record.params, params)
    for each in record.reads:
        if each.get("rewritten"):
            continue
        reasons += _file(each, root, folder, memory, "a module that it imports" if each["kind"] == "code" else "")
    for each in record.writes:
        each = {**each, "digest": ""} if each["path"] in rewritten else each
        reasons += _file(each, root, folder, memory, "its result")
    return reasons + _environment(record, packages)


def _code(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    if list(then.items()) == list(now.items()):
        return []
    changed = [str(place) for place, (name, digest) in enumerate(now.items(), 1) if then.get(name, digest) != digest]
    added = [str(place) for place, name in enumerate(now, 1) if name not in then]
    gone = len([name for name in then if name not in now])
    parts = [f"code cell {_listed(changed)} was edited"] if changed else []
    parts += [f"code cell {_listed(added)} is new"] if added else []
    parts += [f"{gone} code cell{'s are' if gone > 1 else ' is'} gone"] if gone else []
    return parts or ["its cells are in another order"]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _params(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    reasons = []
    for name in dict.fromkeys([*then, *now]):
        if name not in then:
            reasons.append(f"{name} is a new parameter")
        elif name not in now:
            reasons.append(f"{name} is not a parameter any more")
        elif _text(then[name]) != _text(now[name]):
            reasons.append(f"{name} was {_shown(then[name])} and is {_shown(now[name])}")
    return reasons


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _file(
    each: Mapping[str, Any], root: Path, folder: Path | None, memory: MutableMapping[str, Digest] | None, what: str
) -> list[str]:
    from mlops_nb.capture.data.digests import digest

    path = Path(each["path"])
    place = path if path.is_absolute() else root / path
    name = place.relative_to(folder).as_posix() if folder and place.is_relative_to(folder) else each["path"]
    about = f" ({what})" if what else ""
    if not place.exists():
        return [f"{name}{about} is gone"]
    if not each["digest"]:
        return []
    found = digest(place, cache=memory, members=each.get("members") or None)
    return [] if found.digest == each["digest"] else [f"{name}{about} has changed"]


def _environment(record: Record, packages: Mapping[str, str] | None) -> list[str]:
    if packages is None:
        elsewhere = record.prefix not in ("", sys.prefix)
        packages = {name: each.version for name, each in installed(record.path if elsewhere else None).items()}
        version = "" if elsewhere else platform.python_version()
        reasons = (
            [f"Python was {record.python} and is {version}"] if version and record.python not in ("", version) else []
        )
    else:
        reasons = []
    changed = [
        f"{name} was {version} and is {packages.get(name, 'not installed')}"
        for name, version in record.packages.items()
        if name != OURS and packages.get(name) != version
    ]
    more = [f"{len(changed) - _SHOWN} more packages have changed"] if len(changed) > _SHOWN else []
    return reasons + changed[:_SHOWN] + more
