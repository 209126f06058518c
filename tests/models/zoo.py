"""A small model of each library, with data, and what it predicts for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Made = tuple[Any, Any, Any, dict[str, Any]]


def frame() -> pd.DataFrame:
    """Forty rows of two numbers."""
    random = np.random.default_rng(0)
    return pd.DataFrame({"a": random.normal(size=40), "b": random.normal(size=40)})


def labels() -> Any:
    """Classes that the numbers tell."""
    return (frame()["a"] > frame()["b"]).astype(int)


def _sklearn() -> Made:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(frame(), labels())
    return model, frame(), model.predict(frame()), {}


def _xgboost_class() -> Made:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=3).fit(frame(), labels())
    return model, frame(), model.predict(frame()), {}


def _xgboost_booster() -> Made:
    import xgboost

    model = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(frame(), labels()), 3)
    return model, frame(), model.predict(xgboost.DMatrix(frame())), {"model_format": "json"}


def _lightgbm_class() -> Made:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(frame(), labels())
    return model, frame(), model.predict(frame()), {}


def _lightgbm_booster() -> Made:
    import lightgbm

    settings = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}
    model = lightgbm.train(settings, lightgbm.Dataset(frame(), labels()), 3)
    return model, frame(), model.predict(frame()), {}


def _catboost() -> Made:
    import catboost

    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False).fit(frame(), labels())
    return model, frame(), model.predict(frame()), {}


def _statsmodels() -> Made:
    import statsmodels.api

    model = statsmodels.api.OLS(labels(), frame()).fit()
    return model, frame(), model.predict(frame()), {}


def _module() -> Any:
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))


def _asked(module: Any, data: Any) -> Any:
    import torch

    module.eval()
    with torch.no_grad():
        return module(torch.from_numpy(data)).numpy()


def _array() -> Any:
    return frame().to_numpy(dtype="float32")


def _pytorch_exported() -> Made:
    module = _module()
    return module, _array(), _asked(module, _array()), {}


def _pytorch_pickle() -> Made:
    module = _module()
    return module, _array(), _asked(module, _array()), {"serialization_format": "pickle"}


def _pytorch_script() -> Made:
    import warnings

    import torch

    module = _module()
    wanted = _asked(module, _array())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(module), _array(), wanted, {}


def _keras() -> Made:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
    return model, _array(), model.predict(_array(), verbose=0), {}


def _onnx() -> Made:
    """A graph made by hand: 2a - b + 0.5."""
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [2.0, -1.0])
    bias = helper.make_tensor("c", TensorProto.FLOAT, [1], [0.5])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "c"], ["y"])],
        "line",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])],
        [weights, bias],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = frame()
    numbers = data.to_numpy(dtype="float32")
    return model, data, numbers @ np.array([[2.0], [-1.0]], dtype="float32") + np.float32(0.5), {}


def _spacy_categories() -> Made:
    import spacy

    nlp = spacy.blank("en")
    classifier = nlp.add_pipe("textcat")
    for label in ("good", "bad"):
        classifier.add_label(label)  # type: ignore[attr-defined]
    nlp.initialize()
    texts = pd.DataFrame({"text": ["a fine day", "an awful night"]})
    return nlp, texts, pd.Series([dict(nlp(text).cats) for text in texts["text"]]), {}


def _spacy_entities() -> Made:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "TOWN", "pattern": "Ulm"}])  # type: ignore[attr-defined]
    made = pd.Series([[{"text": "Ulm", "label": "TOWN", "start": 3}], []])
    return nlp, pd.DataFrame({"text": ["in Ulm", "nowhere"]}), made, {}


def rules(data: Any, limit: float = 0.0) -> Any:
    """A model that is nothing but a rule."""
    return (data["a"] > limit).astype(int)


class Agent:
    """A model of the kind that answers in words, with a memory that was given to it."""

    def __init__(self) -> None:
        self.facts = {"capital of France": "Paris"}

    def predict(self, questions: list[str]) -> list[str]:
        """An answer to each question."""
        return [self.facts.get(question, "I do not know.") for question in questions]


def _python_rules() -> Made:
    return rules, frame(), rules(frame()), {}


def _python_class() -> Made:
    questions = ["capital of France", "meaning of life"]
    return Agent(), questions, ["Paris", "I do not know."], {}


ZOO: dict[str, tuple[str, Callable[[], Made]]] = {
    "sklearn": ("sklearn", _sklearn),
    "xgboost class": ("xgboost", _xgboost_class),
    "xgboost booster": ("xgboost", _xgboost_booster),
    "lightgbm class": ("lightgbm", _lightgbm_class),
    "lightgbm booster": ("lightgbm", _lightgbm_booster),
    "catboost": ("catboost", _catboost),
    "statsmodels": ("statsmodels", _statsmodels),
    "pytorch exported": ("torch", _pytorch_exported),
    "pytorch pickle": ("torch", _pytorch_pickle),
    "pytorch script": ("torch", _pytorch_script),
    "keras": ("keras", _keras),
    "onnx": ("onnx", _onnx),
    "spacy": ("spacy", _spacy_categories),
    "spacy entities": ("spacy", _spacy_entities),
    "python rules": ("numpy", _python_rules),
    "python class": ("json", _python_class),
}
"""By name: the library, and what makes model, data, prediction and options."""
