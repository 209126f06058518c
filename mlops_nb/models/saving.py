"""Models saved: an MLmodel folder on disk, whole or not at all; and logged, with the bytes in the artifact store."""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mlops_nb
from mlops_nb.artifacts import check_path, tree_digest, walk_folder
from mlops_nb.entities import Artifact
from mlops_nb.errors import AlreadyExists, InvalidInput, MlopsError, StoreError
from mlops_nb.models import requirements as needs
from mlops_nb.models import trust
from mlops_nb.models.casting import is_missing
from mlops_nb.models.enforcement import Enforcer
from mlops_nb.models.examples import cut, split_params, write_example
from mlops_nb.models.flavors import Flavor, Row, Saved, find_flavor, load_flavor, row_of
from mlops_nb.models.inference import infer_schema, infer_signature
from mlops_nb.models.loading import LoadedModel, folder_digest
from mlops_nb.models.mlmodel import PYTHON, Description, write_mlmodel
from mlops_nb.models.signature import Signature


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that was saved or logged.

    Attributes
    ----------
    name : str
    path : str
        Where in the run's tree it is; of one that was only saved, the folder.
    run_id : str
        Empty if it was only saved.
    uri : str
        What `load_model` takes.
    digest : str
        Of its files: the same model has the same digest, whoever saves it when.
    flavor : str
    signature : Signature or None
    requirements : tuple of str
    size : int
        Bytes.
    artifacts : tuple of Artifact
        Its files, with paths in the run's tree; empty if it was only saved.
    metadata : dict
    note : str
        What went wrong while it was tried in a fresh process; empty if nothing did.
    """

    name: str
    path: str
    flavor: str
    digest: str
    run_id: str = ""
    uri: str = ""
    signature: Signature | None = None
    requirements: tuple[str, ...] = ()
    size: int = 0
    artifacts: tuple[Artifact, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def model_uri(self) -> str:
        """MLflow's name of `uri`."""
        return self.uri

    @property
    def artifact_path(self) -> str:
        """MLflow's name of `path`."""
        return self.path

    def to_json(self) -> dict[str, Any]:
        """What is recorded with the run."""
        return {
            "name": self.name,
            "path": self.path,
            "uri": self.uri,
            "flavor": self.flavor,
            "digest": self.digest,
            "size": self.size,
            "signature": None if self.signature is None else self.signature.to_plain(),
            "requirements": list(self.requirements),
            "metadata": self.metadata,
            "logged": True,
        }


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
    >>> info = save_model(Ridge().fit([[0.0], [1.0]], [0, 1]), tempfile.mkdtemp() + "/ridge", requirements=["scikit-learn"])
    >>> info.flavor
    'sklearn'
    """
    target = Path(folder).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"{str(target)!r} exists and is not empty.", hint="Name a new folder.")
    draft = target.parent / f".{target.name[:50]}-{os.urandom(6).hex()}"
    try:
        info = _write(
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


def _write(
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
) -> ModelInfo:
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
        if row.name == "python" and info["type"] == "json_object":
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
    return ModelInfo(
        "", "", row.name, digest, signature=made, requirements=tuple(pinned), size=size,
        metadata=description.metadata, note=note,
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
        "mlops_nb_version": mlops_nb.__version__,
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
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".ipynb_checkpoints"))
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
            raise InvalidInput(f"A {type(given).__name__} is no signature.", hint="Use mlops_nb.models.infer_signature(X, y).")
        return Signature.from_json(plain)
    if example is None:
        return infer_signature(params=params) if params else None
    return infer_signature(example, params=params)


def _outputs(
    module: Flavor, model: Any, saved: Saved, description: Description, made: Signature, example: Any,
    params: Mapping[str, Any] | None,
) -> Any:  # fmt: skip
    """What the model gives for its example; not known if it cannot be asked here."""
    settings = {**saved.settings, **{key: value for key, value in saved.python.items() if key == "predict_fn"}}
    try:
        wrapped = getattr(module, "wrap", lambda each: each)(model)
        asked = LoadedModel("", "", Path(), replace(description, signature=made), model, module.scorer(wrapped, settings), {})
        result = asked.predict(example, Enforcer(made).params(params))
        return infer_schema(result) if not is_missing(result) else None
    except MlopsError as error:
        warnings.warn(f"The signature has no outputs: {error}", stacklevel=5)
    except Exception as error:  # the user's model refuses its own example: told, and saved all the same
        warnings.warn(f"The model cannot predict its input example: {type(error).__name__}: {error}", stacklevel=5)
    return None


def _infer(draft: Path, saved: Saved, row: Row, example: Any) -> tuple[list[str], str]:
    """Requirements seen in a fresh process; if it failed, by the flavor's own packages, with a warning."""
    key = None
    if not saved.lazy:
        key = (row.name, repr(sorted(saved.settings.items(), key=str)), type(example), modules_in(draft))
    found = needs.probe(draft, key=key)
    names = {*found.packages, *saved.packages}
    if found.fault:
        from mlops_nb.capture.packages import imported, installed

        names |= set(imported(installed(), modules_in(draft)))
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


