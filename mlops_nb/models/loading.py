"""Models loaded out of a folder, as far as they may be."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_nb.artifacts import tree_digest, walk_folder
from mlops_nb.entities import Artifact
from mlops_nb.errors import InvalidInput, MissingDependency, NotFound
from mlops_nb.models import trust as trusting
from mlops_nb.models.flavors import FLAVORS, Flavor, Row, load_flavor
from mlops_nb.models.loaded import LoadedModel
from mlops_nb.models.mlmodel import PYTHON, Description, inside, read_mlmodel
from mlops_nb.models.requirements import difference, warn_difference
from mlops_nb.workspace import takes_safe_models_only

_QUICK_BYTES = 256 << 20
"""Up to this size a folder is hashed first; of a larger one, what is safe to load by its format never is."""


def load_folder(
    folder: str | Path,
    *,
    native: bool = False,
    trust: Sequence[str] = (),
    safe_only: bool | None = None,
    name: str = "",
    digest: str = "",
) -> Any:
    """Load a model from its folder.

    Parameters
    ----------
    folder : str or Path
        The folder with the file MLmodel; one that MLflow saved will do.
    native : bool
        Give the library's own object, instead of a `LoadedModel`.
    trust : sequence of str
        What of a model that this user did not make may run code: ``"pickle"``, ``"code"``, or types and modules by
        their dotted names. The error of an untrusted model says what to write here.
    safe_only : bool, optional
        Refuse what runs code, trusted or not; by default as ``MLOPS_NB_SAFE_MODELS`` says.
    name : str
        What to call it in messages; by default the folder's name.
    digest : str
        The folder's tree digest, if the caller knows it from verified bytes.

    Returns
    -------
    LoadedModel or object

    Raises
    ------
    PermissionDenied
        If loading would run code that was neither made by this user nor trusted.
    NotFound, CorruptData, InvalidInput, MissingDependency
        If there is no model, its files are damaged or lead out of the folder, or its library is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.models import save_model
    >>> folder = tempfile.mkdtemp() + "/rule"
    >>> _ = save_model(lambda rows: [row > 3 for row in rows], folder, requirements=["numpy"])
    >>> load_folder(folder).predict([1, 5])
    [False, True]
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise NotFound(f"There is no folder {str(path)!r}.", hint="Name the folder that holds the file MLmodel.")
    description = read_mlmodel(path)
    files = walk_folder(path)  # refuses links that lead out, and pipes
    given = (trust,) if isinstance(trust, str) else tuple(trust)
    label = name or path.resolve().name
    chosen = _choose(description, label)
    unsafe_refused = takes_safe_models_only() if safe_only is None else safe_only
    allowed: frozenset[str] | None = None
    small = digest or sum(file.stat().st_size for _, file in files) <= _QUICK_BYTES
    if unsafe_refused or not (small and trusting.was_made_here(digest or folder_digest(path))):
        allowed = _allow(path, label, _risks(path, description, *chosen), given, digest, unsafe_refused)
    return _load(path, label, description, chosen, allowed, native)


def load_own(folder: Path) -> LoadedModel:
    """Load a model that this process's parent is just saving: trusted, and not compared with the environment."""
    description = read_mlmodel(folder)
    chosen = _choose(description, folder.name)
    loaded: LoadedModel = _load(folder, folder.name, description, chosen, None, False, compare=False)
    return loaded


def risks_of(folder: Path) -> list[trusting.Risk]:
    """What in a model would run code when it is loaded; told without running any.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.models import save_model
    >>> folder = Path(tempfile.mkdtemp(), "rule")
    >>> _ = save_model(lambda rows: rows, folder, requirements=[])
    >>> [risk.name for risk in risks_of(folder)]
    ['pickle']
    """
    description = read_mlmodel(folder)
    row, flavor, settings = _choose(description, folder.name)
    return _risks(folder, description, row, flavor, settings)


def _allow(
    path: Path, label: str, risks: list[trusting.Risk], given: Sequence[str], digest: str, unsafe_refused: bool
) -> frozenset[str] | None:
    """None if this user made the model; else what is trusted of it, if that is enough."""
    if not risks:
        return frozenset(given)
    if unsafe_refused:
        raise trusting.refuse_unsafe(label, risks)
    if trusting.was_made_here(digest or folder_digest(path)):
        return None
    left = _untrusted(path, risks, given)
    if left:
        raise trusting.refuse(label, left)
    return frozenset(given)


def _untrusted(path: Path, risks: list[trusting.Risk], given: Sequence[str]) -> list[trusting.Risk]:
    left = trusting.untrusted(risks, given)
    if given and left and all(risk.name == "pickle" for risk in left):
        from mlops_nb.models.pickles import names_in

        files = [file for _, file in walk_folder(path) if file.suffix in (".pkl", ".pickle", ".statsmodels", ".pth")]
        if files and all(set(names_in(file)) <= set(given) for file in files):
            return []  # every name in it was trusted: it is loaded with these and no others
    return left


