"""scikit-learn models: saved, loaded in a fresh process, by a real MLflow, and MLflow's by us."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import mlops_nb
from mlops_nb import models
from mlops_nb.errors import InvalidInput

sklearn = pytest.importorskip("sklearn")
pytest.importorskip("skops")

from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, 200),
            "income": random.normal(3000, 800, 200),
            "town": random.choice(["Ulm", "Rom"], 200),
        }
    )
    return frame, (frame["age"] + (frame["town"] == "Rom") * 20 > 50).astype(int)


@pytest.fixture(scope="module")
def pipeline(data: tuple[pd.DataFrame, pd.Series]) -> Any:
    columns = make_column_transformer((StandardScaler(), ["age", "income"]), (OneHotEncoder(), ["town"]))
    return make_pipeline(columns, RandomForestClassifier(n_estimators=5, random_state=0)).fit(*data)


KINDS = ("skops", "cloudpickle", "pickle")
ASK = """
import io, json
import pandas as pd
frame = pd.read_json(io.StringIO({frame!r}))
print(json.dumps([[float(x) for x in {load}(f"{folder}/{{kind}}").predict(frame)] for kind in {kinds!r}]))
"""


def save_all(pipeline: Any, frame: pd.DataFrame, folder: Path) -> tuple[dict[str, Any], list[Any]]:
    """The pipeline in each format; gives what to ask, and the answers."""
    for kind in KINDS:
        info = models.save_model(pipeline, folder / kind, input_example=frame.iloc[:3], serialization_format=kind)
        assert info.flavor == "sklearn" and info.note == ""
    asked = {"frame": frame.to_json(), "folder": folder, "kinds": KINDS}
    return asked, [pipeline.predict(frame).tolist()] * 3


def test_saved_and_loaded(
    data: tuple[pd.DataFrame, pd.Series], pipeline: Any, tmp_path: Path, fresh: Callable[[str], Any]
) -> None:
    asked, wanted = save_all(pipeline, data[0], tmp_path)
    assert fresh(ASK.format(load="__import__('mlops_nb.models').models.load_folder", **asked)) == wanted


def test_mlflow_loads_what_is_saved(
    data: tuple[pd.DataFrame, pd.Series], pipeline: Any, tmp_path: Path, in_mlflow: Callable[[str], Any]
) -> None:
    asked, wanted = save_all(pipeline, data[0], tmp_path)
    assert in_mlflow(ASK.format(load="__import__('mlflow.pyfunc').pyfunc.load_model", **asked)) == wanted
    native = f"[type(mlflow.sklearn.load_model(f'{tmp_path}/{{kind}}')).__name__ for kind in {KINDS!r}]"
    assert in_mlflow(f"import json, mlflow.sklearn; print(json.dumps({native}))") == ["Pipeline"] * 3


def test_the_folder_says_what_mlflow_says(data: Any, pipeline: Any, tmp_path: Path) -> None:
    models.save_model(pipeline, tmp_path / "m", input_example=data[0], metadata={"team": "risk"})
    found = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert found["flavors"]["python_function"]["loader_module"] == "mlflow.sklearn"
    assert found["flavors"]["sklearn"]["serialization_format"] == "skops"
    assert json.loads(found["signature"]["inputs"]) == [
        {"type": "long", "name": "age", "required": True},
        {"type": "double", "name": "income", "required": True},
        {"type": "string", "name": "town", "required": True},
    ]
    assert found["metadata"] == {"team": "risk"}
    assert found["saved_input_example_info"]["type"] == "dataframe"
    example = json.loads((tmp_path / "m" / "input_example.json").read_text())
    assert example["columns"] == ["age", "income", "town"] and len(example["data"]) == 5
    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()
    assert f"scikit-learn=={sklearn.__version__}" in lines and f"pandas=={pd.__version__}" in lines
    assert not [line for line in lines if line.startswith(("matplotlib", "pytest", "mlops"))]
    assert (tmp_path / "m" / "conda.yaml").exists() and (tmp_path / "m" / "python_env.yaml").exists()


def test_what_mlflow_saved_we_load(tmp_path: Path, in_mlflow: Callable[[str], Any]) -> None:
    in_mlflow(f"""
