"""A real server on a free port, in a thread of its own; and a client that speaks plain HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.server.app import Server, Settings
from mlops_nb.workspace import Workspace

TOKEN = "the-token"
MLFLOW = "/api/2.0/mlflow"


@contextmanager
def running(space: Workspace, *, port: int = 0, **settings: Any) -> Iterator[Server]:
    """A server that has started, and is stopped at the end."""
    started, ended = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def main() -> None:
        server = Server(space, Settings(port=port, token=TOKEN, **settings))
        server.start()
        found.extend([server, asyncio.get_running_loop()])
        started.set()
        await ended.wait()
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield found[0]
    finally:
        found[1].call_soon_threadsafe(ended.set)
        thread.join(30)
        assert not thread.is_alive()


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class Client:
    """Sends exactly what it is told."""

    port: int
    token: str | None = TOKEN
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token is not None:
            given.setdefault("Authorization", f"Bearer {self.token}")
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, given)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET one of MLflow's routes."""
        return self.ask("GET", MLFLOW + path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST to one of MLflow's routes."""
        return self.ask("POST", MLFLOW + path, body, **headers)

    def new_run(self, **fields: Any) -> str:
        """Make a run; its id."""
        answer = self.post("/runs/create", {"experiment_id": "0", "start_time": 1, **fields})
        assert answer.status == 200, answer.body
        return str(answer.json["run"]["info"]["run_id"])
