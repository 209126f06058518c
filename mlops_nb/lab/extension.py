"""The Jupyter server extension: wiring only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from mlops_nb import workspace as workspaces
from mlops_nb.lab import EVENTS
from mlops_nb.lab.context import Context
from mlops_nb.lab.doorbell import SCHEMA, Doorbell
from mlops_nb.lab.jobs import Jobs
from mlops_nb.lab.places import Places
from mlops_nb.lab.stores import Stores, share_project
from mlops_nb.server.routing import Route

PREFIX = "mlops-nb"


class LabExtension(ExtensionApp):
    """mlops_nb inside a Jupyter server."""

    name = "mlops_nb"
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        """Make what the routes need, and put the door behind Jupyter's."""
        from mlops_nb.server.jupyter import JupyterDoor

        if workspaces.is_disabled():
            return
        server: Any = self.serverapp
        places = Places(Path(server.root_dir).resolve())
        share_project(places.root)
        self._context = Context(places, Jobs())
        self._stores = Stores(places, self._routes)
        self._stores.on_open = lambda space: self._doorbell.start()  # nobody has asked before: nobody listens
        self._doorbell = Doorbell(self._stores, self._context.jobs, self._ring)
        server.event_logger.register_event_schema(SCHEMA)
        base = str(server.base_url).strip("/")
        segments = 2 + (base.count("/") + 1 if base else 0)
        facts = {"service_at": self._stores.at, "owner": workspaces.user_name(), "segments": segments}
        # no pattern of tornado's for single routes: the table alone says what there is
        self.handlers.append((rf"/{PREFIX}(/.*)", JupyterDoor, facts))

    def _routes(self) -> tuple[Route, ...]:
        """All of them, with the first request: the start of the server does not wait for what they bring."""
        from mlops_nb.lab.table import every_route

        return every_route(self._context)

    def _ring(self, data: dict[str, Any], busy: bool) -> None:
        server: Any = self.serverapp
        if data:
            server.event_logger.emit(schema_id=EVENTS, data=data)
        if busy:  # a server with a job running is not idle, whatever its browsers do
            server.web_app.settings["api_last_activity"] = datetime.now(UTC)

    async def stop_extension(self) -> None:
        """Let go; jobs go on."""
        if not workspaces.is_disabled():
            await self._doorbell.stop()
            self._stores.close()
