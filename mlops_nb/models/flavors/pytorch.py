"""PyTorch: programs exported by an example (no code in them), TorchScript, or the whole object pickled.

``serialization_format`` chooses: ``pt2`` (by default, if an example is given and the model can be exported) or
``pickle``. A scripted model is kept as TorchScript.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.models.flavors import Saved, Scorer
from mlops_nb.models.flavors.files import check_options, code_by_value
from mlops_nb.models.inputs import kind_of
from mlops_nb.models.mlmodel import inside
from mlops_nb.models.pickles import describe, names_in
from mlops_nb.models.trust import Risk

PICKLED, EXPORTED, PICKLER = "model.pth", "model.pt2", "pickle_module_info.txt"


def save(model: Any, folder: Path, example: Any, options: Mapping[str, Any]) -> Saved:
    """Write ``data/model.pt2`` or ``data/model.pth``."""
    import torch

    check_options("pytorch", options, ("serialization_format",))
    chosen = options.get("serialization_format")
    if chosen not in (None, "pt2", "pickle"):
        raise InvalidInput(f"There is no serialization_format {chosen!r}.", hint="There are: pt2, pickle.")
    data = folder / "data"
    data.mkdir()
    settings = {"model_data": "data", "pytorch_version": str(torch.__version__), "code": None}
    exported = False
    if isinstance(model, torch.jit.ScriptModule):
        torch.jit.save(model, str(data / PICKLED))
    elif isinstance(model, torch.export.ExportedProgram):
        torch.export.save(model, data / EXPORTED)
        exported = True
    else:
        exported = chosen != "pickle" and _export(model, example, data / EXPORTED, must=chosen == "pt2")
        if not exported:
            _pickle(model, data / PICKLED)
    if not exported:
        (data / PICKLER).write_text("pickle", encoding="ascii")  # what cloudpickle writes, pickle reads
    return Saved(settings, {"data": "data"}, ("torch",) if exported else ("torch", "cloudpickle"))


def _export(model: Any, example: Any, path: Path, *, must: bool) -> bool:
    """Trace the model with the example, any number of rows allowed; False if it cannot be, and need not."""
    import torch

    if example is None:
        if must:
            raise InvalidInput("A PyTorch model is exported by an example.", hint="Give input_example=...")
        return False
    training = model.training
    try:
        inputs = tuple(_as_tensor(each) for each in (example if isinstance(example, tuple) else (example,)))
        inputs = tuple(each.repeat(2, *[1] * (each.dim() - 1)) if len(each) == 1 else each for each in inputs)
        model.eval()
        rows = torch.export.Dim("rows", min=1)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(model, inputs, dynamic_shapes=tuple({0: rows} for _ in inputs))
            torch.export.save(program, path)
    except Exception as error:  # torch.export fails in as many ways as there are models
        path.unlink(missing_ok=True)
        if must:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InvalidInput(
                f"The model cannot be exported: {reason}.", hint="Use serialization_format='pickle'."
            ) from error
        return False
    finally:
        model.train(training)
    return True


def _as_tensor(data: Any) -> Any:
    import numpy
    import torch

    if kind_of(data) == "tensor":
        return data
    if kind_of(data) == "frame":
        data = data.to_numpy(dtype=numpy.float32)
    return torch.from_numpy(numpy.asarray(data))


def _pickle(model: Any, path: Path) -> None:
    import cloudpickle
    import torch

    module = SimpleNamespace(Pickler=cloudpickle.CloudPickler, dump=cloudpickle.dump, __name__="cloudpickle")
    try:
        with code_by_value():
            torch.save(model, path, pickle_module=module)
    except (TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise InvalidInput(
            f"The model cannot be pickled: {error}.", hint="Keep open files and locks out of it."
        ) from error


def _data(folder: Path, settings: Mapping[str, Any]) -> Path:
    data = inside(folder, str(settings.get("model_data") or settings.get("data") or "data"))
    if data.is_file():
        return data
    path = next((data / name for name in (EXPORTED, PICKLED) if (data / name).is_file()), None)
    if path is None:
        raise CorruptData("The model's file is not in its folder.", hint="Fetch the model again.")
    return path


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def risks(folder: Path, settings: Mapping[str, Any]) -> list[Risk]:
    """A pickle; a script; or an exported program with more in it than tensors."""
    path = _data(folder, settings)
    if path.suffix == ".pt2":
        bad = _pickled_records(path)
        return [Risk("pickle", f"{path.name} holds pickled objects ({', '.join(bad[:5])})")] if bad else []
    if _is_script(path):
        return [Risk("torchscript", f"{path.name} is a TorchScript program")]
    return [Risk("pickle", f"{path.name} is a pickle that imports {describe(names_in(path)) or 'nothing'}")]


def _pickled_records(path: Path) -> list[str]:
    """Records of an exported program that are neither text, nor numbers, nor what PyTorch's safe reader takes.

    PyTorch unpickles an archive's weights and constants without restrictions; so each is first read with its restricted
    reader, which admits tensors and plain containers only.
    """
    require("torch", "torch", purpose="load a PyTorch model")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names):
                return ["two records of one name"]
            raw = _raw_tensors(archive, names)
            return [name for name in names if name not in raw and not _is_plain(name, archive.read(name))]
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from None


def _raw_tensors(archive: zipfile.ZipFile, names: list[str]) -> set[str]:
    """Records that are the bytes of a tensor, by the archive's own tables."""
    found = set()
    for name in names:
        if name.endswith("_config.json") and "/data/" in name:
            try:
                table = json.loads(archive.read(name)).get("config") or {}
                payloads = [each for each in table.values() if isinstance(each, dict)]
            except (ValueError, AttributeError):
                continue
            folder = name.rpartition("/")[0]
            plain = {each.get("path_name") for each in payloads if each.get("use_pickle") is False}
            pickled = {each.get("path_name") for each in payloads if each.get("use_pickle") is not False}
            found |= {f"{folder}/{each}" for each in plain - pickled}
    return found


