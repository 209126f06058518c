"""What `deploy-files` writes, given to the real engines, each in an environment of its own; and MLflow's own client."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlops_nb
from mlops_nb.cli import main
from mlops_nb.registry import promote
from mlops_nb.workspace import open_workspace, using
from tests.house import ROOT
from tests.serving.live import own_settings, serving, wait_for

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]

HERE = Path(__file__).parent
MLFLOW_CLIENT = """
import json, sys, pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
host, port, path = sys.argv[1:]
client = ScoringServerClient(host, int(port))
client.ping()  # raises, if it is not answered
client.wait_server_ready(timeout=30)
frame = pd.read_parquet(path)
forms = (frame, json.dumps({"inputs": frame.to_dict("list")}))
said = [client.invoke(each).get_predictions("dataframe").iloc[:, 0].tolist() for each in forms]
assert said[0] == said[1]
try:
    client.invoke(frame.drop(columns="plan"))
    raise SystemExit("a column is missing, and nobody says so")
except Exception as error:
    assert "plan" in str(error), error
print(json.dumps(said[0]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, pd.DataFrame, list[int]]]:
    """A registered champion with its folders for each engine; rows to ask about, and what it says of them."""
    folder = tmp_path_factory.mktemp("deployed")
    with own_settings(folder) as patch:
        patch.chdir(folder)
        with using(open_workspace(str(folder / ".mlops_nb"))) as space:
            model, frame = _churn()
            with mlops_nb.start_run():
                mlops_nb.log_model(model, "model", input_example=frame.head(3), registered_model_name="churn")
            promote("churn", 1, alias="champion")
            space.flush()
            for target in ("docker", "mlserver", "kserve"):
                assert main(["deploy-files", "churn@champion", "-o", target, "--target", target]) == 0
            frame.to_parquet("asked.parquet")
            yield folder, frame, model.predict(frame).tolist()
            space.close()


def _churn() -> tuple[Any, pd.DataFrame]:
    import numpy
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = numpy.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.uniform(18, 90, 200), "plan": rng.choice(["free", "silver", "gold"], 200)})
    target = ((frame["age"] > 50) ^ (frame["plan"] == "gold")).astype(int)
    encode = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    return make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(frame, target), frame


def environment(name: str, *words: str) -> Path:
    """The programs of an environment in the user's cache, made when there is none with these packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops_nb-tests"
    told = hashlib.sha256(" ".join([sys.version, *words]).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{told}"
    if not (folder / "made").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        into = ["--compile-bytecode", "--python", str(folder / "bin" / "python")]
        subprocess.run([*uv, "pip", "install", "-q", *into, *words], check=True)
        (folder / "made").touch()
    return folder / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def engine(programs: Path, words: Sequence[str], folder: Path, ready: str, **variables: str) -> Iterator[None]:
    """A server that runs, from its first healthy answer on."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "PYTHON", "VIRTUAL"))}
    clean |= {"PATH": f"{programs}{os.pathsep}{clean['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true", **variables}
    log = folder / "engine.log"
    with log.open("wb") as file:
        process = subprocess.Popen([str(programs / words[0]), *words[1:]], cwd=folder, env=clean, stdout=file,
                                   stderr=file, start_new_session=True)  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-4000:]
        try:
            with urllib.request.urlopen(ready, timeout=30) as answer:
                return int(answer.status) == 200
        except (OSError, urllib.error.HTTPError):
            return False

    try:
        wait_for(answers, f"an answer of {words[0]}", 300)
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)


