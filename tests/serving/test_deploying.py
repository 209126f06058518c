"""What other engines need: written from a version, exact, and refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlops_nb
from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput
from mlops_nb.registry import promote
from mlops_nb.serving.deploying import check_inference_service
from mlops_nb.serving.locking import lock_lines


@pytest.fixture
def churn() -> Iterator[str]:
    import numpy
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with mlops_nb.start_run():
        mlops_nb.log_model(
            model, "model", input_example=numpy.array([[0.5]]), requirements=["scikit-learn", "skops"],
            registered_model_name="churn",
        )  # fmt: skip
    promote("churn", 1, alias="champion")
    yield "churn@champion"


def deploy(*words: str) -> int:
    return main(["deploy-files", *words])


def test_docker(churn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy(churn, "-o", "out", "--target", "docker", "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["uri"] == "models:/churn/1" and "every requirement is of an exact version" in plain["checks"]
    text = Path("out/Dockerfile").read_text(encoding="utf-8")
    assert text.startswith("# models:/churn/1, sha256:") and "USER service" in text
    command = json.loads(text.rpartition("CMD ")[2])
    assert command[:3] == ["mlops-nb", "serve", "/service/model"] and "--trust" not in command
    lock = Path("out/requirements.lock").read_text(encoding="utf-8").splitlines()
    names = {line.partition("==")[0].partition("[")[0].lower() for line in lock}
    assert {"scikit-learn", "numpy", "scipy", "joblib", "mlops_nb", "starlette", "uvicorn", "orjson"} <= names
    assert Path("out/model/MLmodel").is_file()


def test_the_files_serve(churn: str) -> None:
    """The folder of the image, served as the image does; the model's owner here is its reader there."""
    from tests.serving.live import serving

    assert deploy(churn, "-o", "out", "--target", "docker") == 0
    with serving(str(Path("out/model").absolute()), Path.cwd(), log=None) as service:
        assert service.predict([[0.0], [1.0]]) == [0, 1]


def test_code_in_a_model_is_trusted_by_name(churn: str) -> None:
    with mlops_nb.start_run():
        mlops_nb.log_model(lambda frame: [1], "rule", requirements=[], registered_model_name="rule")
    assert deploy("rule/1", "-o", "out", "--target", "docker") == 0
    assert '"--trust", "pickle"' in Path("out/Dockerfile").read_text(encoding="utf-8")


def test_mlserver(churn: str) -> None:
    assert deploy(churn, "-o", "out", "--target", "mlserver") == 0
    folder = Path("out/models/churn")
    settings = json.loads((folder / "model-settings.json").read_text(encoding="utf-8"))
    assert settings["implementation"] == "mlserver_mlflow.MLflowRuntime" and settings["parameters"]["version"] == "1"
    assert (folder / settings["parameters"]["uri"] / "MLmodel").is_file()
    assert "mlserver-mlflow>=1.6" in Path("out/requirements.txt").read_text(encoding="utf-8")


def test_kserve(churn: str) -> None:
    assert deploy(churn, "-o", "out", "--target", "kserve", "--storage-uri", "s3://bucket/churn") == 0
    found = yaml.safe_load(Path("out/inferenceservice.yaml").read_text(encoding="utf-8"))
    check_inference_service(found)
    model = found["spec"]["predictor"]["model"]
    assert model["storageUri"] == "s3://bucket/churn" and model["modelFormat"] == {"name": "mlflow"}
    model["storageURI"] = model.pop("storageUri")
    with pytest.raises(InvalidInput, match="wrong at"):
        check_inference_service(found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["churn/9", "-o", "out", "--target", "docker"], "churn"),
        (["churn", "-o", "out", "--target", "docker"], "names no version"),
        (["../churn/1", "-o", "out", "--target", "docker"], "names"),
        (["churn/1", "-o", "full", "--target", "docker"], "not empty"),
        (["churn/1", "-o", "out", "--target", "heroku"], "heroku"),
        (["churn/1", "-o", "out", "--target", "kserve", "--storage-uri", "file:///etc"], "no place that KServe reads"),
    ],
)
def test_refusals_write_nothing(churn: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine", encoding="utf-8")
    assert deploy(*words) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists() and [path.name for path in Path("full").iterdir()] == ["notes.txt"]


def test_a_lock_is_closed_over_what_is_needed() -> None:
    lines = lock_lines(["requests"])
    names = {line.partition("==")[0].lower() for line in lines}
    assert {"requests", "urllib3", "idna", "certifi"} <= names and any(line.startswith("requests==") for line in lines)
    other: Any = lock_lines(["requests==0.0.1"])
    assert other == ["requests==0.0.1"]  # another version than the one here: not ours to say what it needs
