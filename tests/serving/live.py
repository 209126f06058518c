"""Real services, each a supervisor with its workers; a client that speaks plain HTTP; and models to serve."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.serving.background import BackgroundService, serve


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def said(self) -> str:
        """The message of an error, in either protocol's shape."""
        found: str = self.json.get("message") or self.json.get("error")
        return found


def ask(
    service: BackgroundService, path: str, value: Any = None, *, method: str = "",
    headers: dict[str, str] | None = None, timeout: float = 120,
) -> Reply:  # fmt: skip
    """One request over a connection of its own; bytes go as they are, else as JSON."""
    client = http.client.HTTPConnection(service.url.rpartition("/")[2], timeout=timeout)
    body = value if isinstance(value, (bytes, type(None))) else json.dumps(value).encode()
    try:
        given = {"Content-Type": "application/json", **(headers or {})}
        client.request(method or ("GET" if value is None else "POST"), path, body, given)
        answer = client.getresponse()
        return Reply(answer.status, {key.lower(): v for key, v in answer.getheaders()}, answer.read())
    finally:
        client.close()


def invoke(service: BackgroundService, value: Any, **options: Any) -> Reply:
    """Ask the model."""
    return ask(service, "/invocations", value, **options)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    """The first true result of a condition."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come to pass"
        time.sleep(0.05)
    return found


@contextmanager
def own_settings(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a fixture that outlives one test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_STORE", str(folder / ".mlops_nb"))
        patch.setenv("MLOPS_NB_USER_FOLDER", str(folder / "user"))
        patch.delenv("MLOPS_NB_TOKEN", raising=False)
        yield patch


@contextmanager
def serving(uri: str, folder: Path, **options: Any) -> Iterator[BackgroundService]:
    """A service over the store of a folder."""
    from mlops_nb.workspace import open_workspace

    space = open_workspace(str(folder / ".mlops_nb"))
    try:
        with serve(uri, space=space, **options) as service:
            yield service
    finally:
        space.close()


def save_churn(folder: Path) -> tuple[str, Any, Any]:
    """A pipeline of scikit-learn's over numbers, whole numbers, truths and texts; its URI, itself, its frame."""
    import numpy
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from mlops_nb.models import infer_signature, save_model

    random = numpy.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "age": random.uniform(18, 90, 200),
            "visits": random.integers(0, 30, 200),
            "paying": random.random(200) < 0.5,
            "plan": random.choice(["free", "silver", "gold"], 200),
        }
    )
    target = ((frame["age"] > 50) ^ (frame["plan"] == "gold")).astype(int)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough"), LogisticRegression(max_iter=1000)
    ).fit(frame, target)
    signature = infer_signature(frame, model.predict(frame))
    save_model(model, folder / "churn", signature=signature, input_example=frame.head(2), requirements=[])
    return str(folder / "churn"), model, frame


def naughty(frame: Any) -> list[Any]:
    """A model that does what it is told, which is not always good."""
    import os
    import signal
    import time as clock

    made = []
    for word in frame["do"]:
        if word == "raise":
            raise RuntimeError("the secret of the model")
        if word == "hang":
            clock.sleep(3600)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "pid":
            made.append(os.getpid())
        elif word == "leak":
            clock.leaked = [*getattr(clock, "leaked", []), bytearray(os.urandom(1) * (64 << 20))]  # type: ignore[attr-defined]
            made.append(0)
        elif word == "nan":
            made.append(float("nan"))
        else:
            print("printed by the model")  # noqa: T201
            made.append(len(word))
    return made


def save_naughty(folder: Path) -> str:
    """The URI of the model above."""
    from mlops_nb.models import Column, Signature, save_model

    signature = Signature((Column("string", "do"),), (Column("long"),))
    save_model(naughty, folder / "naughty", signature=signature, requirements=[])
    return str(folder / "naughty")
