"""What goes wrong in a model or a worker is an answer to one request, and no more."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_nb.errors import InvalidState
from mlops_nb.serving import read_answers, serve
from mlops_nb.serving.background import BackgroundService
from mlops_nb.serving.board import Board
from mlops_nb.serving.recorder import LogSettings
from mlops_nb.serving.worker import Worker
from tests.serving.live import Reply, ask, invoke, own_settings, save_churn, save_naughty, serving, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundService]:
    folder = tmp_path_factory.mktemp("naughty")
    with own_settings(folder):
        uri = save_naughty(folder)
        log = LogSettings(every=0.2)
        with serving(uri, folder, workers=2, threads=2, timeout=3, log=log, token="open sesame") as service:
            yield service


def do(service: BackgroundService, *words: str, **options: Any) -> Reply:
    """Tell the model what to do."""
    headers = {"Authorization": f"Bearer {service.token}"}
    return invoke(service, {"inputs": {"do": list(words)}}, headers=headers, **options)


def pid(service: BackgroundService) -> int:
    """The process that answers, when one does."""
    reply = wait_for(lambda: (found := do(service, "pid")).status == 200 and found, "an answer")
    return int(reply.json["predictions"][0])


def pids(service: BackgroundService) -> set[int]:
    """Processes that answer."""
    return {pid(service) for _ in range(12)}


def test_only_who_has_the_token_may_ask(service: BackgroundService) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b3Blbg=="}):
        reply = invoke(service, {"inputs": {"do": ["go"]}}, headers=headers)
        assert reply.status == 401 and reply.headers["www-authenticate"] == "Bearer"
        assert ask(service, "/metrics", headers=headers).status == 401
        assert ask(service, "/docs", headers=headers).status == 401
        assert ask(service, "/v2/models/naughty", headers=headers).status == 401
    for path in ("/ping", "/health", "/version", "/v2/health/live", "/v2/health/ready"):
        assert ask(service, path).status == 200
    assert do(service, "go").json == {"predictions": [2]}
    assert service.predict({"do": ["go"]}) == [2]


def test_who_listens_elsewhere_asks_for_a_token(tmp_path: Any) -> None:
    with own_settings(tmp_path):
        command = [sys.executable, "-m", "mlops_nb.cli", "serve", save_naughty(tmp_path), "--host", "0.0.0.0"]
        process = subprocess.Popen([*command, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            url, body = f"http://127.0.0.1:{said['port']}/invocations", json.dumps({"inputs": {"do": ["go"]}}).encode()
            headers = {"Content-Type": "application/json"}
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60)
            headers["Authorization"] = f"Bearer {said['token']}"
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
                assert json.load(answer) == {"predictions": [2]}
            assert len(said["token"]) >= 32
        finally:
            process.terminate()
        assert process.wait(60) == 0, "told to end, it has done what it was asked for"


def test_a_body_that_stops_coming_is_given_up(service: BackgroundService) -> None:
    host, port = service.url.partition("//")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        head = f"POST /invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {service.token}\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{".encode())
        assert slow.recv(65_536).startswith(b"HTTP/1.1 408")
    assert do(service, "go").status == 200


def test_a_model_that_raises_says_so_in_the_log_only(service: BackgroundService) -> None:
    reply = do(service, "raise")
    assert reply.status == 500 and b"secret" not in reply.body and b"Traceback" not in reply.body
    name = reply.json["request_id"]
    wait_for(lambda: "the secret of the model" in service.log(500), "the details in the log")
    assert f"Request {name}: the model failed." in service.log(500)

    def logged() -> list[str]:
        return [row["error"] for table in read_answers(str(service.folder)) for row in table.to_pylist()
                if row["request_id"] == name]  # fmt: skip

    assert wait_for(logged, "the row") == ["RuntimeError: the secret of the model"]
    assert do(service, "go").status == 200


def test_a_prediction_that_is_no_number_is_null(service: BackgroundService) -> None:
    assert do(service, "nan").body == b'{"predictions":[null]}'


def test_a_killed_worker_is_replaced(service: BackgroundService) -> None:
    wait_for(lambda: len(pids(service)) == 2, "two workers")
    victim = pid(service)
    os.kill(victim, signal.SIGKILL)
    assert all(do(service, "go").status == 200 for _ in range(10))  # the other one answers
    wait_for(lambda: len(pids(service) - {victim}) == 2, "the successor")


def test_a_model_that_kills_its_worker_costs_that_request(service: BackgroundService) -> None:
    with pytest.raises(OSError):
        do(service, "die")
    wait_for(lambda: do(service, "go").status == 200, "an answer")


def test_a_prediction_that_hangs_is_given_up_and_its_worker_replaced(service: BackgroundService) -> None:
    wait_for(lambda: len(pids(service)) == 2, "two workers")
    before = pids(service)
    replies: list[Reply] = []
    hanging = [threading.Thread(target=lambda: replies.append(do(service, "hang"))) for _ in range(4)]
    for thread in hanging:
        thread.start()
    for thread in hanging:
        thread.join(60)
    assert {reply.status for reply in replies} == {504} and "in time" in replies[0].said
    wait_for(lambda: before - pids(service), "a worker's replacement")
    wait_for(lambda: do(service, "go").status == 200, "an answer")


def test_a_leaking_worker_is_replaced(tmp_path: Any) -> None:
    options: dict[str, Any] = {"max_memory": 600 << 20, "log": None}
    with own_settings(tmp_path), serving(save_naughty(tmp_path), tmp_path, **options) as service:
        first = pid(service)

        def leaks() -> bool:
            assert do(service, "leak").status == 200
            return pid(service) != first

        wait_for(leaks, "the successor")
        assert "bytes of memory" in service.log()
        assert ask(service, "/feedback", {"request_id": "a", "truth": 1}).status == 503


@pytest.mark.parametrize(
    ("uri", "words"),
    [("models:/nothing@champion", "no registered model 'nothing'"), ("./nowhere", "does not exist")],
)
def test_what_cannot_be_served_is_said_at_once(uri: str, words: str) -> None:
    with pytest.raises(InvalidState, match=words):
        serve(uri)


def test_a_worker_that_is_told_to_stop_before_there_is_a_model_just_ends() -> None:
    here, there = socket.socketpair()
    board, descriptor = Board.create(1)
    here.sendall(b'{"do": "stop"}\n')
    with here, there, socket.socket() as listener:
        assert Worker(there, listener, board, 0).run() == 0
    os.close(descriptor)


def test_a_model_of_somebody_else_is_not_loaded(tmp_path: Any) -> None:
    with own_settings(tmp_path) as patch:
        uri = save_naughty(tmp_path)
        patch.setenv("MLOPS_NB_USER_FOLDER", str(tmp_path / "another user"))
        with pytest.raises(InvalidState, match="was not made by you"), serving(uri, tmp_path):
            pass


def test_a_full_disk_does_not_stop_it(tmp_path: Any) -> None:
    with own_settings(tmp_path):
        uri, _, frame = save_churn(tmp_path)
        blocked = tmp_path / "log"
        blocked.write_text("no folder", encoding="utf-8")  # as good as a full disk: nothing can be written there
        log = LogSettings(every=0.05, queue_rows=300)
        with serving(uri, tmp_path, log=log, log_root=str(blocked)) as service:
            for _ in range(3):
                assert len(service.predict(frame)) == 200
            wait_for(lambda: service.status()["log_dropped"] >= 400, "the counter of what was dropped")
            assert service.status()["log_failures"] >= 1
            assert re.search("cannot be written.*Serving goes on", service.log())
            blocked.unlink()
            wait_for(lambda: service.status()["log_written"] >= 200, "the rows that waited")
