"""Installed distributions, read from the names of their folders."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlops_nb.capture.data.urls import redact_url

_VERSION_LINE = re.compile(rb"^Version:[ \t]*(\S+)", re.MULTILINE)
_METADATA = {"dist-info": "METADATA", "egg-info": "PKG-INFO", "egg": "EGG-INFO/PKG-INFO"}
_NAME_VERSION = re.compile(r"(.+)-(\d[^-]*)")
_PYTHON_TAG = re.compile(r"-py\d.*\Z")


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution: its normalised name, version, and the folder with its metadata."""

    name: str
    version: str
    folder: str


_cache: dict[tuple[str, ...], tuple[tuple[int, ...], dict[str, Distribution]]] = {}


def installed(path: Sequence[str] | None = None) -> dict[str, Distribution]:
    """Every installed distribution by its normalised name (PEP 503).

    Names and versions come from folder names, so that no metadata is read; known answers are kept until a folder of the
    path changes.

    Parameters
    ----------
    path : sequence of str, optional
        Where to look, `sys.path` by default; the first find of a name wins, as in an import.

    Returns
    -------
    dict of str to Distribution
        Sorted by name.

    Examples
    --------
    >>> installed()["ipython"].version.count(".") > 0
    True
    """
    folders = tuple(dict.fromkeys(entry or os.curdir for entry in (sys.path if path is None else path)))
    stamps = tuple(_stamp(folder) for folder in folders)
    known = _cache.get(folders)
    if known is not None and known[0] == stamps:
        return known[1]
    found: dict[str, Distribution] = {}
    for folder in folders:
        for distribution in _scan(folder):
            found.setdefault(distribution.name, distribution)
    found = dict(sorted(found.items()))
    if len(_cache) > 8:
        _cache.clear()
    _cache[folders] = (stamps, found)
    return found


def _stamp(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - many folders
    except OSError:
        return 0


def _scan(folder: str) -> Iterable[Distribution]:
    try:
        with os.scandir(folder) as entries:
            candidates = [entry for entry in entries if entry.name.endswith((".dist-info", ".egg-info", ".egg"))]
    except OSError:  # no folder, a zip file, or not readable: nothing can be imported from it this way
        return
    for entry in candidates:
        if entry.name.startswith("~"):
            continue  # what pip leaves of an interrupted uninstall
        stem, _, kind = entry.name.rpartition(".")
        named = _NAME_VERSION.fullmatch(_PYTHON_TAG.sub("", stem))
        name, version = (named[1], named[2]) if named is not None else (stem, "")
        metadata = f"{entry.path}/{_METADATA[kind]}"
        if not version:
            version = _version_in(metadata)
        elif not os.path.exists(metadata) and not (kind == "egg-info" and entry.is_file()):  # noqa: PTH110
            continue
        if name and version:
            yield Distribution(normalise(name), version, entry.path)


def _version_in(metadata: str) -> str:
    try:
        with open(metadata, "rb") as file:  # noqa: PTH123 - a plain str path, as from scandir
            found = _VERSION_LINE.search(file.read(20_000))
    except OSError:
        return ""
    return found[1].decode("utf-8", "replace") if found is not None else ""


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 compares it.

    Parameters
    ----------
    name : str
        In any spelling.

    Returns
    -------
    str
        Lower case, with single dashes.

    Examples
    --------
    >>> normalise("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def origin(distribution: Distribution) -> dict[str, Any] | None:
    """Where a distribution came from, if not from an index (PEP 610).

    Parameters
    ----------
    distribution : Distribution
        An installed one.

    Returns
    -------
    dict or None
        ``version``, ``url`` (no credentials), and as they apply ``editable``, ``path``, ``vcs``, ``commit``.

    Examples
    --------
    >>> origin(installed()["ipython"]) is None
    True
    """
    try:
        with open(f"{distribution.folder}/direct_url.json", "rb") as file:  # noqa: PTH123
            direct = json.load(file)
        url = direct["url"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not isinstance(url, str):
        return None
    made: dict[str, Any] = {"version": distribution.version, "url": redact_url(url)}
    if url.startswith("file:"):
        made["path"] = url2pathname(urlsplit(url).path)
    folder, control = direct.get("dir_info"), direct.get("vcs_info")
    if isinstance(folder, dict) and folder.get("editable"):
        made["editable"] = True
    if isinstance(control, dict):
        made.update(vcs=control.get("vcs"), commit=control.get("commit_id"))
    return made


_origins: tuple[dict[str, Distribution], dict[str, dict[str, Any]]] | None = None


def origins() -> dict[str, dict[str, Any]]:
    """`origin` of every installed distribution that has one, by name; kept until a folder of the path changes.

    Examples
    --------
    >>> "ipython" in origins()
    False
    """
    global _origins
    distributions = installed()
    if _origins is None or _origins[0] is not distributions:
        found = ((name, origin(each)) for name, each in distributions.items())
        _origins = distributions, {name: facts for name, facts in found if facts is not None}
    return _origins[1]


def imported(distributions: dict[str, Distribution], modules: Iterable[str] | None = None) -> list[str]:
    """Distributions that something was imported from.

    Parameters
    ----------
    distributions : dict of str to Distribution
        As from `installed`.
    modules : iterable of str, optional
        Names of modules, those in `sys.modules` by default.

    Returns
    -------
    list of str
        Sorted normalised names.

    Examples
    --------
    >>> imported(installed(), ["sklearn.base"])
    ['scikit-learn']
    """
    global _used
    if modules is not None:
        return _from(distributions, modules)
    names = list(sys.modules)
    state = (len(names), names[-1])  # what is imported stands last
    if _used is None or _used[0] is not distributions or _used[1] != state:
        _used = distributions, state, _from(distributions, names)
    return list(_used[2])


_used: tuple[dict[str, Distribution], tuple[int, str], list[str]] | None = None


def _from(distributions: dict[str, Distribution], names: Iterable[str]) -> list[str]:
    loaded = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    found = {normalise(name) for name in loaded} & distributions.keys()
    missing = {name for name in loaded if normalise(name) not in distributions and not name.startswith("_")}
    for distribution in distributions.values():
        if missing and distribution.name not in found:
            provided = _provided(distribution) & missing
            if provided:
                found.add(distribution.name)
    return sorted(found)


_provides: dict[str, frozenset[str]] = {}


def _provided(distribution: Distribution) -> frozenset[str]:
    """Top-level modules of a distribution, from its list of files."""
    known = _provides.get(distribution.folder)
    if known is None:
        known = _provides[distribution.folder] = frozenset(_read_provided(distribution.folder))
    return known


def _read_provided(folder: str) -> set[str]:
    for name in ("top_level.txt", "RECORD"):
        try:
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                lines = file.read().splitlines()
        except OSError:
            continue
        heads = {line.partition("/")[0].partition(",")[0] for line in lines}
        return {head.partition(".")[0] for head in heads if not head.endswith((".dist-info", ".data", "..", "pth"))}
    return set()
