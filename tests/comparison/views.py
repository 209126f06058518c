"""A run with one of everything, and copies of it in which one thing is changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from mlops_nb.comparison import RunView
from mlops_nb.entities import Artifact, DataRef, Run, Status

START = 1_795_000_000_000  # 2026-11-18, 12:26 UTC

HTML = (
    '<style id="T_ab12f">td {{}}</style><table id="T_ab12f"><tr><th></th><th>price</th></tr>'
    "<tr><th>mean</th><td>{}</td></tr></table><p>1 rows</p>"
)


def stdout(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**data: Any) -> dict[str, Any]:
    kinds = {"html": "text/html", "plain": "text/plain", "png": "image/png", "svg": "image/svg+xml"}
    bundle = {kinds.get(key, key): value for key, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def view(files: dict[str, bytes] | None = None, **changes: Any) -> RunView:
    """A view; `changes` are facts, fields of the run, or `data`."""
    contents = {"model.txt": b"w = 0.5\n", "plot.bin": b"\1\2"} if files is None else files
    facts: dict[str, Any] = {
        "code": "model.fit(X)\nacc = score(model)",
        "slice": [{"execution_count": 1, "source": "X = load()"}, {"execution_count": 3, "source": "acc = 1"}],
        "environment": {
            "packages": {"numpy": "2.1.0", "pandas": "3.1.1"},
            "python": "3.11.7",
            "platform": "Linux-x86_64",
            "threads": {"OMP_NUM_THREADS": "2"},
        },
        "git": {"commit": "abc", "branch": "main", "dirty": False},
        "outputs": [stdout("acc 0.9\n"), display(html=HTML.format("1.50"), plain="      price\nmean 1.50")],
        "randomness": {"numpy": list(range(100)), "seed": 7},
        "models": [{"name": "model", "class": "Ridge", "params": {"alpha": 1.0}, "predictions": [0.5, 1.5]}],
    }
    data = changes.pop("data", [DataRef("in.csv", "sha256:in", 5), DataRef("out.csv", "sha256:out", 5, "write")])
    run = Run("a" * 32, "first", "0", "e", Status.FINISHED, START, START + 1000)
    run = replace(run, params={"lr": 0.1, "n": 5, "kind": "rbf"}, metrics={"acc": 0.9, "n_rows": 100.0})
    fields = {key: changes.pop(key) for key in list(changes) if key in Run.__dataclass_fields__}
    blobs = {sha256(content): content for content in contents.values()}
    artifacts = [Artifact(path, sha256(content), len(content)) for path, content in contents.items()]
    return RunView(replace(run, **fields), facts | changes, data, artifacts, blobs.__getitem__)