def folder_digest(path: Path) -> str:
    """The tree digest of a folder on disk."""
    from mlops_nb.artifacts.cloning import hash_stream

    entries = []
    for where, file in walk_folder(path):
        with file.open("rb") as stream:
            name, size = hash_stream(stream)
        entries.append(Artifact(where, f"sha256:{name}", size))
    return tree_digest(entries)


Chosen = tuple[Row | None, Flavor | None, dict[str, Any]]


def _choose(description: Description, label: str) -> Chosen:
    """The flavor to load: a library's own, else the generic one; none for a loader of somebody else's."""
    python = description.python
    by_loader = {row.loader: row for row in FLAVORS}
    for row in FLAVORS:
        if row.name in description.flavors:
            settings = {**description.flavors[row.name]}
            if "predict_fn" in python:
                settings["predict_fn"] = python["predict_fn"]
            return row, load_flavor(row), settings
    loader = python.get("loader_module")
    if not isinstance(loader, str) or not loader:
        known = ", ".join(description.flavors)
        raise InvalidInput(f"The model {label!r} has no flavor that can be loaded (it has: {known}).")
    found = by_loader.get(loader)
    if found is not None and not python.get("model_code_path"):
        return found, load_flavor(found), dict(python)
    return None, None, dict(python)


def _risks(
    path: Path, description: Description, row: Row | None, flavor: Flavor | None, settings: Mapping[str, Any]
) -> list[trusting.Risk]:
    found = []
    for code in sorted(_code_folders(description)):
        files = [where for where, _ in walk_folder(inside(path, code))] if inside(path, code).is_dir() else [code]
        shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
        found.append(trusting.Risk("code", f"the folder {code} holds code ({shown})"))
    if flavor is None:
        loader = str(settings["loader_module"])
        found.append(trusting.Risk(loader, f"the module {loader} is imported to load it"))
        if settings.get("model_code_path"):
            found.append(trusting.Risk("code", f"{settings['model_code_path']} is a script that is executed"))
    else:
        try:
            found += flavor.risks(path, settings)
        except ImportError as error:
            raise _missing(row, error) from error
    return found


def _code_folders(description: Description) -> set[str]:
    return {str(each["code"]) for each in description.flavors.values() if isinstance(each.get("code"), str)}


def _load(
    path: Path, label: str, description: Description, chosen: Chosen, allowed: frozenset[str] | None, native: bool,
    *, compare: bool = True,
) -> Any:  # fmt: skip
    row, flavor, settings = chosen
    for code in sorted(_code_folders(description)):
        folder = str(inside(path, code).resolve())
        if folder not in sys.path:
            sys.path.insert(0, folder)
            importlib.invalidate_caches()
    python = str(description.python.get("python_version", ""))
    found = difference(path, python) if compare else {}
    warn_difference(label, found)
    if flavor is None:
        model, score = _load_foreign(path, settings)
        return model if native else LoadedModel(label, PYTHON, path, description, score, found, native=lambda: model)
    try:
        model = flavor.load(path, settings, allowed)
    except ModuleNotFoundError as error:
        raise _missing(row, error) from error
    unwrap = getattr(flavor, "unwrap", lambda each: each)
    if native:
        return unwrap(model)
    assert row is not None
    return LoadedModel(
        label, row.name, path, description, flavor.scorer(model, settings), found, native=lambda: unwrap(model)
    )


def _load_foreign(path: Path, settings: Mapping[str, Any]) -> tuple[Any, Callable[[Any, dict[str, Any]], Any]]:
    """By the module that the MLmodel file names, as MLflow would; it was trusted by name."""
    loader = str(settings["loader_module"])
    try:
        module = importlib.import_module(loader)
    except ImportError as error:
        raise MissingDependency(
            f"The model is loaded by the module {loader}, which cannot be imported: {error}.",
            hint=f"Install it with: pip install {loader.partition('.')[0]}",
        ) from error
    data = settings.get("data")
    model = module._load_pyfunc(str(inside(path, str(data)) if data else path))
    ask = getattr(model, str(settings.get("predict_fn", "predict")))

    def score(given: Any, params: dict[str, Any]) -> Any:
        return ask(given, params=params) if params else ask(given)

    return model, score


def _missing(row: Row | None, error: ImportError) -> MissingDependency:
    if isinstance(error, MissingDependency):
        return error
    name = (error.name or str(error)).partition(".")[0]
    extra = f"pip install 'mlops_nb[{row.extra}]', or " if row is not None and row.extra else ""
    return MissingDependency(
        f"The model needs the module {name!r}, which is not installed.",
        hint=f"Install it ({extra}the model's requirements.txt), or save the model again with code_paths=[...].",
    )
