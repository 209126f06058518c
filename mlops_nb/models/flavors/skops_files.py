"""skops, loaded quickly, and its files written so that the same model gives the same bytes."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from mlops_nb.errors import require
from mlops_nb.workspace import user_folder

_lock = threading.Lock()
_ASKER = "skops.io._trusted_types"
_ROOTS = ("builtins.", "numpy.", "scipy.", "sklearn.")
_IGNORED = frozenset({"tests", "externals", "setup", "conftest", "experimental", "estimator_checks"})
"""Modules of scikit-learn in which it does not look for estimators."""


def skops_io() -> Any:
    """The module ``skops.io``.

    To learn the names of the types that it trusts, skops imports every module of scikit-learn, with PyTorch, Dask and
    pytest where they are installed, and then searches all modules for each function of NumPy: more than all else that
    loading a model takes in a fresh process. The names are the same for these versions of the libraries, so they are
    remembered in the user's folder.

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
    require("sklearn", "sklearn", purpose="read and write scikit-learn models")
    with _lock:
        names = _read_names()
        if names:
            io = _import_with(names)
            if io is not None:
                return io
        with _quick_walk():
            io = require("skops.io", "sklearn", purpose="read and write scikit-learn models without pickle")
        if not names:
            _remember()
    return io


def _import_with(names: dict[str, list[str]]) -> Any:
    """Import skops with the remembered names in the place of the module that finds them out; None if it has others."""
    stand_in: Any = ModuleType(_ASKER)
    vars(stand_in).update(names)
    sys.modules[_ASKER] = stand_in
    try:
        import skops.io
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name == "skops.io" or name.startswith("skops.io.")]:
            del sys.modules[name]
        return None
    finally:
        if sys.modules.get(_ASKER) is stand_in:
            del sys.modules[_ASKER]  # whoever asks for it gets the real one
    return skops.io


@contextlib.contextmanager
def _quick_walk() -> Iterator[None]:
    """Within it, skops (and nobody else) gets scikit-learn's estimators without all that lies beside them."""
    utils: Any = require("sklearn.utils", "sklearn", purpose="load a scikit-learn model")
    genuine = utils.all_estimators

    def answer(*args: Any, **options: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__") != _ASKER:
            return genuine(*args, **options)
        return _estimators()

    utils.all_estimators = answer
    try:
        yield
    finally:
        utils.all_estimators = genuine
        asker = sys.modules.get(_ASKER)
        if getattr(asker, "all_estimators", None) is answer:
            asker.all_estimators = genuine  # type: ignore[union-attr]


def _estimators() -> list[tuple[str, type]]:
    """scikit-learn's own answer. It imports folders before it passes them over; here they are not even imported."""
    import importlib
    import pkgutil
    import warnings

    import sklearn
    from sklearn.base import BaseEstimator

    found: dict[tuple[str, type], None] = {}
    folders = [("sklearn.", list(sklearn.__path__))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while folders:
            prefix, places = folders.pop()
            for _, name, is_folder in pkgutil.iter_modules(places, prefix):
                last = name.rpartition(".")[2]
                if last in _IGNORED or last.startswith("_"):
                    continue
                module = importlib.import_module(name)
                if is_folder:
                    folders.append((f"{name}.", list(module.__path__)))
                for label, kind in vars(module).items():
                    if isinstance(kind, type) and issubclass(kind, BaseEstimator) and not label.startswith("_"):
                        found[label, kind] = None
    return sorted(
        (each for each in found if each[0] != "BaseEstimator" and not getattr(each[1], "__abstractmethods__", None)),
        key=lambda each: each[0],
    )


def _names_file() -> Path:
    versions = "-".join(version(name) for name in ("skops", "scikit-learn", "numpy", "scipy"))
    return user_folder() / f"skops-types-{versions}.json"


def _read_names() -> dict[str, list[str]]:
    try:
        names = json.loads(_names_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, ImportError):
        return {}
    return names if isinstance(names, dict) and all(map(_is_known, names.values())) else {}


def _is_known(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(each, str) and each.startswith(_ROOTS) for each in names)


def _remember() -> None:
    found = vars(sys.modules.get(_ASKER, ModuleType("")))
    names = {key: list(map(str, value)) for key, value in found.items() if key.endswith("_TYPE_NAMES")}
    if not names or not all(map(_is_known, names.values())):
        return  # a module of the user's has NumPy's functions under its own name
    path = _names_file()
    draft = path.with_suffix(f".{threading.get_ident()}")
    with contextlib.suppress(OSError):  # then the next process takes the long way, too
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(names), encoding="utf-8")
        draft.replace(path)


def dump(model: Any, path: Path) -> None:
    """Write a model in skops' format, without what changes each time: addresses in memory, and the time.

    So the same model has the same bytes, whoever saves it when, and a digest tells whether two models are the same.
    """
    found, files = _collect(model)
    known: dict[str, int] = {}
    schema = _renumbered(found, known)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files, key=lambda each: (known.get(each.partition(".")[0], 0), each)):
            archive.writestr(zipfile.ZipInfo(_renamed(name, known)), files[name], zipfile.ZIP_STORED)
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema), zipfile.ZIP_DEFLATED, 1)


