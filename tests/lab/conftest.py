"""A real Jupyter server with the extension in it, in the test's own loop."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pytest_jupyter.jupyter_core import *  # noqa: F403
from pytest_jupyter.jupyter_server import *  # noqa: F403
from pytest_jupyter.pytest_tornasync import *  # noqa: F403
from tornado.httpclient import HTTPClientError

from mlops_nb.workspace import Workspace, open_workspace

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """Strangers are refused everywhere, as by default."""
    return {
        "ServerApp": {"jpserver_extensions": {"mlops_nb": True}, "allow_unauthenticated_access": False},
        "IdentityProvider": {"token": "the-token"},
    }


@pytest.fixture
def jp_root_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks whose store is its own."""
    monkeypatch.delenv("MLOPS_NB_STORE")
    root = tmp_path / "root"
    root.mkdir()
    return root.resolve()


@pytest.fixture
def space(jp_root_dir: Path) -> Any:
    """The store that the server finds, opened beside it, as a kernel does."""
    opened = open_workspace(start=jp_root_dir)
    assert isinstance(opened, Workspace)
    yield opened
    opened.close()


@pytest.fixture
def ask(jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> Ask:
    """``await ask("GET", "runs", limit=3)``: the answer as JSON; what is refused comes as ``(status, body)``."""

    async def call(method: str, route: str, body: Any = None, *, token: str = "the-token", **query: Any) -> Any:
        given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()}
        url = f"{jp_base_url}mlops-nb/lab/{route}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        headers = {"Authorization": f"token {token}"} if token else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        try:
            found = await http_server_client.fetch(
                url, method=method, body=None if body is None else json.dumps(body), headers=headers,
                allow_nonstandard_methods=True, request_timeout=60,
            )  # fmt: skip
        except HTTPClientError as error:
            assert error.response is not None
            return error.code, json.loads(error.response.body or b"null")
        return json.loads(found.body) if found.headers["Content-Type"].startswith("application/json") else found

    return call
