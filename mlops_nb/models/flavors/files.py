"""Files of models: pickles that carry their code, and options checked."""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mlops_nb.capture.installed import is_installed
from mlops_nb.errors import CorruptData, InvalidInput, PermissionDenied
from mlops_nb.models.pickles import NamedUnpickler, describe, names_in
from mlops_nb.models.trust import Risk


def check_options(flavor: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse an option that a flavor does not have.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> check_options("sklearn", {"serialization_format": "skops"}, ("serialization_format",))
    """
    for name in options:
        if name not in known:
            shown = f"It takes: {', '.join(known)}." if known else "It takes none."
            raise InvalidInput(f"The flavor {flavor} has no option {name!r}.", hint=shown)


def dump_with_code(model: Any, path: Path) -> None:
    """Pickle with the code of what is defined in the notebook, or in modules that are not installed.

    A fresh process elsewhere has neither the notebook nor the folder beside it: their classes and functions go into the
    file itself.

    Raises
    ------
    InvalidInput
        If something in the model cannot be pickled; it says what.
    """
    import cloudpickle

    try:
        with code_by_value(), path.open("wb") as file:
            # Protocol 4 and not the newest: what MLflow and older interpreters read
            cloudpickle.CloudPickler(file, protocol=4).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise InvalidInput(
            f"The model cannot be pickled: {error}.",
            hint="Keep connections, locks, files and generators out of it, or make them when predict is first called.",
        ) from error


@contextlib.contextmanager
def code_by_value(*more: ModuleType) -> Iterator[None]:
    """Within it, cloudpickle takes the code of the user's own modules along, and that of `more`."""
    import cloudpickle

    known = cloudpickle.list_registry_pickle_by_value()
    modules = [module for module in (*local_modules(), *more) if module.__name__ not in known]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def local_modules() -> list[ModuleType]:
    """Modules of this process that are neither installed nor built in: files of the user's own project."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(file, str) or not isinstance(module, ModuleType):
            continue
        if name.partition(".")[0] == "mlops_nb" or is_installed(file):
            continue
        found.append(module)
    return found


def pickle_risks(path: Path) -> list[Risk]:
    """That a file is a pickle, and what it imports."""
    return [Risk("pickle", f"{path.name} is a pickle that imports {describe(names_in(path)) or 'nothing'}")]


def load_pickle(path: Path, trust: frozenset[str] | None) -> Any:
    """Unpickle a file that was made here or is trusted.

    Parameters
    ----------
    path : Path
    trust : frozenset of str or None
        None: made here. With ``pickle`` in it, everything in the file is trusted; else only the names in it.

    Raises
    ------
    PermissionDenied, CorruptData
    """
    try:
        with path.open("rb") as file:
            if trust is None or "pickle" in trust:
                return pickle.load(file)
            return NamedUnpickler(file, set(trust)).load()
    except (pickle.UnpicklingError, EOFError, IndexError, KeyError) as error:
        if "was not trusted" in str(error):
            raise PermissionDenied(f"{path.name}: {error}.", hint="Name it in trust=, or trust=('pickle',).") from None
        raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from error


def model_file(folder: Path, settings: Mapping[str, Any], *keys: str, default: str = "") -> Path:
    """The file of the model, by the first of some keys that is there.

    Raises
    ------
    CorruptData
        If the file is not there.
    """
    from mlops_nb.models.mlmodel import inside

    name = next((str(settings[key]) for key in keys if settings.get(key)), default)
    path = inside(folder, name)
    if not name or not path.exists():
        raise CorruptData(f"The model's file {name or keys[0]!r} is not in its folder.", hint="Fetch the model again.")
    return path
