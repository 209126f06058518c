"""The verb ``server``: serve the store to a team, and make tokens for its members."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.verbs.table import Result, port_number


def add_server(parser: argparse.ArgumentParser) -> None:
    """Options of ``server``."""
    parser.add_argument(
        "words", nargs="*", metavar="token add|revoke|list [NAME]", help="make, take back or list tokens; else: serve"
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=5000, metavar="N", help="which port (5000); 0: a free one")
    parser.add_argument("--prefix", default="", metavar="PATH", help="what a proxy puts before every path")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="another name that the server is called by"
    )
    parser.add_argument(
        "--presigned", action="store_true",
        help="MLflow's clients fetch files straight from S3, by addresses that work for a quarter of an hour",
    )  # fmt: skip
    parser.add_argument("--role", default="write", metavar="ROLE", help="token add: read, write (default) or admin")


def do_server(asked: argparse.Namespace) -> Result:
    """Serve until a signal comes; or look after tokens."""
    if not asked.words:
        return _serve(asked)
    words: list[str] = asked.words
    noun, action, names = words[0], "".join(words[1:2]), words[2:]
    if noun != "token" or action not in ("add", "revoke", "list") or len(names) != (action != "list"):
        raise InvalidInput(
            f"server does not know {' '.join(asked.words)!r}.",
            hint="Use: mlops-nb server token add NAME, token revoke NAME, or token list",
        )
    from mlops_nb.server.tokens import Tokens

    space = workspaces.current()
    tokens = Tokens(space.make_folder(space.root))
    if action == "list":
        entries = tokens.entries()
        return Result("facts", {each["name"]: each["role"] for each in entries}, entries)
    facts: dict[str, Any] = {"name": names[0]}
    if action == "revoke":
        tokens.revoke(names[0])
        facts["revoked"] = True
    else:
        facts |= {"role": asked.role, "token": tokens.add(names[0], asked.role)}
    return Result("facts", facts, facts, note="The token is shown only now." if action == "add" else "")


def _serve(asked: argparse.Namespace) -> Result:
    if threading.current_thread() is not threading.main_thread() or asyncio._get_running_loop() is not None:
        raise InvalidState("A server would block this notebook.", hint="Start it in a terminal: mlops-nb server")
    from mlops_nb.server.app import Server, Settings, serve
    from mlops_nb.server.tokens import make_token

    token = workspaces.server_token()
    hosts = tuple(asked.allow_host)
    settings = Settings(asked.host, asked.port, token or make_token(), asked.prefix, hosts, asked.presigned)

    def announce(server: Server) -> None:
        lines = [f"Serving {server.service.space.root} at {server.url}"]
        if not token:
            lines.append(f"Token: {settings.token}   (set {workspaces.ENV_TOKEN} to choose it)")
        lines.append(f"MLflow's clients: MLFLOW_TRACKING_URI={server.url} MLFLOW_TRACKING_TOKEN=<token>")
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()

    serve(workspaces.current(), settings, started=announce)
    return Result("text", "", {})
