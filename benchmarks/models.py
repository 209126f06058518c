"""Models beside MLflow, in one run: saving, loading in a fresh process, registering; and a registry of 50,000 versions.

    python -m benchmarks.models --cache FOLDER

MLflow gets an environment of its own in the cache folder, with the same scikit-learn. Each figure is the median of
several processes, the two taking turns; imports are counted where a user waits for them, which the table says.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.run import machine

CLOCKS = """
import json, sys, time
def now():
    return time.perf_counter(), time.process_time()
"""
FIT = """
import warnings, logging
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = RandomForestClassifier(n_estimators=100, random_state=0).fit(X, y)
folder = sys.argv[1]
"""
SAVE = {
    "ours": FIT
    + """
from mlops_nb.models import save_model
import mlops_nb
save_model(model, folder + "/warm", input_example=X.head(3), requirements=[])
begin = now()
save_model(model, folder + "/model", input_example=X.head(3), requirements=[])
print(json.dumps([after - before for after, before in zip(now(), begin)]))
""",
    "mlflow": FIT
    + """
import mlflow.sklearn
options = dict(input_example=X.head(3), pip_requirements=["scikit-learn"], serialization_format="skops",
               skops_trusted_types=["sklearn.tree._tree.Tree"])
try:
    mlflow.sklearn.save_model(model, folder + "/warm", **options)
except TypeError:
    options = dict(input_example=X.head(3), pip_requirements=["scikit-learn"])
    mlflow.sklearn.save_model(model, folder + "/warm", **options)
begin = now()
mlflow.sklearn.save_model(model, folder + "/model", **options)
print(json.dumps([after - before for after, before in zip(now(), begin)]))
""",
}
LOAD = {
    "ours": """
begin = now()
import mlops_nb
model = mlops_nb.load_model(sys.argv[1] + "/model")
print(json.dumps([after - before for after, before in zip(now(), begin)]))
""",
    "mlflow": """
import warnings
warnings.simplefilter("ignore")
begin = now()
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1] + "/model")
print(json.dumps([after - before for after, before in zip(now(), begin)]))
""",
}

FLOOR = """
begin = now()
import sklearn.ensemble
print(json.dumps([after - before for after, before in zip(now(), begin)]))
"""


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where MLflow's environment lives")
    parser.add_argument("--repeat", type=int, default=5, help="processes a figure; the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the registered models")
    options = parser.parse_args()
    python = mlflow_python(options.cache.resolve())
    rows = [*beside(python, options.repeat), *registry(options.scale)]
    print(machine({"ours": sys.executable, "mlflow_sqlite": python}), end="\n\n")
    print("| | mlops_nb | MLflow |\n| --- | --: | --: |")
    for name, ours, theirs in rows:
        print(f"| {name} | {ours * 1000:,.1f} ms | {f'{theirs * 1000:,.1f} ms' if theirs else ''} |")


def mlflow_python(cache: Path) -> str:
    """The interpreter of an environment with MLflow and the libraries that are measured; made when there is none."""
    python = cache / "mlflow-models" / "bin" / "python"
    if not python.exists():
        print("making an environment for mlflow", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(cache / "mlflow-models")], check=True)
        same = [f"{each}=={version(each)}" for each in ("scikit-learn", "pandas", "numpy", "skops")]
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), "mlflow", *same]
        if subprocess.run(command).returncode:  # MLflow may not take today's pandas yet
            subprocess.run([*command[:-4], "scikit-learn", "skops"], check=True)
    return str(python)


def beside(python: str, repeat: int) -> list[tuple[str, float, float]]:
    """Saving and loading, ours and MLflow's in turn."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(repeat):
        for who, interpreter in (("ours", sys.executable), ("mlflow", python)):
            with tempfile.TemporaryDirectory() as folder:
                for what, code in (("save", SAVE[who]), ("load", LOAD[who]), ("floor", FLOOR)):
                    found.setdefault((what, who), []).append(seconds(interpreter, code, folder))
    medians = {key: [statistics.median(clock) for clock in zip(*values, strict=True)] for key, values in found.items()}
    names = {
        "save": "save a forest of 100 trees, with signature and example",
        "load": "load it in a fresh process, imports included",
        "floor": "of which nobody can save: import sklearn.ensemble",
    }
    return [
        (name + clock, medians[what, "ours"][place], medians[what, "mlflow"][place])
        for what, name in names.items()
        for place, clock in enumerate(("", ", processor time"))
    ]


def seconds(python: str, code: str, folder: str) -> tuple[float, float]:
    """What a process prints last: wall and processor time, the latter for machines that are busy."""
    environment = {**os.environ, "MLOPS_NB_STORE": f"{folder}/store", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [python, "-c", CLOCKS + code, folder], capture_output=True, text=True, env=environment, cwd=folder, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr[-1500:]}")
    wall, cpu = json.loads(done.stdout.strip().splitlines()[-1])
    return float(wall), float(cpu)


def registry(scale: float) -> list[tuple[str, float, float | None]]:
    """Registering what a run has logged, and a registry of 1,000 models with 50 versions each."""
    import mlops_nb
    from mlops_nb.panels.models_record import model_record, models_record
    from mlops_nb.registry import register_model
    from mlops_nb.workspace import current

    with tempfile.TemporaryDirectory() as folder:
        mlops_nb.connect(f"{folder}/store")
        with mlops_nb.start_run() as run:
            Path(folder, "weights.bin").write_bytes(os.urandom(200 << 20))
            mlops_nb.log_artifact(f"{folder}/weights.bin", "model")
            mlops_nb.log_text("flavors: {}", "model/MLmodel")
        uri = f"runs:/{run.run_id}/model"
        register_model(uri, "big")
        rows = timed("register 200 MB that a run has logged", lambda: register_model(uri, "big"))
        models, versions = max(1, round(1_000 * scale)), 50
        space = current()
        store, known = space.store, space.store.get_version("big", 1)
        for index in range(models):
            name = f"model {index:04}"
            for _ in range(versions):
                store.create_version(name, source=known.source, run_id=run.run_id, digest=known.digest, make_model=True)
            store.move_version(name, versions, alias="champion", stage="Production")
        page = store.search_models("", limit=100)
        looks: dict[str, Any] = {
            "list, 100 a page": lambda: store.search_models("", limit=100),
            "page": lambda: store.search_models("", limit=100, page_token=page.next_token),
            "search by name": lambda: store.search_models(f"name LIKE '%{models // 2:03}%'", limit=100),
            "search in all texts, as the panel does": lambda: models_record(space, f"{models // 2:03}"),
            "the panel's list, all at once": lambda: models_record(space),
            "a model opened in the panel": lambda: model_record(space, "model 0000"),
        }
        for name, look in looks.items():
            rows += timed(f"{models:,} models x {versions} versions: {name}", look)
        mlops_nb.connect(f"{folder}/other")
    return rows


def timed(name: str, call: Any, repeat: int = 9) -> list[tuple[str, float, float | None]]:
    """The median of several calls: wall time, and that of processors, for machines that are busy."""
    spent = []
    for _ in range(repeat):
        begin = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    wall, processor = (statistics.median(clock) for clock in zip(*spent, strict=True))
    return [(name, wall, None), (f"{name}, processor time", processor, None)]


if __name__ == "__main__":
    main()