import json, mlflow.sklearn, mlflow.models, mlflow.pyfunc, pandas as pd
from sklearn.linear_model import LogisticRegression
frame = pd.DataFrame({{"a": [1.0, 2.0, 3.0], "b": [1, 2, 3]}})
model = LogisticRegression().fit(frame, [0, 0, 1])
made = dict(pip_requirements=["scikit-learn"], signature=mlflow.models.infer_signature(frame, model.predict(frame)))
for kind in {KINDS!r}:
    mlflow.sklearn.save_model(model, f"{tmp_path}/{{kind}}", serialization_format=kind, **made)
print(1)
""")
    for kind in KINDS:
        model = models.load_folder(tmp_path / kind, trust=() if kind == "skops" else ("pickle",))
        assert model.predict({"a": [1.0, 3.0], "b": [1, 3]}).tolist() == [0, 1]
        assert model.signature is not None and model.signature.columns == ["a", "b"]


def test_the_same_model_has_the_same_digest(pipeline: Any, data: Any, tmp_path: Path) -> None:
    one = models.save_model(pipeline, tmp_path / "a", input_example=data[0], requirements=["scikit-learn"])
    two = models.save_model(pipeline, tmp_path / "b", input_example=data[0], requirements=["scikit-learn"])
    assert one.digest == two.digest


def test_logged_and_read_back(data: Any, pipeline: Any, tmp_path: Path) -> None:
    with mlops_nb.start_run() as run:
        info = models.log_model(pipeline, "churn", input_example=data[0], requirements=["scikit-learn"])
    assert info.uri == f"runs:/{run.run_id}/churn" and info.run_id == run.run_id
    space = run.workspace
    space.flush()
    entries = space.store.artifacts(run.run_id)
    assert {entry.path for entry in entries} >= {"churn/MLmodel", "churn/model.skops", "churn/requirements.txt"}
    assert space.store.facts(run.run_id)["model:churn"]["digest"] == info.digest
    loaded = models.load_artifacts(entries, space.artifacts, "churn", cache=tmp_path / "cache")
    assert loaded.predict(data[0]).tolist() == pipeline.predict(data[0]).tolist()
    assert models.load_artifacts(entries, space.artifacts, "churn", cache=tmp_path / "cache", native=True).steps


def test_a_class_of_the_notebook_goes_along(tmp_path: Path, fresh: Callable[[str], Any]) -> None:
    """skops cannot take it along: it is pickled with its code, and loads where the notebook is not."""
    code = f"""
import json
from sklearn.base import BaseEstimator, RegressorMixin
from mlops_nb import models
class Doubling(RegressorMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_ = 1
        return self
    def predict(self, X):
        return [2 * row[0] for row in X]
info = models.save_model(Doubling().fit([[1]]), {str(tmp_path / "m")!r}, requirements=["scikit-learn"])
print(json.dumps(info.flavor))
"""
    assert fresh(code) == "sklearn"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = models.load_folder(tmp_path / "m", trust=("pickle",))
    assert loaded.predict([[4]]) == [8]
    assert loaded.description.flavors["sklearn"]["serialization_format"] == "cloudpickle"


def test_a_model_that_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no model"):
        models.save_model(42, tmp_path / "m")
    with pytest.raises(InvalidInput, match="no option 'colour'"):
        models.save_model(RandomForestClassifier(), tmp_path / "m", colour="red")
    assert list(tmp_path.iterdir()) == []


def test_skops_is_loaded_quickly_and_as_it_is(fresh: Callable[[str], Any]) -> None:
    """It trusts the types that it would find out by itself, in the first process and in those that remember them."""
    code = """
import json, sys
import sklearn.utils
genuine = sklearn.utils.all_estimators
from mlops_nb.models.flavors.skops_files import skops_io
io = skops_io()
import skops.io._general as general
seen = [name for name in ("sklearn.gaussian_process", "torch", "dask", "pytest") if name in sys.modules]
kept = {name: getattr(general, name) for name in vars(general) if name.endswith("_TYPE_NAMES")}
from skops.io import _trusted_types as types
same = [name for name, value in kept.items() if sorted(value) == sorted(getattr(types, name))]
print(json.dumps([seen, len(kept["SKLEARN_ESTIMATOR_TYPE_NAMES"]), sorted(kept), sorted(same),
                  sklearn.utils.all_estimators is genuine and types.all_estimators is genuine]))
"""
    (first, *firsts), (second, *seconds) = fresh(code), fresh(code)
    assert first == ["sklearn.gaussian_process"] and second == []
    assert firsts == seconds and firsts[0] > 100 and firsts[1] == firsts[2] and firsts[3]
