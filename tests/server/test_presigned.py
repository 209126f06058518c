"""``--presigned``: clients fetch files from S3 by addresses that work for a while, for one file, and for nothing else.

Real S3 checks signatures, moto does not: a gate before it does, by AWS's published rule (Signature Version 4).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.server.artifacts import URL_SECONDS
from mlops_nb.workspace import Workspace, open_workspace
from tests.artifacts.conftest import s3_options  # noqa: F401
from tests.artifacts.trouble import Road, troubled
from tests.server.live import TOKEN, Client, running

PROXY = "/api/2.0/mlflow-artifacts"
SECRET = "test"


def is_signed(method: str, path: str, host: str, now: float) -> bool:
    """Whether S3 would let this request in by its address alone."""
    place, query = urlsplit(path).path, dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    given = query.pop("X-Amz-Signature", "")
    if not given:
        return False
    at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if not at - 300 <= now <= at + int(query["X-Amz-Expires"]):
        return False
    _, day, region, service, end = query["X-Amz-Credential"].split("/")
    asked = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
    request = "\n".join([method, place, asked, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"])
    scope = f"{day}/{region}/{service}/{end}"
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(given, hmac.new(key, text.encode(), "sha256").hexdigest())


class Gate(Road):
    """Lets in what is signed: by a header (moto looks no further), or by the address."""

    later = 0.0
    by_address = 0

    def serve(self) -> None:
        """Any method."""
        signed = "Authorization" in self.headers
        if signed or is_signed(self.command, self.path, self.headers["Host"], time.time() + Gate.later):
            Gate.by_address += not signed
            super().serve()
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve  # noqa: N815


@pytest.fixture
def space(
    tmp_path: Path, s3_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> Iterator[Workspace]:
    """A store with its files in S3, behind the gate."""
    import s3fs

    with ExitStack() as stack:
        gate = stack.enter_context(troubled(s3_options["endpoint_url"], Gate))
        for name, value in {
            "AWS_ENDPOINT_URL": gate.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        opened = open_workspace(str(tmp_path / "store"), f"s3://artifacts/{uuid.uuid4().hex}")
        stack.callback(opened.close)
        yield opened


def fetch(url: str, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
    """What somebody gets who has nothing but the address."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


@pytest.mark.s3
def test_an_address_works_for_its_file_and_its_while(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(space, presigned=True) as server:
        client = Client(server.port)
        assert client.ask("GET", "/api/3.0/mlflow/server-info").json["multipart_downloads_enabled"] is True
        run_id = client.new_run()
        base = f"0/{run_id}/artifacts"
        files = {"weights.bin": bytes(range(256)) * 9000, "d/secret.txt": b"of somebody else", "empty": b""}
        urls = {}
        for path, data in files.items():
            assert client.ask("PUT", f"{PROXY}/artifacts/{base}/{path}", data).status == 200
            answer = client.ask("GET", f"{PROXY}/presigned/{base}/{path}")
            assert (answer.status, answer.json["file_size"]) == (200, len(data))
            urls[path] = answer.json["url"]
            assert fetch(urls[path]) == (200, data)
        mine, other = (urlsplit(urls[path]) for path in ("weights.bin", "d/secret.txt"))
        assert fetch(mine._replace(path=other.path).geturl()) == (403, b"")
        assert fetch(mine.geturl().replace(f"Expires={URL_SECONDS}", "Expires=604800")) == (403, b"")
        assert fetch(mine._replace(query="").geturl()) == (403, b"")
        assert fetch(mine.geturl(), "PUT", b"mine now")[0] == fetch(mine.geturl(), "DELETE")[0] == 403
        monkeypatch.setattr(Gate, "later", URL_SECONDS - 60)
        assert fetch(mine.geturl())[0] == 200
        monkeypatch.setattr(Gate, "later", URL_SECONDS + 1)
        assert fetch(mine.geturl()) == (403, b"")
        for path, status in {"none": 404, "d": 400, "": 400, "../x": 400, "%2e%2e/x": 400}.items():
            assert client.ask("GET", f"{PROXY}/presigned/{base}/{path}").status == status, path
        assert Client(server.port, token=None).ask("GET", f"{PROXY}/presigned/{base}/weights.bin").status == 401
        parts = client.ask("POST", f"{PROXY}/mpu/create/{base}", {"path": "large", "num_parts": 2})
        assert parts.json["error_code"] == "NOT_IMPLEMENTED"  # what is sent goes through the server


SCRIPT = """
import sys
from pathlib import Path
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    Path("weights.bin").write_bytes(bytes(range(256)) * 50_000)
    Path("empty").touch()
    mlflow.log_artifact("weights.bin")
    mlflow.log_artifact("empty", "d")
back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path="back")
assert Path(back, "weights.bin").read_bytes() == Path("weights.bin").read_bytes()
assert Path(back, "d/empty").read_bytes() == b""
"""


@pytest.mark.s3
@pytest.mark.nightly
def test_mlflows_own_client_fetches_from_there(space: Workspace, mlflow_python: str, tmp_path: Path) -> None:
    Gate.by_address = 0
    with running(space, presigned=True) as server:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))}
        environment |= {"MLFLOW_TRACKING_TOKEN": TOKEN, "MLFLOW_DISABLE_TELEMETRY": "true"}
        command = [mlflow_python, "-c", SCRIPT, server.url]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=300)
    assert Gate.by_address == 1, "the client asked the server for the bytes"  # it fetches none of an empty file


def test_a_store_that_has_no_addresses_is_said_when_the_server_starts(tmp_path: Path) -> None:
    from mlops_nb.server.app import Server, Settings

    space = open_workspace(str(tmp_path / "store"))
    with pytest.raises(InvalidInput, match="without --presigned"):
        Server(space, Settings(port=0, token="x", presigned=True)).start()
    space.close()
