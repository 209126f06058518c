"""A cell's model is registered afterwards, while the kernel lives: its run logs it, and ended when it had ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kernels import Kernel

Command = Callable[..., Any]
SET_UP = """import pandas as pd
from sklearn.linear_model import LogisticRegression
X = pd.DataFrame({"a": range(40), "b": [i % 3 for i in range(40)]})
y = (X.a > 20).astype(int)"""
FIT = "%%track cancer -n {name}\nC = 0.5\n{model} = LogisticRegression(C=C).fit(X, y)"


@pytest.mark.slow
def test_a_model_is_registered_afterwards(kernel: Kernel, command: Command) -> None:
    kernel.run(SET_UP)
    kernel.run(FIT.format(name="fit", model="model"))
    before = command("show", "fit")
    assert not before["artifacts"] and before["models"][0]["logged"] is False
    reply = kernel.run("%mlops register fit cancer")
    assert reply.status == "ok", reply.text
    after = command("show", "fit")
    assert {"model/MLmodel", "model/model.skops"} <= {each["path"] for each in after["artifacts"]}
    assert (after["status"], after["end_time"]) == ("FINISHED", before["end_time"])
    (registered,) = command("models")
    assert registered["name"] == "cancer" and registered["versions"][0]["run_id"] == before["run_id"]
    kernel.run("import mlops_nb\nloaded = mlops_nb.load_model('models:/cancer/1')")
    assert kernel.value("loaded.predict(X.head(2)).tolist()") == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["other.fit(X, 1 - y)", "del other", "other = LogisticRegression()"])
def test_a_model_that_has_changed_since_is_not_registered(kernel: Kernel, command: Command, change: str) -> None:
    kernel.run(SET_UP)
    kernel.run(FIT.format(name="gone", model="other"))
    kernel.run(change)
    reply = kernel.run("%mlops register gone never")
    assert reply.status == "error" and "has no model" in reply.text and "--model" in reply.text
    assert "never" not in {each["name"] for each in command("models")}
