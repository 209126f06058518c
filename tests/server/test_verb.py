"""The verb: a server as a process, its tokens, and a graceful end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb.cli import main
from tests.server.live import Client


def test_tokens_are_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["server", "token", "add", "ann", "--role", "read", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["role"] == "read"
    assert main(["server", "token", "list", "--json"]) == 0
    listed = capsys.readouterr().out
    assert [each["name"] for each in json.loads(listed)] == ["ann"]
    assert made["token"] not in listed
    assert main(["server", "token", "add", "kim"]) == 0
    shown = capsys.readouterr().out.split()[-1]  # it is shown only now, so it has to be whole
    assert shown.isascii() and len(shown) == len(made["token"])
    assert main(["server", "token", "add", "ann"]) == 2
    assert main(["server", "token", "add", "bob", "--role", "king"]) == 2
    assert main(["server", "token", "revoke", "ann"]) == 0
    assert main(["server", "token", "revoke", "ann"]) == 2
    assert main(["server", "tokens"]) == 2
    assert main(["server", "token", "list", "x"]) == 2


def test_a_process_serves_and_ends_when_asked(tmp_path: Path) -> None:
    environment = {**os.environ, "MLOPS_NB_STORE": str(tmp_path / "store")}
    command = [sys.executable, "-m", "mlops_nb.cli", "server", "--port", "0"]
    here = Path(__file__).parents[2]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=here)
    assert server.stderr is not None
    try:
        port = int(server.stderr.readline().rpartition(":")[2])
        token = server.stderr.readline().split()[1]
        client = Client(port, token=token)
        assert client.get("/experiments/get?experiment_id=0").status == 200
        assert Client(port, token=None).get("/experiments/get?experiment_id=0").status == 401
        again = [*command[:-1], str(port)]
        taken = subprocess.run(again, env=environment, capture_output=True, text=True, cwd=here, check=False)
        assert taken.returncode == 2
        assert "--port" in taken.stderr
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
