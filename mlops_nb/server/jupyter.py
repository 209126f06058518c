"""The door inside a Jupyter server: authentication, authorizer, XSRF and prefix are its own; the rest is ours."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError, authenticated

from mlops_nb.server.door import Door
from mlops_nb.server.faults import Refusal
from mlops_nb.server.routing import Caller, Route
from mlops_nb.server.service import Service

RESOURCE = "mlops_nb"
"""What an authorizer of Jupyter's is asked about; the actions are read, write and execute."""

ACTIONS = {"admin": "execute", "write": "write", "read": "read"}
"""Which action each role stands for, the highest first."""

AT = "at"
"""In any query: the notebook whose store is meant, as a path of Jupyter's."""

JUPYTERS_OWN = frozenset({AT, "token", "_xsrf", "no_track_activity"})
_SHARED_SECRETS = (IdentityProvider, PasswordIdentityProvider)
"""Identity providers that know no names: whoever has the token is the owner of the server."""


class JupyterDoor(Door, JupyterHandler):
    """A `Door` behind Jupyter's own one. Every route asks for a user, also those that are open elsewhere."""

    auth_resource = RESOURCE

    def initialize(self, service_at: Callable[[str], Service], owner: str, segments: int) -> None:  # type: ignore[override]
        """Called by tornado for each request: `segments` of the path stand before our own."""
        self._segments = segments
        self._owner = owner
        self._service_at = service_at
        super().initialize(service_at(""))

    async def prepare(self) -> None:  # type: ignore[override]
        """Jupyter's checks (host, user, XSRF, origin), then ours; the body has not come yet."""
        await JupyterHandler.prepare(self, _redirect_to_login=False)
        if not self.check_origin():
            raise HTTPError(404)
        if not self.current_user:
            raise HTTPError(403)
        at = self.request.query_arguments.get(AT, [b""])[0].decode("utf-8", "replace")
        try:
            self._role = await self._ask_role()
            self.service = self._service_at(at)
        except Exception as error:
            await self._turn_away(error)
            return
        await Door.prepare(self)

    async def _ask_role(self) -> str:
        """The highest role that the authorizer grants."""
        for role, action in ACTIONS.items():
            if await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, RESOURCE)):
                return role
        raise Refusal("PERMISSION_DENIED", "You may not read here.", hint="Ask the owner of the server.")

    def check_site(self) -> None:
        """Jupyter has."""

    def identify(self) -> Caller:
        """Jupyter's user; the owner of the server where there is only its token."""
        user = self.current_user
        is_named = type(self.identity_provider) not in _SHARED_SECRETS
        return Caller(user.username if is_named else self._owner, self._role)

    def find_route(self) -> tuple[Route, dict[str, str]] | None:
        """The route behind Jupyter's prefix, however that is encoded."""
        path = "/" + "/".join(self.request.path.split("/")[self._segments :])
        return self.service.table.find(str(self.request.method), path)

    def query(self) -> dict[str, list[bytes]]:
        """What is the route's own: Jupyter's words, and the number against caches, are taken out."""
        given = self.request.query_arguments
        return {name: value for name, value in given.items() if name not in JUPYTERS_OWN and not name.isdecimal()}

    @authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def serve_user(self, *args: str) -> None:
        """Any method, of a user whom the authorizer lets in; `prepare` has asked for what the route needs besides."""
        await self._serve()

    get = post = put = patch = delete = serve_user  # type: ignore[assignment]

    def set_default_headers(self) -> None:
        """Those of both: nothing is kept, guessed or framed."""
        JupyterHandler.set_default_headers(self)
        Door.set_default_headers(self)

    def write_error(self, status_code: int, **facts: Any) -> None:
        """What Jupyter refuses, in our form."""
        error = facts.get("exc_info", (None, None, None))[1]
        if not isinstance(error, HTTPError):
            super().write_error(status_code, **facts)
            return
        codes = {403: "PERMISSION_DENIED", 401: "UNAUTHENTICATED", 404: "ENDPOINT_NOT_FOUND"}
        said = error.log_message or HTTPStatus(status_code).phrase
        self._send_json(status_code, {"error_code": codes.get(status_code, "BAD_REQUEST"), "message": said})

    def get_login_url(self) -> str:
        """No page: those who call are programs."""
        raise HTTPError(403)
