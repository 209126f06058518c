"""Tracked cells with ``mlflow.autolog()``, in a real IPython shell: run by an interpreter that has MLflow and mlops_nb.

The first argument is a tracking URI (``mlops-nb:`` for this process's own store), the second the file for the results.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

DATA = """
import numpy as np
x = np.random.default_rng(0).normal(size=(60, 3))
y = (x[:, 0] > 0).astype(int)
"""
CELLS = {
    "sklearn": "from sklearn.linear_model import LogisticRegression\nm = LogisticRegression(C=0.5).fit(x, y)",
    "xgboost": """
import xgboost
d = xgboost.DMatrix(x, y)
m = xgboost.train({"max_depth": 2, "objective": "binary:logistic"}, d, 4, evals=[(d, "train")], verbose_eval=False)
""",
    "lightgbm": """
import lightgbm
d = lightgbm.Dataset(x, y)
m = lightgbm.train({"num_leaves": 3, "verbose": -1, "objective": "binary", "metric": "auc"}, d, 4, valid_sets=[d])
""",
    "statsmodels": "import statsmodels.api as sm\nm = sm.OLS(y.astype(float), sm.add_constant(x)).fit()",
    "keras": """
import keras
net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile(optimizer="adam", loss="binary_crossentropy")
h = net.fit(x, y, epochs=2, verbose=0)
""",
    "by hand": """
import mlflow
with mlflow.start_run() as r:
    mlflow.log_param("p", 1)
    mlflow.log_metric("q", 2.5, step=3)
    mlflow.log_text("hello", "notes/a.txt")
with mlflow.start_run(run_name="second") as r2:
    mlflow.log_metric("inner", 1)
""",
    "after": "mlflow.log_metric('late', 3)\nz = 1 + 1",
}


def main() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()

    def run(source: str) -> None:
        shell.run_cell(source, store_history=True).raise_error()

    run("%load_ext mlops_nb")
    run(f"import mlflow\nmlflow.set_tracking_uri({sys.argv[1]!r})\nmlflow.autolog(silent=True)")
    run(DATA)
    for name, source in CELLS.items():
        run(f"%%track autolog -n '{name}'\n{source.strip()}\n")
        run("mlflow.autolog(silent=True, log_models=False)")  # one logged model is enough: each takes MLflow minutes
    run("import mlops_nb\nruns = mlops_nb.search_runs(output_format='list', experiment_names=['autolog'])")
    found = {}
    space = __import__("mlops_nb.workspace", fromlist=["current"]).current()
    for each in shell.user_ns["runs"]:
        found[each.name] = {
            "id": each.run_id, "status": str(each.status), "params": {k: str(v) for k, v in each.params.items()},
            "metrics": list(each.metrics), "parent": each.parent_run_id, "ended": each.end_time is not None,
            "files": [entry.path for entry in space.store.artifacts(each.run_id)],
            "models": [ref.name for ref in space.store.data(each.run_id) if ref.path.startswith("models:/")],
        }  # fmt: skip
    Path(sys.argv[2]).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