def post(url: str, body: Any, **headers: str) -> Any:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def test_mlflows_own_client_gets_right_answers(made: tuple[Path, pd.DataFrame, list[int]]) -> None:
    folder, _, wanted = made
    programs = environment("mlflow", "mlflow>=3", *_requirements(folder))
    with serving("models:/churn@champion", folder) as service:
        host, _, port = service.url.partition("//")[2].partition(":")
        done = subprocess.run(
            [str(programs / "python"), "-c", MLFLOW_CLIENT, host, port, str(folder / "asked.parquet")],
            capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": ""},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == wanted


def _requirements(folder: Path) -> list[str]:
    lines = (folder / "docker" / "model" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")] + ["pyarrow"]


def test_mlflow_models_serve_takes_the_folder(made: tuple[Path, pd.DataFrame, list[int]]) -> None:
    folder, frame, wanted = made
    programs, port = environment("mlflow", "mlflow>=3", *_requirements(folder)), free_port()
    words = ["mlflow", "models", "serve", "-m", "docker/model", "--env-manager", "local", "-p", str(port)]
    with engine(programs, words, folder, f"http://127.0.0.1:{port}/ping"):
        said = post(f"http://127.0.0.1:{port}/invocations", {"dataframe_records": frame.to_dict("records")})
    assert said["predictions"] == wanted


def test_mlserver_takes_the_folder(made: tuple[Path, pd.DataFrame, list[int]]) -> None:
    """As the verb says: ``pip install -r DIR/requirements.txt && mlserver start DIR``, with other ports."""
    folder, frame, wanted = made
    lines = (folder / "mlserver" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    programs, ports = environment("mlserver", *lines), [free_port() for _ in range(3)]
    settings = folder / "mlserver" / "settings.json"
    chosen = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    settings.write_text(json.dumps({**json.loads(settings.read_text(encoding="utf-8")), **chosen}), encoding="utf-8")
    url = f"http://127.0.0.1:{ports[0]}/v2/models/churn"
    with engine(programs, ["mlserver", "start", "mlserver"], folder, f"{url}/ready"):
        tensors = [
            {"name": "age", "shape": [len(frame), 1], "datatype": "FP64", "data": frame["age"].tolist()},
            {"name": "plan", "shape": [len(frame), 1], "datatype": "BYTES", "data": frame["plan"].tolist(),
             "parameters": {"content_type": "str"}},
        ]  # fmt: skip
        said = post(f"{url}/infer", {"inputs": tensors, "parameters": {"content_type": "pd"}})
        assert said["outputs"][0]["data"] == wanted and said["model_version"] == "1"
        flow = post(f"http://127.0.0.1:{ports[0]}/invocations", {"dataframe_records": frame.to_dict("records")})
    assert flow["predictions"] == wanted


def test_kserves_own_schema_takes_the_inference_service(made: tuple[Path, pd.DataFrame, list[int]]) -> None:
    folder, _, _ = made
    script = [str(environment("kserve", "kserve", "pyyaml") / "python"), str(HERE / "kserve_schema.py")]
    path, wrong = folder / "kserve" / "inferenceservice.yaml", folder / "wrong.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new, words in (("storageUri:", "storageURI:", "has no ['storageURI']"), ("limits:", "limit:", "extra")):
        assert old in text
        wrong.write_text(text.replace(old, new), encoding="utf-8")
        refused = subprocess.run([*script, str(wrong)], capture_output=True, text=True)
        assert refused.returncode and words in refused.stderr, refused.stderr
    done = subprocess.run([*script, str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "V1beta1InferenceService\n", done.stderr


def test_the_steps_of_the_dockerfile_serve(made: tuple[Path, pd.DataFrame, list[int]], tmp_path: Path) -> None:
    """What an image is made of, done here without a container: its lock, its folder, its command, its health check."""
    folder, frame, wanted = made
    text = (folder / "docker" / "Dockerfile").read_text(encoding="utf-8")
    steps = [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]
    [copied] = [line for line in steps if line.startswith("COPY requirements.lock")]
    [install] = [line.split()[2:] for line in steps if line.startswith("RUN pip")]
    assert copied == "COPY requirements.lock wheels* ./"
    assert install == ["install", "--find-links", ".", "-r", "requirements.lock"]
    wheels = tmp_path / "wheels"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "build", "-q", "--wheel", "-o", str(wheels), str(ROOT)], check=True)
    lock = folder / "docker" / "requirements.lock"
    programs = environment("image", "--find-links", str(wheels), "-r", str(lock))
    port, token = free_port(), "a token"
    command = json.loads(next(line for line in steps if line.startswith("CMD ")).partition(" ")[2])
    command = [word.replace("/service", str(folder / "docker")).replace("8080", str(port)) for word in command]
    variables = {"MLOPS_NB_TOKEN": token, "MLOPS_NB_STORE": str(tmp_path / "store")}
    with engine(programs, command, folder, f"http://127.0.0.1:{port}/ping", **variables):
        health = json.loads(next(line for line in steps if line.startswith("HEALTHCHECK")).partition("CMD ")[2])
        subprocess.run([str(programs / "python"), "-c", health[2].replace("8080", str(port))], check=True)
        body = {"dataframe_records": frame.to_dict("records")}
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(f"http://127.0.0.1:{port}/invocations", body)
        said = post(f"http://127.0.0.1:{port}/invocations", body, Authorization=f"Bearer {token}")
    assert said["predictions"] == wanted
