"""The file MLmodel: what is in a model's folder, in MLflow's words."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.artifacts import check_path
from mlops_nb.errors import CorruptData, InvalidInput
from mlops_nb.models.signature import Signature
from mlops_nb.models.strict_yaml import read_yaml

FILE = "MLmodel"
PYTHON = "python_function"

_PATH_KEYS = frozenset(
    ("data", "model_path", "pickled_model", "python_model", "model_data", "model_binary", "code", "artifact_path",
     "path", "model_code_path", "serving_input_path", "conda", "virtualenv", "extra_files")
)  # fmt: skip
"""Keys whose values name files of the folder."""

_MODEL_KEYS = frozenset(("data", "model_path", "pickled_model", "python_model", "model_data", "model_binary"))
"""Those without which there is no model."""


@dataclass(frozen=True, slots=True)
class Description:
    """What an MLmodel file says.

    Attributes
    ----------
    flavors : dict
        By MLflow's names; ``python_function`` is the one that every tool can call.
    signature : Signature or None
    example : dict
        Where the input example is, and what kind it has; empty if there is none.
    metadata : dict
        The user's own.
    extra : dict
        All else that stands in the file.
    """

    flavors: dict[str, dict[str, Any]]
    signature: Signature | None = None
    example: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> dict[str, Any]:
        """The flavor that MLflow's tools call; empty if there is none."""
        return self.flavors.get(PYTHON, {})

    @property
    def keeps_form(self) -> bool:
        """Whether the model takes lists and dicts as they are given, rather than a frame made of them."""
        return bool(self.extra.get("type_hint_from_example") or self.extra.get("is_signature_from_type_hint"))


def write_mlmodel(folder: Path, description: Description) -> None:
    """Write the file.

    It holds no time and no run, so that the same model gives the same bytes: what a digest says is then true of models.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_mlmodel(folder, Description({"python_function": {"loader_module": "mlflow.sklearn"}}))
    >>> read_mlmodel(folder).python
    {'loader_module': 'mlflow.sklearn'}
    """
    import yaml

    content: dict[str, Any] = {"flavors": description.flavors}
    if description.signature is not None:
        content["signature"] = description.signature.to_json()
    if description.example:
        content["saved_input_example_info"] = description.example
    if description.metadata:
        content["metadata"] = description.metadata
    content |= description.extra
    try:
        text = yaml.safe_dump(content, sort_keys=True, allow_unicode=True, default_flow_style=False)
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"The model's metadata cannot be written: {str(error).splitlines()[0]}.",
            hint="Give plain values: text, numbers, lists and dicts.",
        ) from None
    (folder / FILE).write_text(text, encoding="utf-8")


def read_mlmodel(folder: Path) -> Description:
    """Read the file, and check that no path in it leaves the folder.

    Raises
    ------
    NotFound
        If the folder or the file is not there.
    InvalidInput
        If the file asks for objects, is built to exhaust memory, or names files outside of the folder.
    CorruptData
        If it cannot be read, or is not an MLmodel.
    """
    found = read_yaml(folder / FILE)
    flavors = found.pop("flavors", None)
    if not isinstance(flavors, dict) or not flavors or not all(isinstance(each, dict) for each in flavors.values()):
        raise CorruptData(f"The MLmodel file of {str(folder)!r} names no flavors.", hint="Fetch the model again.")
    for value in (flavors, found.get("saved_input_example_info")):
        _check_paths(value, folder)
    signature = found.pop("signature", None)
    return Description(
        {str(name): flavor for name, flavor in flavors.items()},
        Signature.from_json(signature) if isinstance(signature, dict) else None,
        _mapping(found.pop("saved_input_example_info", None)),
        _mapping(found.pop("metadata", None)),
        found,
    )


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _check_paths(value: Any, folder: Path) -> None:
    """Every file that is named lies in the folder, also when it is a link."""
    if isinstance(value, list):
        for each in value:
            _check_paths(each, folder)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in _PATH_KEYS and isinstance(each, str):
                inside(folder, each)
            else:
                _check_paths(each, folder)


def check_folder(folder: Path) -> None:
    """Look whether a folder from anywhere is a whole model, without loading it: what is kept can be loaded later.

    Raises
    ------
    NotFound, InvalidInput, CorruptData
        As `read_mlmodel`; also if a file that a flavor names is not there, or an archive is damaged.

    Examples
    --------
    >>> _ = Path("m").mkdir(), Path("m/MLmodel").write_text("flavors: {sklearn: {pickled_model: model.skops}}")
    >>> check_folder(Path("m"))
    Traceback (most recent call last):
    mlops_nb.errors.CorruptData: The model's file 'model.skops' is not in its folder. Fetch the model again.
    """
    inside(folder, FILE)  # it may be a link itself
    for settings in read_mlmodel(folder).flavors.values():
        for name in (settings[key] for key in _MODEL_KEYS & settings.keys() if isinstance(settings[key], str)):
            path = inside(folder, name)
            if not path.exists():
                hint = "Fetch the model again."
                raise CorruptData(f"The model's file {name!r} is not in its folder.", hint=hint)
            if path.suffix == ".skops":
                _check_archive(path)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from None
    if broken is not None:
        raise CorruptData(f"{path.name} is damaged, in {broken}.", hint="Fetch the model again.")


def inside(folder: Path, name: str) -> Path:
    """The file of a model's folder, or a refusal if the name leads out of it.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> inside(Path("/models/churn"), "../../etc/passwd")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The artifact path '../../etc/passwd' has a '..' part. ...
    """
    clean = name.removeprefix("./").rstrip("/")
    if clean in ("", "."):
        return folder
    path = folder / check_path(clean)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"The model's file {name!r} is a link that leads out of its folder.", hint="Do not load it.")
    return path
