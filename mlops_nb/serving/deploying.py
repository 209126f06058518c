"""What other engines need to serve a version: Docker, KServe, MLServer. It is an MLmodel folder, so that is little."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_nb.errors import AlreadyExists, InvalidInput, MlopsError
from mlops_nb.models.loading import folder_digest, risks_of
from mlops_nb.models.mlmodel import read_mlmodel
from mlops_nb.registry.loading import fetch_model
from mlops_nb.registry.names import parse_reference
from mlops_nb.registry.resolving import Resolved, resolve
from mlops_nb.serving.locking import lock_lines
from mlops_nb.workspace import Workspace

TARGETS = ("docker", "kserve", "mlserver")
_MODEL = "model"
_PORT = 8080


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was written.

    Attributes
    ----------
    folder : Path
    target : str
    uri : str
        The exact version.
    files : tuple of str
        Beside the model's own.
    checks : tuple of str
        What was found to be right.
    next : str
        What to type now.
    """

    folder: Path
    target: str
    uri: str
    files: tuple[str, ...]
    checks: tuple[str, ...]
    next: str


@dataclass(frozen=True, slots=True)
class _Plan:
    found: Resolved
    name: str
    version: str
    model: Path
    python: str
    requirements: tuple[str, ...]
    trust: tuple[str, ...]
    storage: str
    release: str


def deploy_files(
    reference: str, folder: Path, target: str, *, space: Workspace, release: str, storage_uri: str = ""
) -> Deployed:
    """Write a folder with a version and what an engine needs to serve it, and check it.

    Parameters
    ----------
    reference : str
        ``NAME@ALIAS`` or ``NAME/VERSION``, with or without ``models:/``.
    folder : Path
        A new one.
    target : str
        ``docker``, ``kserve`` or ``mlserver``.
    space : Workspace
    release : str
        Of mlops_nb, which the image installs.
    storage_uri : str, optional
        KServe: where the model will be found by the cluster, such as ``s3://bucket/churn/3``.

    Raises
    ------
    InvalidInput, NotFound, AlreadyExists
        Before anything is written.
    """
    if target not in TARGETS:
        raise InvalidInput(f"There is no target {target[:40]!r}.", hint=f"There are: {', '.join(TARGETS)}.")
    uri = f"models:/{reference.removeprefix('models:/')}"
    parse_reference(uri)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"The folder {str(folder)!r} is not empty.", hint="Name a new one with -o.")
    found = resolve(uri, space)
    source = fetch_model(found, space=space)
    description = read_mlmodel(source)
    plan = _Plan(
        found, str(found.name), str(found.version), source, str(description.python.get("python_version") or "3.11"),
        _requirements(source), tuple(dict.fromkeys(risk.name for risk in risks_of(source))), storage_uri, release,
    )  # fmt: skip
    files = _WRITERS[target](plan)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        inner = folder / "models" / plan.name if target == "mlserver" else folder
        inner.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, inner / _MODEL)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        checks = _check(plan, target, folder, inner / _MODEL)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    now = _NEXT[target].format(folder=folder, tag=_tag(plan))
    return Deployed(folder, target, found.uri, tuple(files), checks, now)


def _requirements(source: Path) -> tuple[str, ...]:
    try:
        lines = (source / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


# -- what is written ---------------------------------------------------------------------------------------------------


def _docker(plan: _Plan) -> dict[str, str]:
    wanted = [*plan.requirements, f"mlops_nb[serve]=={plan.release}"]
    trust = "".join(f', "--trust", {json.dumps(name)}' for name in plan.trust)
    slim = ".".join(plan.python.split(".")[:2])
    note = ""
    if plan.trust:
        note = "# Loading it runs code that came with it, which whoever builds this image trusts by name.\n"
    return {
        "Dockerfile": f"""\
# {plan.found.uri}, {plan.found.digest}
FROM python:{slim}-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /service
COPY requirements.lock wheels* ./
RUN pip install --find-links . -r requirements.lock
COPY {_MODEL} /service/{_MODEL}
RUN useradd --system --create-home service && mkdir /service/log && chown service /service/log
USER service
EXPOSE {_PORT}
# The token comes from the environment: docker run -e MLOPS_NB_TOKEN=... (else one is made, and printed).
ENV MLOPS_NB_STORE=/home/service/store
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:{_PORT}/ping', timeout=5)"]
{note}CMD ["mlops-nb", "serve", "/service/{_MODEL}", "--host", "0.0.0.0", "--port", "{_PORT}", \
"--log", "/service/log"{trust}]
""",
        "requirements.lock": "\n".join(lock_lines(wanted)) + "\n",
        ".dockerignore": "*\n!model\n!requirements.lock\n!wheels\n",
    }


def _mlserver(plan: _Plan) -> dict[str, str]:
    settings = {
        "name": plan.name,
        "implementation": "mlserver_mlflow.MLflowRuntime",
        "parameters": {"uri": f"./{_MODEL}", "version": plan.version},
    }
    wanted = [*plan.requirements, "mlserver>=1.6", "mlserver-mlflow>=1.6"]
    server = {"http_port": _PORT, "grpc_port": _PORT + 1, "metrics_port": _PORT + 2, "parallel_workers": 0}
    return {
        f"models/{plan.name}/model-settings.json": json.dumps(settings, indent=2) + "\n",
        "settings.json": json.dumps(server, indent=2) + "\n",
        "requirements.txt": "\n".join(wanted) + "\n",
    }


def _kserve(plan: _Plan) -> dict[str, str]:
    import yaml

    if plan.storage and not re.fullmatch(r"(s3|gs|pvc|https?|hdfs|webhdfs|oci|azure|hf)://[^\s]+", plan.storage):
        raise InvalidInput(
            f"{plan.storage[:60]!r} is no place that KServe reads from.", hint="For instance: s3://bucket/churn/3"
        )
    storage = plan.storage or f"pvc://models/{_dns(plan.name)}/{plan.version}/{_MODEL}"
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": _dns(plan.name),
            "annotations": {
                "mlops-nb/uri": plan.found.uri, "mlops-nb/digest": plan.found.digest,
                "mlops-nb/run": plan.found.run_id or "",
            },
        },
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "mlflow"},
                    "protocolVersion": "v2",
                    "storageUri": storage,
                    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
                }
            }
        },
    }  # fmt: skip
    comment = f"# Copy the folder {_MODEL} to {storage}, then: kubectl apply -f inferenceservice.yaml\n"
    return {"inferenceservice.yaml": comment + yaml.safe_dump(service, sort_keys=False)}


