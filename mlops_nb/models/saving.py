"""Models saved: an MLmodel folder on disk, whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mlops_nb.artifacts import walk_folder
from mlops_nb.capture.packages import imported, installed
from mlops_nb.errors import AlreadyExists, InvalidInput, MlopsError, StoreError
from mlops_nb.models import requirements as needs
from mlops_nb.models import trust
from mlops_nb.models.casting import is_missing
from mlops_nb.models.enforcement import Enforcer
from mlops_nb.models.examples import cut, split_params, write_example
from mlops_nb.models.flavors import Flavor, Row, Saved, find_flavor, load_flavor, row_of
from mlops_nb.models.inference import infer_schema, infer_signature
from mlops_nb.models.info import ModelInfo
from mlops_nb.models.loaded import LoadedModel
from mlops_nb.models.loading import folder_digest
from mlops_nb.models.mlmodel import PYTHON, Description, write_mlmodel
from mlops_nb.models.signature import Signature
from mlops_nb.models.snapshot import take_snapshot

PLAIN = "python"
"""The flavor of functions and objects of one's own."""


def save_model(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    signature: Any = None,
    input_example: Any = None,
    flavor: str | None = None,
    requirements: Sequence[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
    code_paths: Sequence[str | os.PathLike[str]] | None = None,
    **flavor_options: Any,
) -> ModelInfo:
    """Save a model as an MLmodel folder, which MLflow and all that deploys its models can load.

    Parameters
    ----------
    model : object
        A fitted model of a known library, or any function or object with ``predict``.
    folder : path
        A new folder.
    signature : Signature, optional
        By default from `input_example` and its prediction; False for none. MLflow's own will do.
    input_example : frame, array, dict or list, optional
        A few rows are kept; with ``(example, params)`` the params as well.
    flavor : str, optional
        By default told from the object.
    requirements : sequence of str, or the name of a ``.txt`` file, optional
        By default exact versions of what a fresh process imports to load the model and predict the example.
    metadata : mapping, optional
        Plain values.
    code_paths : sequence of path, optional
        Files and folders of Python code that go along, and are importable when the model is loaded.
    **flavor_options
        For instance ``serialization_format="cloudpickle"`` for scikit-learn.

    Returns
    -------
    ModelInfo

    Raises
    ------
    InvalidInput
        If the object is no model, or cannot be saved; nothing is left behind.
    AlreadyExists
        If the folder is there and not empty.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import Ridge
    >>> ridge = Ridge().fit([[0.0], [1.0]], [0, 1])
    >>> info = save_model(ridge, tempfile.mkdtemp() + "/ridge", requirements=["scikit-learn"])
    >>> info.flavor
    'sklearn'
    """
    target = Path(folder).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"{str(target)!r} exists and is not empty.", hint="Name a new folder.")
    draft = target.parent / f".{target.name[:50]}-{os.urandom(6).hex()}"
    try:
        info = write_model(
            model, draft, signature=signature, input_example=input_example, flavor=flavor, requirements=requirements,
            metadata=metadata, code_paths=code_paths, options=flavor_options,
        )  # fmt: skip
        draft.replace(target)
    except OSError as error:
        if isinstance(error, MlopsError):
            raise
        raise StoreError(f"The model cannot be saved in {str(target)!r}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # after the replace there is nothing left of it
    return replace(info, name=target.name, path=str(target), uri=str(target))


def write_model(
    model: Any,
    draft: Path,
    *,
    signature: Any,
    input_example: Any,
    flavor: str | None,
    requirements: Sequence[str] | str | None,
    metadata: Mapping[str, Any] | None,
    code_paths: Sequence[str | os.PathLike[str]] | None,
    options: Mapping[str, Any],
    reference: Any = None,
) -> ModelInfo:
    """Write the folder; what fails leaves it as it is, for the caller to take away."""
    row = row_of(flavor) if flavor else find_flavor(model)
    given = None if requirements is None else needs.check_requirements(requirements)
    example, params = split_params(input_example)
    draft.mkdir(parents=True)
    module = load_flavor(row)
    saved = module.save(model, draft, example, options)
    code = _copy_code(code_paths or (), draft)
    description = _describe(row, saved, draft, code)
    description = replace(description, metadata=dict(metadata or {}))
    kept = None
    if example is not None:
        kept = cut(example)
        info = write_example(kept, params, draft)
        description = replace(description, example=info)
        if row.name == PLAIN and info["type"] == "json_object":
            description.extra["type_hint_from_example"] = True
    made = _signature(signature, example, {**saved.params, **(params or {})})
    if made is not None and signature is None and kept is not None and made.outputs is None:
        made = replace(made, outputs=_outputs(module, model, saved, description, made, kept, params))
    description = replace(description, signature=made)
    write_mlmodel(draft, description)
    pinned, note = (given, "") if given is not None else _infer(draft, saved, row, kept)
    needs.write_environment(draft, pinned)
    digest = folder_digest(draft)
    trust.note_made(digest)
    size = sum(file.stat().st_size for _, file in walk_folder(draft))
    asked = None
    if row.name != PLAIN or reference is not None:  # a function may cost money: not asked unless it was meant
        asked = partial(_asked(module, model, saved, description).predict, params=params)
    snapshot = take_snapshot(asked, example if reference is None else reference)
    return ModelInfo(
        "", "", row.name, digest, signature=made, requirements=tuple(pinned), size=size,
        metadata=description.metadata, note=note, snapshot=snapshot,
    )  # fmt: skip


def _describe(row: Row, saved: Saved, draft: Path, code: str | None) -> Description:
    import platform

    flavors: dict[str, dict[str, Any]] = {}
    if saved.python or not saved.settings:
        flavors[PYTHON] = {
            "loader_module": row.loader,
            "python_version": platform.python_version(),
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            **saved.python,
        }
    if saved.settings:
        flavors[row.name] = dict(saved.settings)
    if code:
        for each in flavors.values():
            each["code"] = code
    digest = folder_digest(draft)
    extra = {
        "mlops_nb_version": _own_version(),
        "model_uuid": uuid.uuid5(uuid.NAMESPACE_URL, digest).hex,  # of the content: the same model has the same
        "model_size_bytes": sum(file.stat().st_size for _, file in walk_folder(draft)),
    }
    return Description(flavors, extra=extra)


def _copy_code(paths: Sequence[str | os.PathLike[str]], draft: Path) -> str | None:
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    for each in paths:
        source = Path(each).expanduser()
        target = draft / "code" / source.resolve().name
        if target.exists():
            raise InvalidInput(f"Two of the code_paths are called {target.name!r}.", hint="Give the folder above them.")
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".ipynb_checkpoints")
            )
        elif source.is_file():
            shutil.copyfile(source, target)
        else:
            raise InvalidInput(f"The code {str(source)!r} does not exist.", hint="Check code_paths.")
    return "code" if paths else None


