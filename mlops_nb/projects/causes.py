"""Why a rerun may differ: which data, which code, which packages are not what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.comparison import RunView
from mlops_nb.entities import DataRef

__all__ = ["PackageChanges", "changed_code", "changed_data", "changed_packages", "changed_randomness"]

OURS = frozenset({"mlops-nb", "mlops_nb"})


@dataclass(frozen=True, slots=True)
class PackageChanges:
    """What differs between environments: `all` as dicts; `used` as sentences, of what the session had imported."""

    all: list[dict[str, Any]] = field(default_factory=list)
    used: list[str] = field(default_factory=list)


def changed_data(view: RunView, project: Path) -> list[str]:
    """One sentence for each input file that is gone or has another content now.

    Files that the slice itself writes before it reads them are made again, and are no inputs.
    """
    written = {ref.path for ref in view.data if ref.mode == "write"}
    return [
        sentence
        for ref in view.data
        if ref.mode == "read" and ref.profile.get("kind") in ("file", "folder", "database") and ref.path not in written
        if (sentence := _changed(ref, project))
    ]


def changed_code(view: RunView, project: Path, packages: Collection[str] = ()) -> list[str]:
    """One sentence for each local module that the result imported and that is not the same any more.

    Parameters
    ----------
    view : RunView
    project : Path
        What relative paths are relative to.
    packages : collection of str
        Packages that are known to have changed: their modules (from a folder on ``PYTHONPATH``) are no further news.
    """
    return [
        sentence
        for ref in view.data
        if ref.mode == "read"
        and ref.profile.get("kind") == "code"
        and not _belongs_to(ref, packages)
        and (sentence := _changed(ref, project))
    ]


def _belongs_to(ref: DataRef, packages: Collection[str]) -> bool:
    if not Path(ref.path).is_absolute():
        return False
    parts = Path(ref.path).parts[-4:-1]
    return not {_plain(part) for part in (*parts, Path(ref.path).stem)}.isdisjoint(map(_plain, packages))


def changed_randomness(view: RunView, rerun: RunView) -> list[str]:
    """One sentence for each generator that a rerun left in another state than the original did.

    Random state is given back before each cell, so that a difference comes from within: another seed, or other draws.
    """
    recorded, now = (each.facts.get("randomness") or {} for each in (view, rerun))
    then: Mapping[str, str] = recorded.get("after") or {}
    left: Mapping[str, str] = now.get("after") or {}
    return [
        f"Other random numbers were drawn: the state of {name} after the cell is another one."
        for name in then
        if name in left and then[name] != left[name]
    ]


def _changed(ref: DataRef, project: Path) -> str:
    from mlops_nb.capture.data.digests import digest

    path = Path(ref.path) if Path(ref.path).is_absolute() else project / ref.path
    if not path.exists():
        return f"{ref.path} is gone."
    if not ref.digest:
        return ""
    found = digest(path)
    if found.digest == ref.digest:
        return ""
    return f"{ref.path} has changed: {ref.size:,} bytes then, {found.size:,} now, and another content."


def changed_packages(view: RunView, packages: Mapping[str, str]) -> PackageChanges:
    """How an environment's packages differ from the recorded ones.

    Parameters
    ----------
    view : RunView
    packages : mapping
        Name -> version, of the environment that it is executed in.
    """
    environment = view.facts.get("environment") or {}
    recorded: Mapping[str, str] = environment.get("packages") or {}
    imported = {_plain(name) for name in environment.get("imported") or recorded}
    differences: list[dict[str, Any]] = []
    used = []
    now = {_plain(name): version for name, version in packages.items()}
    for name, version in sorted(recorded.items()):
        key = _plain(name)
        if key in OURS or now.get(key) == version:
            continue
        differences.append({"name": name, "recorded": version, "now": now.get(key)})
        if key in imported:
            used.append(f"{name} was {version}, and is {now.get(key) or 'not installed'} now.")
    then = {_plain(name) for name in recorded}
    differences += [
        {"name": name, "recorded": None, "now": version} for name, version in sorted(now.items())
        if name not in then and name not in OURS
    ]  # fmt: skip
    return PackageChanges(differences if recorded else [], used)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
