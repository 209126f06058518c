"""skops, loaded quickly, and its files written so that the same model gives the same bytes."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_nb.errors import require
from mlops_nb.workspace import user_folder

_lock = threading.Lock()


def skops_io() -> Any:
    """The module ``skops.io``.

    To learn the names of scikit-learn's estimators skops imports every module of scikit-learn, and PyTorch with them:
    half of the time that loading a model takes in a fresh process. The names are the same for a version of
    scikit-learn, so they are remembered in the user's folder.

    Raises
    ------
    MissingDependency

    Examples
    --------
    >>> callable(skops_io().load)
    True
    """
    if "skops.io" in sys.modules:
        return sys.modules["skops.io"]
    with _lock, _remembered_names():
        io = require("skops.io", "sklearn", purpose="read and write scikit-learn models without pickle")
    _remember(io)
    return io


@contextlib.contextmanager
def _remembered_names() -> Iterator[None]:
    """Within it, skops (and nobody else) is given the remembered names when it asks for scikit-learn's estimators."""
    utils: Any = require("sklearn.utils", "sklearn", purpose="load a scikit-learn model")
    names = _read_names()
    genuine = utils.all_estimators
    if not names:
        yield
        return

    def answer(*args: Any, **options: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__") != _ASKER:
            return genuine(*args, **options)
        found = (name.rpartition(".") for name in names)
        return [(name, type(name, (), {"__module__": module})) for module, _, name in found]

    utils.all_estimators = answer
    try:
        yield
    finally:
        utils.all_estimators = genuine
        asker = sys.modules.get(_ASKER)
        if getattr(asker, "all_estimators", None) is answer:
            asker.all_estimators = genuine  # type: ignore[union-attr]


_ASKER = "skops.io._trusted_types"


def _names_file() -> Path:
    import sklearn

    return user_folder() / f"estimators-{sklearn.__version__}.json"


def _read_names() -> list[str]:
    try:
        names = json.loads(_names_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    known = isinstance(names, list) and all(isinstance(each, str) and each.startswith("sklearn.") for each in names)
    return names if known else []


def _remember(io: Any) -> None:
    names = getattr(sys.modules.get(_ASKER), "SKLEARN_ESTIMATOR_TYPE_NAMES", None)
    path = _names_file()
    if not names or path.exists():
        return
    draft = path.with_suffix(f".{threading.get_ident()}")
    with contextlib.suppress(OSError):  # then the next process takes the long way, too
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(sorted(map(str, names))), encoding="utf-8")
        draft.replace(path)


def settle(path: Path) -> None:
    """Write a skops file again without what changes each time: addresses in memory, and the time.

    So the same model has the same bytes, whoever saves it when, and a digest tells whether two models are the same.
    """
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files.pop("schema.json"))
    known: dict[str, int] = {}
    _renumber(schema, known)
    draft = path.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w") as archive:
        for name in sorted(files, key=lambda each: (known.get(each.partition(".")[0], 0), each)):
            archive.writestr(zipfile.ZipInfo(_renamed(name, known)), files[name], zipfile.ZIP_STORED)
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema), zipfile.ZIP_DEFLATED, 1)
    draft.replace(path)


def _renumber(value: Any, known: dict[str, int]) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("__id__"), int):
            value["__id__"] = known.setdefault(str(value["__id__"]), len(known) + 1)
        if isinstance(value.get("file"), str) and "__loader__" in value:
            known.setdefault(value["file"].partition(".")[0], len(known) + 1)
            value["file"] = _renamed(value["file"], known)
        for each in value.values():
            _renumber(each, known)
    elif isinstance(value, list):
        for each in value:
            _renumber(each, known)


def _renamed(name: str, known: dict[str, int]) -> str:
    stem, dot, ending = name.partition(".")
    return f"{known[stem]}{dot}{ending}" if stem in known else name
