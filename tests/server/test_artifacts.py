"""Files through the server: as they were, in constant memory, and gone when they are deleted."""

from __future__ import annotations

import hashlib
import http.client
import resource
import socket

from mlops_nb.server.app import Server
from mlops_nb.workspace import Workspace
from tests.server.live import TOKEN, Client

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def test_files_come_back_as_they_went(client: Client, space: Workspace) -> None:
    run_id = client.new_run()
    base = f"{ROOT}/0/{run_id}/artifacts"
    files = {"a.txt": b"hello", "d/empty": b"", "d/%C3%B6%20%F0%9F%8E%89.bin": bytes(range(256)) * 5000}
    for path, data in files.items():
        assert client.ask("PUT", f"{base}/{path}", data, Content_Type="text/html").status == 200
    for path, data in files.items():
        answer = client.ask("GET", f"{base}/{path}")
        assert (answer.status, answer.body) == (200, data)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    listed = client.get(f"/artifacts/list?run_id={run_id}").json
    assert listed["root_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"
    assert listed["files"] == [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "d", "is_dir": True}]
    inside = client.ask("GET", f"{ROOT}?path=0/{run_id}/artifacts/d").json["files"]
    assert [each["path"] for each in inside] == ["empty", "ö 🎉.bin"]
    assert client.ask("GET", f"{base}/none").json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert client.ask("GET", f"{base}/d").status == 400
    assert client.ask("DELETE", f"{base}/d").status == 200
    assert [each.path for each in space.store.artifacts(run_id)] == ["a.txt"]
    assert client.ask("PUT", f"{ROOT}/0/nothing/artifacts/x", b"x").status == 404
    assert client.ask("PUT", f"{ROOT}/x", b"x").status == 404


def test_a_folder_called_artifacts_may_stand_anywhere(client: Client) -> None:
    run_id = client.new_run()
    for location in ("artifacts/x", "team/artifacts"):
        path = f"{ROOT}/{location}/{run_id}/artifacts/artifacts/a"
        assert client.ask("PUT", path, location.encode()).status == 200
        assert client.ask("GET", path).body == location.encode()


def test_a_damaged_file_is_not_handed_out_as_whole(client: Client, space: Workspace) -> None:
    run_id = client.new_run()
    path = f"{ROOT}/0/{run_id}/artifacts/a"
    client.ask("PUT", path, b"x" * 3_000_000)
    blob = space.artifacts.local_path(space.store.artifacts(run_id)[0].digest)
    assert blob is not None
    blob.chmod(0o600)
    blob.write_bytes(b"y" * 3_000_000)
    try:
        assert client.ask("GET", path).status != 200
    except (http.client.IncompleteRead, ConnectionError):
        pass  # the connection was cut: that is how a stream says so


def test_an_upload_that_breaks_off_leaves_nothing(server: Server, client: Client, space: Workspace) -> None:
    run_id = client.new_run()
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.sendall(
            f"PUT {ROOT}/0/{run_id}/artifacts/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Length: 9000000\r\n\r\n".encode()
            + b"x" * 3_000_000
        )
    assert client.ask("GET", "/health").status == 200
    assert client.get(f"/artifacts/list?run_id={run_id}").json["files"] == []
    for _ in range(100):
        if not list(space.artifacts.scratch().iterdir()):
            return
        client.ask("GET", "/health")  # each gives the server a turn to see that the client has gone
    assert list(space.artifacts.scratch().iterdir()) == []


def test_a_large_file_takes_little_memory(client: Client, server: Server) -> None:
    run_id = client.new_run()
    path = f"{ROOT}/0/{run_id}/artifacts/large"
    size, piece = 200 << 20, b"\0" * (1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def pieces() -> object:
        for _ in range(size >> 20):
            yield piece

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    head = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(size)}
    connection.request("PUT", path, pieces(), head)  # type: ignore[arg-type]
    assert connection.getresponse().read() == b"{}"
    connection.request("GET", path, headers=head | {"Content-Length": "0"})
    response, digest, count = connection.getresponse(), hashlib.sha256(), 0
    while chunk := response.read(1 << 20):
        digest.update(chunk)
        count += len(chunk)
    connection.close()
    expected = hashlib.sha256()
    for _ in range(size >> 20):
        expected.update(piece)
    assert (count, digest.digest()) == (size, expected.digest())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 << 10, f"{grown} KiB more"  # KiB on Linux: half of the file at most
