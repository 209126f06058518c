"""Nobody without Jupyter's token gets anything; a page from elsewhere does not either; an authorizer is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import HTTPClientError

from mlops_nb.lab.context import Context
from mlops_nb.lab.jobs import Jobs
from mlops_nb.lab.places import Places
from mlops_nb.lab.table import every_route
from mlops_nb.workspace import Workspace
from tests.lab.conftest import Ask
from tests.store.contract.making import add

ROUTES = every_route(Context(Places(Path("/")), Jobs()))


async def status_of(client: Any, method: str, url: str, data: str = "{}", **given: Any) -> tuple[int, Any]:
    try:
        found = await client.fetch(
            url, method=method, body=data if method not in ("GET", "DELETE") else None, follow_redirects=False,
            allow_nonstandard_methods=True, **given,
        )  # fmt: skip
    except HTTPClientError as error:
        return error.code, error.response
    return found.code, found


async def test_every_route_refuses_a_stranger(jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> None:
    assert len(ROUTES) > 100
    for route in ROUTES:
        path = re.sub(r"\{\w+(\.\.\.)?\}", "x", route.path)
        for headers in ({}, {"Authorization": "token wrong"}, {"Authorization": "Bearer "}):
            code, answer = await status_of(
                http_server_client, route.method, f"{jp_base_url}mlops-nb{path}", headers=headers
            )
            assert code == 403, (route.method, path, code)
            assert b"version" not in (answer.body or b"")


async def test_a_page_from_elsewhere_is_refused(
    jp_serverapp: Any, http_server_client: Any, jp_base_url: str, space: Workspace
) -> None:
    run_id = add(space.store, "mine")
    url = f"{jp_base_url}mlops-nb/lab/runs/change"
    token = {"Authorization": "token the-token", "Content-Type": "application/json"}
    client = http_server_client
    body = json.dumps({"runs": [run_id], "deleted": True})
    # what any page can send as a form, what a cookie alone is worth, and a name that was bent to us
    for headers in (
        {**token, "Content-Type": "text/plain"},
        {"Cookie": "username-127-0-0-1=x", "Content-Type": "application/json"},
        {"Host": "evil.example", **token},
    ):
        code, _ = await status_of(client, "POST", url, headers=headers, data=body)
        assert code in (400, 403, 404), headers
    assert space.store.get_run(run_id).lifecycle_stage == "active"


class Reader(Authorizer):
    """Lets everybody read, and nobody write."""

    asked: list[tuple[str, str]] = []

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return action == "read"


class Named(IdentityProvider):
    """Knows who comes, as JupyterHub does."""

    def get_user(self, handler: Any) -> Any:
        name = handler.request.headers.get("X-Test-User")
        handler._token_authenticated = True
        return User(name) if name else None


class TestAuthorizer:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"mlops_nb": True}, "authorizer_class": Reader},
            "IdentityProvider": {"token": "the-token"},
        }

    async def test_is_asked_for_what_a_route_needs(self, ask: Ask, space: Workspace) -> None:
        run_id = add(space.store, "mine")
        assert len((await ask("GET", "runs"))["runs"]) == 1
        status, refusal = await ask("POST", "runs/change", {"runs": [run_id], "deleted": True})
        assert status == 403 and refusal["error_code"] == "PERMISSION_DENIED"
        assert (await ask("POST", "jobs", {"verb": "run", "words": ["a.ipynb"]}))[0] == 403
        assert (await ask("POST", "verbs/register", {"words": [run_id, "m"]}))[0] == 403
        assert ("execute", "mlops_nb") in Reader.asked and ("write", "mlops_nb") in Reader.asked
        assert (await ask("GET", "hello"))["can_write"] is False


class TestIdentity:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"mlops_nb": True}, "identity_provider_class": Named},
        }

    async def test_the_audit_names_who_came(
        self, jp_serverapp: Any, http_server_client: Any, jp_base_url: str, space: Workspace
    ) -> None:
        space.store.create_model("churn")
        url = f"{jp_base_url}mlops-nb/lab/verbs/describe"
        headers = {"X-Test-User": "maria", "Content-Type": "application/json"}
        body = json.dumps({"words": ["churn", "what it is"]})
        await http_server_client.fetch(url, method="POST", body=body, headers=headers)
        change = space.store.model_changes("churn")[-1]
        assert (change.by.user, space.store.get_model("churn").description) == ("maria", "what it is")
