"""A server that does nothing, for ``benchmarks.servers``: what a client of MLflow's takes by itself.

It answers each call of `server_client` at once, from a socket of its own, with what lets the client go on: no store, no
checks, nothing kept. What MLflow's client takes on it is the client's own share of every figure.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_INFO = {
    "run_id": "a" * 32, "run_uuid": "a" * 32, "run_name": "floor", "experiment_id": "1", "user_id": "nobody",
    "status": "RUNNING", "start_time": 1, "lifecycle_stage": "active", "artifact_uri": "mlflow-artifacts:/1/artifacts",
}  # fmt: skip
_ANSWERS = {
    "experiments": {"experiment": {
        "experiment_id": "1", "name": "bench", "artifact_location": "mlflow-artifacts:/1", "lifecycle_stage": "active",
    }},
    "runs/create": {"run": {"info": _INFO, "data": {}, "inputs": {}}},
    "runs/get": {"run": {"info": _INFO, "data": {}, "inputs": {}}},
    "runs/update": {"run_info": _INFO},
}  # fmt: skip


def answer_to(target: str) -> bytes:
    """The body for a call.

    Examples
    --------
    >>> answer_to("/api/2.0/mlflow/runs/log-metric")
    b'{}'
    """
    found = next((answer for part, answer in _ANSWERS.items() if f"/{part}" in target), {})
    return json.dumps(found).encode()


def serve(connection: socket.socket) -> None:
    """Answer what comes on one connection until it ends."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    given = b""
    while True:
        while b"\r\n\r\n" not in given:
            if not (more := connection.recv(65536)):
                return
            given += more
        head, _, given = given.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length.group(1)) if length else 0
        while len(given) < size:
            given += connection.recv(65536)
        given = given[size:]
        body = answer_to(head.split(b" ", 2)[1].decode())
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(start + body)


def main() -> None:
    """Listen on a port of the loopback."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as listener:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
