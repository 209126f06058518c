"""Who is turned away, and that nobody else notices."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlops_nb.server import all_routes, app, door
from mlops_nb.server.app import Server
from mlops_nb.server.guard import Guard
from mlops_nb.server.routing import Caller, Route
from mlops_nb.wire.hosts import split_host
from mlops_nb.workspace import Workspace
from tests.server.live import TOKEN, Client, running

ROUTES = all_routes()


def fill(path: str) -> str:
    return re.sub(r"\{(\w+)(\.\.\.)?\}", "x", path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_route_answers_a_stranger(route: Route) -> None:
    """Every route but the open ones needs a token, and each is in the table with its role."""
    assert route.role in ("open", "read", "write", "admin")
    assert (route.role == "open") == (route.path in ("/health", "/version"))
    assert route.kind in ("read", "write", "append", "upload", "direct")
    reads_by_post = route.is_ours or route.path.endswith(("/search", "/get-latest-versions"))
    if route.method != "GET" and not reads_by_post:
        assert route.role in ("write", "admin")


def test_a_stranger_gets_nowhere(server: Server) -> None:
    stranger, guesser = Client(server.port, token=None), Client(server.port, token="guess")
    for route in ROUTES:
        for client in (stranger, guesser):
            answer = client.ask(route.method, fill(route.path))
            if route.role == "open":
                assert answer.status == 200
            else:
                assert (answer.status, answer.json["error_code"]) == (401, "UNAUTHENTICATED"), route.path
    for path in ("/", "/nothing", "/api/2.0/mlflow/nothing", "/static/../x", "/docs"):
        assert stranger.ask("GET", path).status == 401
        assert Client(server.port).ask("GET", path).status == 404
    assert Client(server.port).ask("OPTIONS", "/health").status in (404, 405)
    assert Client(server.port).ask("POST", "/health").status == 404
    basic = Client(server.port, headers={"Authorization": "Basic YW5uOnRoZS10b2tlbg=="})  # ann:the-token
    assert basic.get("/experiments/get?experiment_id=0").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:80"},
        {"Host": ""},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_pages_from_elsewhere_are_refused_even_with_the_token(client: Client, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/api/2.0/mlflow/experiments/search"), ("GET", "/health")):
        answer = client.ask(method, path, **headers)
        assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
        assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_our_own_pages_and_names_are_let_in(space: Workspace) -> None:
    with running(space, hosts=("lab.example",), prefix="team/") as server:
        client = Client(server.port)
        path = "/team/api/2.0/mlflow/experiments/search"
        same = f"127.0.0.1:{server.port}"
        assert client.ask("GET", path, Origin=f"http://{same}", Host=same).status == 200
        assert client.ask("GET", path, Host="lab.example", Origin="https://lab.example").status == 200
        assert client.ask("GET", path, Host="[::1]:80").status == 200
        assert client.ask("GET", path.removeprefix("/team")).status == 404
        assert client.ask("GET", "/team/health").body == b"OK"


def test_forms_are_refused(client: Client) -> None:
    body = b"experiment_id=0&run_name=x"
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = client.ask("POST", "/api/2.0/mlflow/runs/create", body, Content_Type=kind)
        assert answer.status == 400
    assert client.ask("POST", "/api/2.0/mlflow/runs/create", b'{"experiment_id":"0"}').status == 400
    assert client.post("/runs/search", {"experiment_ids": ["0"]}).json["runs"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 10_000 + b"]" * 10_000, 400),
        (b'{"experiment_id":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", 400),
        (b'{"experiment_id": "\xff\xfe"}', 400),
        (b'{"experiment_id": "0", "colour": "red"}', 400),
        (b'{"experiment_id": "0", "start_time": 1e400}', 400),
        (b'{"experiment_id": "0", "start_time": NaN}', 400),
        (b'{"experiment_id": "0", "start_time": 9223372036854775808}', 400),
        (b'{"experiment_id": "0", "start_time": ' + b"9" * 5000 + b"}", 400),
        (b'{"experiment_id": "0", "tags": {"a": "b"}}', 400),
        (b'{"experiment_id": "0", "tags": ["a"]}', 400),
        (b'{"experiment_id": "0", "tags": [{"key": "a", "value": 5}]}', 400),
        (b'{"experiment_id": "0", "run_name": "\\ud800"}', 400),
        (b'{"experiment_id": "0", "run_name": "a\\u0000"}', 400),
        (b'{"experiment_id": "0", "experimentId": "0"}', 400),
        (b'"text"', 400),
        (b"{", 400),
    ],
    ids=range(16),
)
def test_bad_bodies_are_refused_at_once(client: Client, body: bytes, status: int) -> None:
    answer = client.ask("POST", "/api/2.0/mlflow/runs/create", body, Content_Type="application/json")
    assert (answer.status, answer.json["error_code"]) == (status, "INVALID_PARAMETER_VALUE")
    assert client.post("/runs/search", {"experiment_ids": ["0"]}).json["runs"] == []


JUNK = [
    b"{", b'"text"', b"[]", b'{"name": "\xff"}', b'{"colour": 1}', b'{"name": 1e999}', b'{"name": NaN}',
    b'{"name": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
]  # fmt: skip


def test_every_route_refuses_what_makes_no_sense(client: Client, space: Workspace) -> None:
    """A sentence and a 4xx from each, and no effect."""
    for route in ROUTES:
        if route.method == "GET" or route.kind == "upload":
            continue
        for body in JUNK:
            answer = client.ask(route.method, fill(route.path), body, Content_Type="application/json")
            assert 400 <= answer.status < 500, (route.path, body[:40], answer.body)
            assert answer.json["error_code"] and answer.json["message"]
    for route in ROUTES:
        if route.method == "GET" and route.fields:
            for query in ("?colour=red", "?%ff=1", "?run_id=%ff", "?run_id=a&run_id=b"):
                assert client.ask("GET", fill(route.path) + query).status in (400, 404), (route.path, query)
    assert client.post("/runs/search", {"experiment_ids": ["0"]}).json["runs"] == []
    assert space.store.search_models().items == []


def test_a_body_of_100_megabytes(client: Client) -> None:
    begun = time.perf_counter()
    body = b'{"experiment_id": "' + b"x" * (100 << 20) + b'"}'
    answer = client.ask("POST", "/api/2.0/mlflow/runs/create", body, Content_Type="application/json")
    assert (answer.status, answer.json["error_code"]) == (413, "REQUEST_TOO_LARGE")
    assert time.perf_counter() - begun < 10  # a second on a quiet machine
    assert client.ask("GET", "/health").status == 200


def test_a_body_that_says_nothing_of_its_size(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        head = (
            "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        wire.sendall(head.encode())
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        for _ in range(17):
            wire.sendall(piece)
        wire.sendall(b"0\r\n\r\n")
        assert b"413" in wire.recv(100)


@pytest.mark.parametrize(
    "raw", [b"GET /health\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n"]
)
def test_what_is_no_http(server: Server, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        wire.sendall(raw)
        wire.recv(100)
    assert Client(server.port).ask("GET", "/health").status == 200


def test_a_size_that_is_no_number(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        head = "POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n"
        wire.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\nx".encode())
        assert b" 400 " in wire.recv(100)


BAD_PATHS = [
    "../x", "a/../../x", "..%2fx", "%2e%2e/x", "%252e%252e%252fx", "a/%2e%2e/%2e%2e/x", "/etc/passwd",
    "%2fetc%2fpasswd", "file:/etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "a%23b", "a%2523b", "a;b", "a%3bb",
    "a%3fb", "a%253fb", "a%5cb", "..%5cx", "a%255cb", "a%00b", "a%2500b", "C:/x", "~/x", "a//b", "./a", "a/.",
    "%0aa", "a%ff",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_PATHS)
def test_paths_never_leave_a_runs_tree(client: Client, space: Workspace, bad: str) -> None:
    run_id = client.new_run()
    root = "/api/2.0/mlflow-artifacts/artifacts"
    full = f"{root}/0/{run_id}/artifacts/{bad}"
    for method in ("PUT", "GET", "DELETE"):
        assert client.ask(method, full, b"x" if method == "PUT" else None).status in (400, 404), method
    assert client.ask("GET", f"{root}?path=0/{run_id}/artifacts/{bad}").status in (400, 404)
    listed = client.get(f"/artifacts/list?run_id={run_id}&path={bad.replace(';', '%3b')}")
    assert listed.status == 400
    assert space.store.artifacts(run_id) == []


@pytest.mark.parametrize("bad", [bad for bad in BAD_PATHS if bad != "a%ff"])  # which is a name, if not in a URL
def test_sources_of_versions_never_leave_a_tree(client: Client, space: Workspace, bad: str) -> None:
    run_id = client.new_run()
    client.post("/registered-models/create", {"name": "churn"})
    for source in (f"runs:/{run_id}/{bad}", f"mlflow-artifacts:/0/{run_id}/artifacts/{bad}", f"models:/churn/{bad}"):
        answer = client.post("/model-versions/create", {"name": "churn", "source": source})
        assert answer.status in (400, 404), (source, answer.body)
    assert space.store.get_model("churn").versions == 0


def test_roles(space: Workspace, server: Server) -> None:
    reader = Client(server.port, token=server.tokens.add("ann", "read"))
    writer = Client(server.port, token=server.tokens.add("bob", "write"))
    assert reader.get("/experiments/get?experiment_id=0").status == 200
    answer = reader.post("/runs/create", {"experiment_id": "0"})
    assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
    run_id = writer.new_run(user_id="somebody else")
    assert space.store.get_run(run_id).user == "bob"
    server.tokens.revoke("bob")
    assert writer.get("/experiments/get?experiment_id=0").status == 401
    text = (space.root / "tokens.json").read_text()
    assert "mnb-" not in text
    assert (space.root / "tokens.json").stat().st_mode & 0o077 == 0


def test_a_slow_client_keeps_nobody_waiting(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(Client(server.port).ask("GET", "/version").status))
        asking.start()
        asking.join(10)
        assert answers == [200]


def test_who_says_nothing_more_is_let_go(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is not held for ever: not in the middle of its head, nor for a body that nobody wants."""
    monkeypatch.setattr(app, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(door, "REFUSED_SECONDS", 0.3)
    monkeypatch.setattr(door, "BODY_SECONDS", 0.3)
    head = "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with running(space) as server:
        for sent in ("", head, head + body, f"{head}Authorization: Bearer {TOKEN}\r\n{body}"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow:
                slow.sendall(sent.encode())
                assert slow.recv(100) == b"", sent


def test_half_a_connection_gets_its_answer(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_server_may_hold_more_connections_than_a_shell(tmp_path: Path) -> None:
    code = (
        "import resource as r; from mlops_nb.server.app import allow_connections as allow; "
        "hard = r.getrlimit(r.RLIMIT_NOFILE)[1]; r.setrlimit(r.RLIMIT_NOFILE, (200, hard)); allow(); "
        "soft = r.getrlimit(r.RLIMIT_NOFILE)[0]; assert soft > 200 or hard == 200, (soft, hard)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hosts_are_read_as_browsers_write_them() -> None:
    table = {"a:80": "a", "A.": "a", "[::1]": "::1", "[::1]:8": "::1", "[::1": "", "a:b": "", "a b": "", "": ""}
    assert {host: split_host(host) for host in table} == table
    guard = Guard({"t": Caller("x", "read")}.get)
    assert guard.identify({"Authorization": "bearer t"}).name == "x"


def test_tokens_in_a_damaged_file(space: Workspace, server: Server, tmp_path: Path) -> None:
    space.make_folder(space.root)
    (space.root / "tokens.json").write_text("[{}]")
    assert Client(server.port, token="x").get("/experiments/search").status == 500
    assert Client(server.port).get("/experiments/search").status == 200