def _signature(given: Any, example: Any, params: Mapping[str, Any]) -> Signature | None:
    if given is False:
        return None
    if isinstance(given, Signature):
        return given
    if given is not None:
        plain = given.to_dict() if hasattr(given, "to_dict") else given
        if not isinstance(plain, Mapping):
            raise InvalidInput(
                f"A {type(given).__name__} is no signature.", hint="Use mlops_nb.models.infer_signature(X, y)."
            )
        return Signature.from_json(plain)
    if example is None:
        return infer_signature(params=params) if params else None
    return infer_signature(example, params=params)


def _outputs(
    module: Flavor, model: Any, saved: Saved, description: Description, made: Signature, example: Any,
    params: Mapping[str, Any] | None,
) -> Any:  # fmt: skip
    """What the model gives for its example; not known if it cannot be asked here."""
    try:
        asked = _asked(module, model, saved, replace(description, signature=made))
        result = asked.predict(example, Enforcer(made).params(params))
        return infer_schema(result) if not is_missing(result) else None
    except MlopsError as error:
        warnings.warn(f"The signature has no outputs: {error}", stacklevel=5)
    except Exception as error:  # the user's model refuses its own example: told, and saved all the same
        warnings.warn(f"The model cannot predict its input example: {type(error).__name__}: {error}", stacklevel=5)
    return None


def _asked(module: Flavor, model: Any, saved: Saved, description: Description) -> LoadedModel:
    """The model as it will be once it is loaded, to be asked here and now."""
    settings = {**saved.settings, **{key: value for key, value in saved.python.items() if key == "predict_fn"}}
    wrapped = getattr(module, "wrap", lambda each: each)(model)
    return LoadedModel("", "", Path(), description, module.scorer(wrapped, settings))


def _infer(draft: Path, saved: Saved, row: Row, example: Any) -> tuple[list[str], str]:
    """Requirements seen in a fresh process; if it failed, by the flavor's own packages, with a warning."""
    key = None
    if not saved.lazy:
        key = (row.name, repr(sorted(saved.settings.items(), key=str)), type(example), modules_in(draft))
    found = needs.probe(draft, key=key)
    named = imported(installed(), modules_in(draft))
    names = needs.needed({*found.direct, *saved.packages, *named}, found.packages)
    if found.fault:
        warnings.warn(
            f"The model could not be tried in a fresh process, where it will have to work: {found.fault}. "
            "If a module of your own is missing there, give it with code_paths=[...].",
            stacklevel=5,
        )
    return needs.pin(names), found.fault


def modules_in(folder: Path) -> tuple[str, ...]:
    """Modules that the files of a model name, for all that can be told without loading them."""
    import re
    import zipfile

    from mlops_nb.models.pickles import names_in

    found: set[str] = set()
    for _, file in walk_folder(folder):
        if file.suffix in (".pkl", ".pickle"):
            found |= {name.rpartition(".")[0] for name in names_in(file)}
        elif file.suffix == ".skops":
            with zipfile.ZipFile(file) as archive:
                schema = archive.read("schema.json").decode("utf-8")
            found |= set(re.findall(r'"__module__": "([^"]+)"', schema))
    return tuple(sorted(found))


def _own_version() -> str:
    """Of the installed package; the package itself is above this room."""
    own = installed().get("mlops-nb")
    return own.version if own is not None else "0"
