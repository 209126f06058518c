"""Every library: saved, loaded in a fresh process and by a real MLflow, asked, and equal; and what MLflow saved, by us.

Each process does all the libraries at once, since starting MLflow takes longer than all the rest.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_nb import models
from tests.models.conftest import in_process
from tests.models.zoo import ZOO

pytestmark = pytest.mark.slow
HAVE = {name: importlib.util.find_spec(library) is not None for name, (library, _) in ZOO.items()}
each = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.skipif(not HAVE[name], reason=f"{name} is not installed")) for name in ZOO],
)
ASK = """
import json, sys, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
found = {{}}
for name, (folder, kind, content) in json.loads(open({cases!r}).read()).items():
    data = pd.DataFrame(content) if kind == "frame" else content
    data = np.asarray(content, dtype="float32") if kind == "array" else data
    try:
        result = {load}(folder).predict(data)
        if hasattr(result, "to_numpy"):
            result = result.to_numpy()
        found[name] = np.asarray(result).ravel().tolist()
        json.dumps(found[name])
    except Exception as error:
        found[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(found))
"""


def plain(result: Any) -> list[Any]:
    """A prediction as a flat list."""
    found: list[Any] = np.asarray(result.to_numpy() if hasattr(result, "to_numpy") else result).ravel().tolist()
    return found


class Saved:
    """All models of the zoo, saved, and what was predicted where."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.infos: dict[str, models.ModelInfo] = {}
        self.wanted: dict[str, list[Any]] = {}
        self.data: dict[str, Any] = {}
        self.ours: dict[str, Any] = {}
        self.mlflows: dict[str, Any] = {}

    def save(self) -> None:
        for name, (_, make) in ZOO.items():
            if HAVE[name]:
                model, data, expected, options = make()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.infos[name] = models.save_model(model, self.folder / name, input_example=data, **options)
                self.wanted[name], self.data[name] = plain(expected), data

    def cases(self) -> str:
        """A file that says which folders to load, and what to ask."""
        path = self.folder / "cases.json"
        found = {}
        for name, data in self.data.items():
            kind = "frame" if isinstance(data, pd.DataFrame) else "array" if isinstance(data, np.ndarray) else "plain"
            content = data.to_dict("list") if kind == "frame" else data.tolist() if kind == "array" else data
            found[name] = (str(self.folder / name), kind, content)
        path.write_text(json.dumps(found))
        return str(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("MLOPS_NB_USER_FOLDER", str(folder / "user"))
        made = Saved(folder)
        made.save()
        code = ASK.format(cases=made.cases(), load="__import__('mlops_nb.models').models.load_folder")
        made.ours = in_process(code, folder, ours=True)
        yield made


@pytest.fixture(scope="module")
def asked(saved: Saved, mlflow_python: str) -> Saved:
    code = ASK.format(cases=saved.cases(), load="__import__('mlflow.pyfunc').pyfunc.load_model")
    saved.mlflows = in_process(code, saved.folder, python=mlflow_python, KERAS_BACKEND="torch")
    return saved


def close(found: Any, wanted: list[Any]) -> bool:
    if isinstance(found, str) or len(found) != len(wanted):
        return False
    if wanted and isinstance(wanted[0], (int, float)):
        return bool(np.allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=1e-6))
    return bool(found == wanted)


@each
def test_a_fresh_process_predicts_the_same(name: str, saved: Saved) -> None:
    assert saved.infos[name].note == ""
    assert close(saved.ours[name], saved.wanted[name]), saved.ours[name]


@each
def test_mlflow_predicts_the_same(name: str, asked: Saved) -> None:
    if name == "spacy entities":
        pytest.skip("MLflow has no generic flavor for pipelines that do not classify")
    assert close(asked.mlflows[name], asked.wanted[name]), asked.mlflows[name]


@each
def test_the_native_object_is_the_librarys(name: str, saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_NB_USER_FOLDER", str(saved.folder / "user"))
    loaded = models.load_folder(saved.folder / name, native=True)
    roots = {ancestor.__module__.partition(".")[0] for ancestor in type(loaded).__mro__}
    assert ZOO[name][0] in roots or saved.infos[name].flavor == "python"


@each
def test_requirements_name_the_library_and_little_else(name: str, saved: Saved) -> None:
    names = {line.partition("==")[0] for line in saved.infos[name].requirements}
    assert not names & {"pytest", "mlops-nb", "jupyterlab", "sqlalchemy"}
    wanted = {"sklearn": "scikit-learn", "onnxruntime": "onnxruntime"}.get(ZOO[name][0], ZOO[name][0])
    assert ZOO[name][0] in ("numpy", "json") or any(each.startswith(wanted) for each in names), names


@each
def test_saved_as_safe_as_the_library_allows(name: str, saved: Saved) -> None:
    """Only what has no other format is a pickle."""
    from mlops_nb.models.loading import risks_of

    unsafe = bool(risks_of(saved.folder / name))
    assert unsafe is (name in {"statsmodels", "python rules", "python class", "pytorch pickle", "pytorch script"})