def _is_plain(name: str, content: bytes) -> bool:
    if name.endswith("/") or (len(content) < 64 and content.decode("ascii", "replace").strip().isalnum()):
        return True  # a folder, a version, a byte order
    try:
        json.loads(content)
        return True
    except ValueError:
        pass  # no text: then it must be tensors
    import torch

    try:
        torch.load(io.BytesIO(content), weights_only=True, map_location="meta")
    except Exception:  # whatever it is, the safe reader does not take it
        return False
    return True


def load(folder: Path, settings: Mapping[str, Any], trust: frozenset[str] | None) -> Any:
    """The module, ready to be asked."""
    torch = require("torch", "torch", purpose="load a PyTorch model")
    path = _data(folder, settings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.suffix == ".pt2":
                return torch.export.load(path).module()
            if _is_script(path):
                return torch.jit.load(str(path), map_location="cpu").eval()
            return torch.load(path, map_location="cpu", weights_only=False).eval()
    except (RuntimeError, EOFError, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CorruptData(f"{path.name} cannot be loaded: {reason:.300}.", hint="Fetch the model again.") from error


def scorer(model: Any, settings: Mapping[str, Any]) -> Scorer:
    """Calls the module: a frame in, a frame out; arrays in, an array out."""
    import torch

    if isinstance(model, torch.export.ExportedProgram):
        model = model.module()

    def score(data: Any, params: dict[str, Any]) -> Any:
        parts = tuple(data.values()) if kind_of(data) == "mapping" else data if isinstance(data, tuple) else (data,)
        # The user's own, asked while it is being saved; an exported program cannot be switched
        training = getattr(model, "training", False) and not isinstance(model, torch.fx.GraphModule)
        if training:
            model.eval()
        try:
            with torch.no_grad():
                found = model(*(_as_tensor(each) for each in parts), **params)
        finally:
            if training:
                model.train()
        plain = found.detach().cpu().numpy() if hasattr(found, "detach") else found
        if kind_of(data) == "frame" and hasattr(plain, "ndim"):
            import pandas

            return pandas.DataFrame(plain, index=data.index)
        return plain

    return score
