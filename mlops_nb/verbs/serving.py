"""Verbs that put models to work: serve, predict, deploy-files."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput
from mlops_nb.verbs.table import Result

if TYPE_CHECKING:
    from mlops_nb.serving.settings import ServeSettings
    from mlops_nb.serving.supervisor import Supervisor

LOCAL = ("127.0.0.1", "localhost", "::1")


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Options of ``serve``."""
    add = parser.add_argument
    add("model_uri", nargs="?", metavar="MODEL_URI", help="models:/NAME@ALIAS or /VERSION, runs:/RUN/PATH, a folder")
    add("--host", default="127.0.0.1", metavar="H", help="where to listen (127.0.0.1); elsewhere a token is asked for")
    add("--port", type=int, metavar="N", help="which port (8000; in a notebook a free one); 0: a free one")
    add("--workers", type=int, default=1, metavar="N", help="processes that answer (1)")
    add("--threads", type=int, default=4, metavar="N", help="predictions at a time in one of them (4)")
    add("--challenger", metavar="URI", help="a model that answers a share of the requests")
    add("--share", metavar="10%", help="the challenger's share (10%%)")
    add("--shadow", metavar="URI", help="a model that is asked beside, unheard; its answers are logged")
    add("--log", metavar="DIR", help="where the request log is kept (the store's folder)")
    add("--no-log", action="store_true", help="keep no request log")
    add("--log-sample", default="100%", metavar="100%", help="share of the requests that are logged")
    add("--redact", action="append", default=[], metavar="COLUMN", help="a column that is never logged")
    add("--log-days", type=float, default=90.0, metavar="N", help="how long the log is kept (90); 0: for ever")
    add("--log-bytes", default="4GB", metavar="SIZE", help="how large the log may be (4GB); 0: without limit")
    add("--max-bytes", default="64MB", metavar="SIZE", help="largest request (64MB)")
    add("--max-memory", default="0", metavar="SIZE", help="memory at which a worker is replaced; 0: none")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds for a prediction (60)")
    add("--token", metavar="TOKEN", help="who sends it may ask; better in MLOPS_NB_TOKEN, where nobody sees it")
    add("--allow-host", action="append", default=[], metavar="NAME", help="another name that the service is called by")
    add("--batch-rows", type=int, default=256, metavar="N", help="most rows that are asked together (256); 0: never")
    add("--ignore-extra", action="store_true", help="let columns pass that the model does not know")
    add("--trust", action="append", default=[], metavar="NAME", help="what of somebody else's model may run code")
    add("--stop", action="store_true", help="in a notebook: stop what was started there")
    parser.set_defaults(in_notebook=parser.prog.startswith("%"))


def do_serve(asked: argparse.Namespace) -> Result:
    """Serve until a signal comes; from a notebook, start it in the background."""
    if asked.in_notebook:
        return _serve_beside(asked)
    if asked.model_uri is None or asked.stop:
        raise InvalidInput("serve needs a model.", hint="For instance: mlops-nb serve models:/churn@champion")
    from mlops_nb.serving.background import announcement
    from mlops_nb.serving.supervisor import Supervisor, run_until_signal

    settings, made = _settings(asked, 8000)
    supervisor = Supervisor(_uris(asked), workspaces.current(), settings, trust=tuple(asked.trust), say=_say)

    def started(service: Supervisor) -> None:
        facts = announcement(service)
        if asked.json:
            sys.stdout.write(json.dumps({**facts, **({"token": settings.token} if made else {})}) + "\n")
            sys.stdout.flush()
            return
        model = facts["model"]
        lines = [f"Serving {model['uri']} at {facts['url']}   (ask: POST /invocations; see: {facts['url']}/docs)"]
        if made:
            lines.append(f"Token: {settings.token}   (set {workspaces.ENV_TOKEN} to choose it)")
        if facts["log"]:
            lines.append(f"Requests are logged in {facts['log']}")
        _say("\n".join(lines))

    run_until_signal(supervisor, started)
    return Result("text", "", {})


def _serve_beside(asked: argparse.Namespace) -> Result:
    from mlops_nb.serving.background import running, serve

    if asked.stop:
        stopped = running()
        for service in stopped:
            service.stop()
        return Result("text", f"Stopped {len(stopped)}.", [service.url for service in stopped])
    if asked.model_uri is None:
        found = running()
        if not found:
            raise InvalidInput("Nothing is served from here.", hint="For instance: %mlops serve models:/churn@champion")
        return Result("service", found[-1], _plain(found[-1]))
    settings, made = _settings(asked, 0)
    uris = _uris(asked)
    service = serve(
        uris["champion"], challenger=uris.get("challenger", ""), shadow=uris.get("shadow", ""), trust=asked.trust,
        settings=settings,
    )  # fmt: skip
    note = f"Token: {settings.token}" if made else ""
    return Result("service", service, _plain(service), note=note)


def _plain(service: Any) -> dict[str, Any]:
    return {"url": service.url, "model": service.model, "log": service.folder, "pid": service.pid}


def _uris(asked: argparse.Namespace) -> dict[str, str]:
    if asked.share and not asked.challenger:
        raise InvalidInput("--share is a challenger's.", hint="Name one: --challenger models:/churn@challenger")
    found = {"champion": asked.model_uri, "challenger": asked.challenger, "shadow": asked.shadow}
    return {role: uri for role, uri in found.items() if uri}


def _settings(asked: argparse.Namespace, port: int) -> tuple[ServeSettings, bool]:
    """How to serve, and whether the token had to be made."""
    from mlops_nb.serving.recorder import LogSettings
    from mlops_nb.serving.settings import ServeSettings, read_share, read_size

    token = asked.token or workspaces.server_token()
    made = not token and asked.host not in LOCAL
    if made:
        import secrets

        token = secrets.token_urlsafe(24)
    log = None
    if not asked.no_log:
        log = LogSettings(read_share(asked.log_sample), tuple(asked.redact), asked.log_days, read_size(asked.log_bytes))
    share = read_share(asked.share or "10%") if asked.challenger else 0.0
    settings = ServeSettings(
        host=asked.host, port=port if asked.port is None else asked.port, workers=asked.workers, threads=asked.threads,
        share=share, max_bytes=read_size(asked.max_bytes), timeout=asked.timeout, token=token,
        hosts=tuple(asked.allow_host), batch_rows=asked.batch_rows, max_memory=read_size(asked.max_memory),
        ignore_extra=asked.ignore_extra, log=log, log_root=asked.log or "",
    )  # fmt: skip
    return settings, made


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