def _dns(name: str) -> str:
    """A name as Kubernetes takes it.

    Examples
    --------
    >>> _dns("Churn of Q3"), _dns("42")
    ('churn-of-q3', 'm-42')
    """
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "model"
    return made if made[0].isalpha() else f"m-{made}"


def _tag(plan: _Plan) -> str:
    return f"{_dns(plan.name)}:{plan.version}"


_WRITERS: Mapping[str, Callable[[_Plan], dict[str, str]]] = {
    "docker": _docker,
    "kserve": _kserve,
    "mlserver": _mlserver,
}
_NEXT = {
    "docker": "docker build -t {tag} {folder} && docker run -p 8080:8080 -e MLOPS_NB_TOKEN=... {tag}",
    "kserve": "kubectl apply -f {folder}/inferenceservice.yaml",
    "mlserver": "pip install -r {folder}/requirements.txt && mlserver start {folder}",
}


# -- what is checked ---------------------------------------------------------------------------------------------------


def _check(plan: _Plan, target: str, folder: Path, model: Path) -> tuple[str, ...]:
    """Read back what was written, as the engine will."""
    if plan.found.digest and folder_digest(model) != plan.found.digest:
        raise MlopsError(f"The model in {model} has not the digest of {plan.found.uri}.", hint="Write it again.")
    made = ["the model's bytes have the version's digest"]
    description = read_mlmodel(model)
    if not description.python:
        raise InvalidInput(
            f"The version {plan.found.uri} has no flavor python_function, by which {target} asks.",
            hint="Save a model that predicts.",
        )
    made.append("its MLmodel names a python_function")
    made.append("it has a signature" if description.signature else "it has no signature: requests are not checked")
    made += _CHECKS[target](folder, plan)
    return tuple(made)


def _check_docker(folder: Path, plan: _Plan) -> Sequence[str]:
    lines = (folder / "requirements.lock").read_text(encoding="utf-8").splitlines()
    loose = [line for line in lines if line and not line.startswith("#") and "==" not in line]
    exact = "every requirement is of an exact version" if not loose else f"not exact: {', '.join(loose[:5])}"
    return [exact, *([f"trusted by name: {', '.join(plan.trust)}"] if plan.trust else ["loading it runs no code"])]


def _check_mlserver(folder: Path, plan: _Plan) -> Sequence[str]:
    path = folder / "models" / plan.name / "model-settings.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    if not (path.parent / settings["parameters"]["uri"] / "MLmodel").is_file():
        raise MlopsError("model-settings.json does not lead to the model.")
    return ["model-settings.json leads to the model"]


def _check_kserve(folder: Path, plan: _Plan) -> Sequence[str]:
    import yaml

    check_inference_service(yaml.safe_load((folder / "inferenceservice.yaml").read_text(encoding="utf-8")))
    return ["inferenceservice.yaml has the shape of serving.kserve.io/v1beta1"]


_CHECKS: Mapping[str, Callable[[Path, _Plan], Sequence[str]]] = {
    "docker": _check_docker,
    "kserve": _check_kserve,
    "mlserver": _check_mlserver,
}


def check_inference_service(found: Any) -> None:
    """Refuse what KServe's schema would: names that are no names, fields that are missing or unknown.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> check_inference_service({"kind": "Pod"})
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The InferenceService is wrong at: apiVersion.
    """
    try:
        model = found["spec"]["predictor"]["model"]
        sizes = [size for part in model["resources"].values() for size in part.values()]
        rules = {
            "apiVersion": found["apiVersion"] == "serving.kserve.io/v1beta1",
            "kind": found["kind"] == "InferenceService",
            "metadata.name": re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", found["metadata"]["name"]) is not None,
            "spec.predictor.model": set(model) <= {"modelFormat", "protocolVersion", "storageUri", "resources"},
            "modelFormat": model["modelFormat"] == {"name": "mlflow"} and model["protocolVersion"] == "v2",
            "storageUri": "://" in model["storageUri"],
            "resources": all(re.fullmatch(r"\d+(m|[KMGT]i)?", size) for size in sizes),
        }
    except (KeyError, TypeError, AttributeError):
        rules = {"apiVersion": False}
    wrong = next((name for name, right in rules.items() if not right), None)
    if wrong is not None:
        raise InvalidInput(f"The InferenceService is wrong at: {wrong}.")