# -- logging -----------------------------------------------------------------------------------------------------------


def log_model(
    model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    flavor: str | None = None,
    requirements: Sequence[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
    code_paths: Sequence[str | os.PathLike[str]] | None = None,
    run: Any = None,
    **flavor_options: Any,
) -> ModelInfo:
    """Save a model with the active run (one is started when there is none).

    Parameters
    ----------
    model : object
        As for `save_model`.
    name : str, default "model"
        Its folder in the run's tree; `artifact_path` is MLflow's earlier name of it.
    signature, input_example, flavor, requirements, metadata, code_paths, **flavor_options
        As for `save_model`.
    run : ActiveRun, optional
        The run to log into, when it is not the active one.

    Returns
    -------
    ModelInfo
        With ``uri``, which `load_model` takes.

    Raises
    ------
    InvalidInput
        If the object is no model or cannot be saved, or the name cannot be a path.
    StoreError
        If the store is full or cannot be written; nothing of the model is recorded then.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run:
    ...     info = log_model(lambda rows: [row > 3 for row in rows], "rule", requirements=[])
    >>> sorted(run.artifacts)[0], info.uri == f"runs:/{run.run_id}/rule"
    ('rule/MLmodel', True)
    """
    from mlops_nb.tracking.fluent import logged_run

    path = check_path(name or artifact_path or "model")
    run = logged_run() if run is None else run
    store = run.workspace.artifacts
    draft = store.scratch() / f"model-{os.urandom(8).hex()}"
    try:
        info = _write(
            model, draft, signature=signature, input_example=input_example, flavor=flavor, requirements=requirements,
            metadata=metadata, code_paths=code_paths, options=flavor_options,
        )  # fmt: skip
        _check_policy(info, draft)
        kept = [Artifact(f"{path}/{where}", *store.put_file(file, consume=True)) for where, file in walk_folder(draft)]
    except OSError as error:
        if isinstance(error, MlopsError):
            raise
        raise StoreError(f"The model {path!r} cannot be kept: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    bare = [Artifact(entry.path[len(path) + 1 :], entry.digest, entry.size) for entry in kept]
    info = replace(
        info, name=path.rpartition("/")[2], path=path, run_id=run.run_id, uri=f"runs:/{run.run_id}/{path}",
        digest=tree_digest(bare), artifacts=tuple(kept),
    )  # fmt: skip
    run.record_artifacts(*kept)
    run.fact(f"model:{path}", info.to_json())
    return info


def _check_policy(info: ModelInfo, draft: Path) -> None:
    """Where only safe formats are taken, a model that is none is not logged in the first place."""
    from mlops_nb.models.loading import risks_of
    from mlops_nb.workspace import takes_safe_models_only

    if takes_safe_models_only():
        found = risks_of(draft)
        if found:
            raise trust.refuse_unsafe(info.flavor, found)
