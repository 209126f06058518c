"""Fitted models among the names of a cell."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mlops_nb.capture.estimators import fitted_models

sklearn = pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.ensemble import RandomForestClassifier, VotingClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: E402

X = np.array([[0.0], [1.0], [2.0], [3.0]] * 5)
Y = np.array([0, 0, 1, 1] * 5)


def one(model: Any) -> dict[str, Any]:
    (found,) = fitted_models(["m"], {"m": model})
    assert json.dumps(found)
    return found


def test_an_estimator() -> None:
    found = one(LogisticRegression(C=0.5).fit(X, Y))
    assert found["name"] == "m" and found["class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert (found["library"], found["version"], found["kind"]) == ("sklearn", sklearn.__version__, "sklearn")
    assert found["params"]["C"] == 0.5 and found["params"]["max_iter"] == 100


def test_only_fitted_models_are_told_and_each_once() -> None:
    model = RandomForestClassifier(n_estimators=2)
    names = ["model", "same", "missing", "_hidden", "number", "cls", "array", "function"]
    namespace = {"model": model, "same": model, "_hidden": model, "number": 1, "cls": RandomForestClassifier}
    namespace.update(array=X, function=one)
    assert fitted_models(names, namespace) == []
    model.fit(X, Y)
    assert [found["name"] for found in fitted_models(names, namespace)] == ["model"]


def test_pipelines_and_nested_estimators() -> None:
    prepare = ColumnTransformer([("scale", StandardScaler(), [0])], remainder=FunctionTransformer(np.log1p))
    pipeline = make_pipeline(prepare, LogisticRegression(C=0.25))
    assert fitted_models(["p"], {"p": pipeline}) == []
    params = one(pipeline.fit(X, Y))["params"]
    assert params["logisticregression__C"] == 0.25
    assert params["logisticregression"] == "<sklearn.linear_model._logistic.LogisticRegression>"
    voting = VotingClassifier([("a", LogisticRegression(C=3)), ("b", RandomForestClassifier(2))]).fit(X, Y)
    assert one(voting)["params"]["a__C"] == 3


def test_a_search_tells_what_was_best() -> None:
    found = one(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, Y))
    assert found["best_params"]["C"] in (0.1, 1.0) and 0 <= found["best_score"] <= 1
    assert found["params"]["param_grid"] == {"C": [0.1, 1.0]}


class Rules(BaseEstimator):
    """A user's own: its code is not called."""

    def __init__(self, threshold: float = 0.5, table: object = None) -> None:
        self.threshold = threshold
        self.table = table

    def fit(self, x: object, y: object) -> Rules:
        self.fitted_ = True
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        raise SystemExit

    def __getattr__(self, name: str) -> Any:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise SystemExit


def test_user_estimators_are_read_without_running_their_code() -> None:
    found = one(Rules(0.7, table=object()).fit(X, Y))
    assert found["params"] == {"threshold": 0.7, "table": "<builtins.object>"}
    assert found["library"] == "sklearn" and found["class"].endswith("test_estimators.Rules")


def test_params_are_bounded() -> None:
    model = Rules(0.1, table={"long": "x" * 10_000, "many": list(range(1000)), "deep": [[[[[1]]]]], "array": X})
    params = one(model.fit(X, Y))["params"]["table"]
    assert len(params["long"]) < 300 and params["many"][-1] == "…" and len(params["many"]) == 21
    assert params["array"] == "<numpy.ndarray>" and params["deep"] == [["<builtins.list>"]]


def test_a_library_that_fails_leaves_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, deep: bool = True) -> dict[str, Any]:
        raise AttributeError("changed")

    model = LogisticRegression().fit(X, Y)
    monkeypatch.setattr(BaseEstimator, "get_params", fail)
    found = one(model)
    assert found["params"] == {} and found["note"] == "AttributeError while its parameters were read"


def test_objects_with_strange_types_are_passed_over() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit

    class Strange(metaclass=Meta):
        pass

    module = ModuleType("m")
    assert fitted_models(["a", "b", "c", "d"], {"a": object.__new__(Strange), "b": Strange, "c": module, "d": []}) == []


def test_xgboost() -> None:
    xgboost = pytest.importorskip("xgboost")
    found = one(xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(X, Y))
    assert found["kind"] == "sklearn" and found["library"] == "xgboost" and found["params"]["max_depth"] == 2
    assert fitted_models(["m"], {"m": xgboost.XGBClassifier()}) == []
    booster = xgboost.train({"max_depth": 2, "eta": 0.25}, xgboost.DMatrix(X, Y), num_boost_round=3)
    found = one(booster)
    assert found["kind"] == "xgboost" and found["rounds"] == 3 and float(found["params"]["eta"]) == 0.25


def test_lightgbm() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    found = one(lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, Y))
    assert found["library"] == "lightgbm" and found["params"]["n_estimators"] == 3
    booster = lightgbm.train({"verbose": -1, "num_leaves": 4}, lightgbm.Dataset(X, Y), num_boost_round=2)
    found = one(booster)
    assert found["kind"] == "lightgbm" and found["params"]["num_leaves"] == 4
    assert found["rounds"] == booster.current_iteration()


def test_torch() -> None:
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)
            self.tied = self.layer
            self.layer.bias.requires_grad_(False)

        def parameters(self, recurse: bool = True) -> Any:
            raise SystemExit

    found = one(Net())
    assert (found["parameters"], found["trainable"]) == (8, 6)
    assert found["params"] == {"layers": 1, "dtype": "torch.float32", "device": "cpu"}
    assert (found["library"], found["version"]) == ("torch", torch.__version__)
    assert fitted_models(["m"], {"m": torch.nn.ReLU()}) == []


def test_catboost() -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(iterations=3, depth=2, verbose=False, allow_writing_files=False)
    assert fitted_models(["m"], {"m": model}) == []
    found = one(model.fit(X, Y))
    assert found["kind"] == "catboost" and found["params"]["depth"] == 2 and found["trees"] == 3


def test_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    found = one(api.OLS(Y, api.add_constant(X)).fit())
    assert found["kind"] == "statsmodels" and found["params"]["nobs"] == 20
    assert found["params"]["model"] == "statsmodels.regression.linear_model.OLS"


def test_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
    found = one(model)
    assert found["kind"] == "keras" and found["parameters"] == 8
    assert found["params"]["optimizer.learning_rate"] == 0.25 and found["params"]["loss"] == "mse"
    assert fitted_models(["m"], {"m": keras.Sequential([keras.layers.Dense(2)])}) == []


def test_onnx() -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    helper = onnx.helper
    parts = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", parts[:1], parts[1:])
    opsets = [helper.make_opsetid("", 13)]
    session = runtime.InferenceSession(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    found = one(session)
    assert found["kind"] == "onnx"
    assert found["params"] == {"inputs": ["x: tensor(float)"], "outputs": ["y: tensor(float)"]}


def test_how_many_are_told() -> None:
    namespace = {f"m{number}": Rules().fit(X, Y) for number in range(50)}
    assert len(fitted_models(list(namespace), namespace)) == 20