class _Files(dict[str, bytes]):
    """What skops puts into an archive, before it is one."""

    def writestr(self, name: str, data: Any) -> None:
        self[name] = bytes(data)

    def namelist(self) -> _Files:
        return self


def _collect(model: Any) -> tuple[Any, dict[str, bytes]]:
    """A model as skops sees it: its schema, and the files beside it."""
    io = skops_io()
    try:
        from skops import __version__
        from skops.io._utils import SaveContext, get_state
    except ImportError:  # of a release that is built otherwise: through a whole archive, in twice the time
        buffer = BytesIO()
        io.dump(model, buffer)
        with zipfile.ZipFile(buffer) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        return json.loads(files.pop("schema.json")), files
    made = _Files()
    context = SaveContext(zip_file=made)
    schema = get_state(model, context)
    context.clear_memo()
    return {**schema, "protocol": context.protocol, "_skops_version": __version__}, made


def _renumbered(value: Any, known: dict[str, int]) -> Any:
    """The schema with its ids counted as they come; made anew, since skops may have one part in it twice."""
    if isinstance(value, list | tuple):
        return [_renumbered(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    made = dict(value)
    if isinstance(made.get("__id__"), int):
        made["__id__"] = known.setdefault(str(made["__id__"]), len(known) + 1)
    if isinstance(made.get("file"), str) and "__loader__" in made:
        known.setdefault(made["file"].partition(".")[0], len(known) + 1)
        made["file"] = _renamed(made["file"], known)
    return {key: _renumbered(each, known) for key, each in made.items()}


def _renamed(name: str, known: dict[str, int]) -> str:
    stem, dot, ending = name.partition(".")
    return f"{known[stem]}{dot}{ending}" if stem in known else name


class Read:
    """A file of skops', read once: the types in it that skops does not know, and then the model.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "m.skops")
    >>> dump({"a": 1}, path)
    >>> with Read(path) as file: file.types, file.model()
    ([], {'a': 1})
    """

    def __init__(self, path: Path) -> None:
        io = skops_io()
        self._path, self._io, self._tree = path, io, None
        self._archive: zipfile.ZipFile | None = None
        try:
            from skops.io._audit import get_tree
            from skops.io._utils import read_schema
        except ImportError:
            self.types = [str(each) for each in io.get_untrusted_types(file=path)]
            return
        self._archive = zipfile.ZipFile(path)
        try:
            schema, context = read_schema(self._archive)
            self._tree = get_tree(schema, context, trusted=None)
            self.types = sorted(map(str, self._tree.get_unsafe_set()))
        except BaseException:
            self._archive.close()
            raise

    def model(self) -> Any:
        """The model; whoever asks for it has judged the types."""
        return self._io.load(self._path, trusted=self.types) if self._tree is None else self._tree.construct()

    def __enter__(self) -> Read:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._archive is not None:
            self._archive.close()
