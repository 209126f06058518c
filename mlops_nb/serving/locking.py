"""Requirements closed over what they need themselves, each of the exact version that is installed here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata


def lock_lines(wanted: Iterable[str]) -> list[str]:
    """Requirements, and all that they need, as lines of exact versions.

    Parameters
    ----------
    wanted : iterable of str
        Requirements, such as ``scikit-learn==1.5.0`` or ``mlops_nb[serve]==0.1.0``.

    Returns
    -------
    list of str
        Sorted, each in the version that is installed here. What is wanted in another version than that is not looked
        into: it stands as it was given, and the installer finds what it needs.

    Examples
    --------
    >>> lock_lines(["no-such-package==1.0"])
    ['no-such-package==1.0']
    """
    from packaging.requirements import InvalidRequirement, Requirement

    locked: dict[str, str] = {}
    queue: list[tuple[str, frozenset[str]]] = []
    for line in wanted:
        try:
            found = Requirement(line)
        except InvalidRequirement:
            locked[line] = line  # a path or an option of pip's: as it stands
            continue
        name = _normal(found.name)
        locked[name] = line
        here = _version(name)
        if here is not None and found.specifier.contains(here, prereleases=True):
            extra = f"[{','.join(sorted(found.extras))}]" if found.extras else ""
            locked[name] = f"{found.name}{extra}=={here}"
            queue.append((name, frozenset(found.extras)))
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        name, extras = queue.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is not None and not any(needed.marker.evaluate({"extra": e}) for e in (*extras, "")):
                continue
            other = _normal(needed.name)
            version = _version(other)
            if version is None:
                continue
            locked.setdefault(other, f"{other}=={version}")
            queue.append((other, frozenset(needed.extras)))
    return sorted(locked.values(), key=str.lower)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
