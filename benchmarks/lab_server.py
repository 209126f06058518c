"""What measuring JupyterLab's panels needs: filled stores, a JupyterLab server on them, MLflow's server beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.run import python_of

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "mlops_nb" / "labextension"
BATCH = 1000
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


def numbers(index: int) -> tuple[dict[str, object], dict[str, float]]:
    """Params and metrics of a run: the same for us and for MLflow."""
    lr, depth = (0.3, 0.1, 0.03, 0.01)[index % 4], index % 8 + 2
    accuracy = 0.7 + (index * 7919 % 2500) / 10000
    return (
        {"lr": lr, "depth": depth, "kind": ("hist", "exact", "approx")[index % 3], "seed": index % 5},
        {"accuracy": accuracy, "loss": 1 - accuracy, "f1": accuracy - 0.05},
    )


def fill_runs(cache: Path, count: int) -> Path:
    """A store of `count` runs; kept as long as the code that writes rows is the same."""
    from mlops_nb.entities import Batch, Points, RunEnd, RunStart, Status, new_id
    from mlops_nb.workspace import open_workspace

    folder = cache / "lab" / f"runs-{count}"
    if (folder / "done").exists() and (folder / "done").read_text() == store_digest():
        return folder
    begin, making = int(time.time() * 1000) - count * 60_000, begin_folder(folder)
    space = open_workspace(str(making / ".mlops_nb"))
    for first in range(0, count, BATCH):
        batches = []
        for index in range(first, min(first + BATCH, count)):
            params, metrics = numbers(index)
            at = begin + index * 60_000
            run_id, end = new_id(), RunEnd(Status.FINISHED, at + 5000)
            start = RunStart(run_id, f"fit-{index}", f"bench-{index % 7}", at, user="ana")
            points = {k: Points(array("d", [v]), array("q", [0]), array("q", [at])) for k, v in metrics.items()}
            given = [(key, value, at) for key, value in params.items()]
            batches.append(Batch(run_id, "", start=start, params=given, metrics=points, end=end))
        space.store.apply(batches)
    space.close()
    return end_folder(making, folder)


WRITERS = "schema registry_schema logged_schema rows drafts intake curves points migrations".split()


def store_digest() -> str:
    """Of the code that writes rows: with other code, the same runs may be kept in another way."""
    digest = hashlib.sha256()
    for name in WRITERS:
        digest.update((ROOT / "mlops_nb" / "store" / f"{name}.py").read_bytes())
    return digest.hexdigest()


def begin_folder(folder: Path) -> Path:
    """Where a store is filled: beside its place, so that nobody finds a half of it there."""
    making = folder.with_name(f"{folder.name}-{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    return making


def end_folder(making: Path, folder: Path) -> Path:
    """It is whole."""
    (making / "done").write_text(store_digest())
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return folder


def fill_curves(cache: Path, points: int) -> Path:
    """A store with one run of ten curves of `points` points; kept."""
    from mlops_nb.entities import Batch, Points, RunEnd, RunStart, Status, new_id
    from mlops_nb.workspace import open_workspace

    folder = cache / "lab" / f"curves-{points}"
    if (folder / "done").exists() and (folder / "done").read_text() == store_digest():
        return folder
    now, run_id, making = int(time.time() * 1000), new_id(), begin_folder(folder)
    space = open_workspace(str(making / ".mlops_nb"))
    space.store.apply([Batch(run_id, "", start=RunStart(run_id, "long", "bench", now - points, user="ana"))])
    steps, times = array("q", range(points)), array("q", range(now - points, now))
    for number in range(10):
        falls = (1 / (1 + step / points * 50) + (step * 7919 % 1000) / 20_000 for step in range(points))
        curve = Points(array("d", (value * (number + 1) for value in falls)), steps, times)
        space.store.apply([Batch(run_id, "", metrics={f"curve-{number}": curve})])
    space.store.apply([Batch(run_id, "", end=RunEnd(Status.FINISHED, now))])
    space.close()
    return end_folder(making, folder)


class Server:
    """A JupyterLab server at a free port, with the panels or without."""

    def __init__(self, folder: Path, store: Path, *, extension: bool = True) -> None:
        self.store = store
        self.token = secrets.token_hex(16)
        self.port = free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JUPYTER", "JPY_"))}
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            env[f"JUPYTER_{name}"] = str(folder / name.lower())
        env["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
        env["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "spaces")
        config = folder / "config_dir" / "labconfig"
        config.mkdir(parents=True)
        (config / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
        command = [
            sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", "--no-browser", "--allow-root", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={store}", "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]  # fmt: skip
        if not extension:
            (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"mlops-nb": True}}))
            command.append("--ServerApp.jpserver_extensions={'mlops_nb': False}")
        with (folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=store, env=env, stdout=log, stderr=log)
        wait_for(f"http://127.0.0.1:{self.port}/api/status?token={self.token}", self._process)

    def lab_url(self) -> str:
        """The address of a page of its own workspace."""
        return f"http://127.0.0.1:{self.port}/lab/workspaces/{secrets.token_hex(4)}?token={self.token}"

    def ask(self, route: str) -> bytes:
        """The answer of one of the panels' routes."""
        address = f"http://127.0.0.1:{self.port}/mlops-nb/lab/{route}"
        request = urllib.request.Request(address, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            found: bytes = answer.read()
        return found

    def stop(self) -> None:
        """End it."""
        end(self._process)


@contextmanager
def mlflow_server(cache: Path, count: int) -> Iterator[str]:
    """`mlflow server` on as many runs in SQLite, from an environment of its own."""
    python = python_of("mlflow_sqlite", cache)
    database = cache / "lab" / f"mlflow-{count}.db"
    if not database.with_suffix(".done").exists():
        fill_mlflow(python, database, count)
    port = free_port()
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "GIT_PYTHON_REFRESH": "quiet"}
    command = [
        python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{database}", "--port", str(port),
        "--host", "127.0.0.1", "--workers", "1", "--artifacts-destination", str(database.with_suffix("")),
    ]  # fmt: skip
    with database.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def fill_mlflow(python: str, database: Path, count: int) -> None:
    """MLflow makes its schema; the runs are written by SQL, since its client takes milliseconds for each."""
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    make = f"import mlflow; mlflow.set_tracking_uri('sqlite:///{database}'); print(mlflow.create_experiment('bench'))"
    said = subprocess.run([python, "-c", make], check=True, capture_output=True, text=True)
    experiment = int(said.stdout.split()[-1])
    begin = int(time.time() * 1000) - count * 60_000
    runs, params, metrics, tags = [], [], [], []
    for index in range(count):
        run, at = f"{index:032x}", begin + index * 60_000
        given, computed = numbers(index)
        about = (run, f"fit-{index}", "LOCAL", "", "", "ana", "FINISHED", at, at + 5000)
        runs.append((*about, "", "active", "", experiment))
        params += [(key, str(value), run) for key, value in given.items()]
        metrics += [(key, value, at, run, 0, 0) for key, value in computed.items()]
        tags.append(("mlflow.runName", f"fit-{index}", run))
    with closing(sqlite3.connect(database)) as connection, connection:
        put = connection.executemany
        put(
            "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
            "values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            runs,
        )
        put("insert into params (key, value, run_uuid) values (?,?,?)", params)
        put("insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?,?,?,?,?,?)", metrics)
        put("insert into latest_metrics (key, value, timestamp, run_uuid, step, is_nan) values (?,?,?,?,?,?)", metrics)
        put("insert into tags (key, value, run_uuid) values (?,?,?)", tags)
    database.with_suffix(".done").touch()


def bundle_sizes() -> tuple[int, int]:
    """Bytes of the bundle's scripts, as they are and compressed one by one as a server sends them."""
    scripts = [path.read_bytes() for path in (BUNDLE / "static").glob("*.js")]
    return sum(map(len, scripts)), sum(len(gzip.compress(script)) for script in scripts)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"{address.split('?')[0]} did not answer.")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, then make it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
