"""What a real MLflow saved, with its own flavors, we load; what is a pickle only with trust."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_nb import models
from mlops_nb.errors import PermissionDenied
from tests.models.conftest import in_process
from tests.models.zoo import frame

pytestmark = pytest.mark.slow

SAVE = """
import json, os, sys, warnings, logging
warnings.simplefilter("ignore")
os.environ["KERAS_BACKEND"] = "torch"
import numpy as np, pandas as pd
import mlflow
from mlflow.models import infer_signature
frame = pd.read_json({frame!r})
y = (frame["a"] > frame["b"]).astype(int)
array = frame.to_numpy(dtype="float32")
found = {{}}

def keep(name, flavor, model, wanted, data=frame, **options):
    module = __import__(f"mlflow.{{flavor}}", fromlist=["x"])
    options.setdefault("signature", infer_signature(data))
    module.save_model(model, path=f"{folder}/{{name}}", pip_requirements=[], **options)
    found[name] = np.asarray(wanted).ravel().tolist()

def xgboost_class():
    import xgboost
    model = xgboost.XGBClassifier(n_estimators=3).fit(frame, y)
    keep("xgboost", "xgboost", model, model.predict(frame))

def lightgbm_class():
    import lightgbm
    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(frame, y)
    keep("lightgbm", "lightgbm", model, model.predict(frame))

def catboost_class():
    import catboost
    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False).fit(frame, y)
    keep("catboost", "catboost", model, model.predict(frame))

def statsmodels_line():
    import statsmodels.api
    model = statsmodels.api.OLS(y, frame).fit()
    keep("statsmodels", "statsmodels", model, model.predict(frame))

def torch_both():
    import torch
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 1)).eval()
    wanted = model(torch.from_numpy(array)).detach().numpy()
    keep("pytorch pickle", "pytorch", model, wanted, array, serialization_format="pickle")
    keep("pytorch exported", "pytorch", model, wanted, array, serialization_format="pt2", input_example=array)

def keras_line():
    import keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    keep("keras", "keras", model, model.predict(array, verbose=0), array)

def onnx_line():
    from onnx import TensorProto, helper
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)], "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    keep("onnx", "onnx", model, array.sum(axis=1), array)

def spacy_categories():
    import spacy
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("textcat"); pipe.add_label("good"); pipe.add_label("bad"); nlp.initialize()
    texts = pd.DataFrame({{"text": ["a fine day"]}})
    keep("spacy", "spacy", nlp, [round(nlp("a fine day").cats["good"], 5)], texts)

faults = {{}}
trees = (xgboost_class, lightgbm_class, catboost_class)
for make in (*trees, statsmodels_line, torch_both, keras_line, onnx_line, spacy_categories):
    try:
        make()
    except ImportError as error:
        faults[make.__name__] = str(error)
print(json.dumps([found, faults]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mlflow_python: str) -> Iterator[tuple[Path, dict[str, list[Any]]]]:
    folder = tmp_path_factory.mktemp("mlflow-made")
    frame().to_json(folder / "frame.json")
    code = SAVE.format(frame=str(folder / "frame.json"), folder=str(folder))
    found, faults = in_process(code, folder, python=mlflow_python)
    assert len(found) + len(faults) >= 8
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        yield folder, found


@pytest.mark.parametrize(
    ("name", "trust"),
    [
        ("xgboost", ()),
        ("lightgbm", ()),
        ("catboost", ()),
        ("statsmodels", ("pickle",)),
        ("pytorch pickle", ("pickle",)),
        ("pytorch exported", ()),
        ("keras", ()),
        ("onnx", ()),
        ("spacy", ()),
    ],
)
def test_it_predicts_here_what_it_did_there(
    name: str, trust: tuple[str, ...], made: tuple[Path, dict[str, list[Any]]]
) -> None:
    folder, wanted = made
    if name not in wanted:
        pytest.skip(f"the library of {name} is not installed")
    if trust:
        with pytest.raises(PermissionDenied, match="pickle"):
            models.load_folder(folder / name)
    data: Any = frame()
    if name.startswith(("pytorch", "keras", "onnx")):
        data = data.to_numpy(dtype="float32")
    elif name == "spacy":
        data = ["a fine day"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = models.load_folder(folder / name, trust=trust).predict(data)
    if name == "spacy":
        result = [round(each["good"], 5) for each in result["predictions"]]
    result = np.asarray(result.to_numpy() if hasattr(result, "to_numpy") else result).ravel()
    assert np.allclose(result.astype(float), np.asarray(wanted[name], float), rtol=1e-5)


def test_the_environment_of_another_is_compared(made: tuple[Path, dict[str, list[Any]]]) -> None:
    folder = made[0] / "onnx"
    (folder / "requirements.txt").write_text("numpy==1.0.0\nno-such-package==3.1\n")
    with pytest.warns(UserWarning, match=r"numpy 1\.0\.0 \(here .*no-such-package 3\.1 \(here not installed\)"):
        loaded = models.load_folder(folder)
    description = json.dumps(sorted(loaded.differences.items()))
    assert '["numpy", ["1.0.0", ' in description and '["no-such-package", ["3.1", ""]]' in description
