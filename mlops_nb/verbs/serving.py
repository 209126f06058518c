"""Verbs that put models to work: serve, predict, deploy-files."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, require
from mlops_nb.verbs.table import Result, port_number

if TYPE_CHECKING:
    from mlops_nb.serving.settings import ServeSettings
    from mlops_nb.serving.supervisor import Supervisor

LOCAL = ("127.0.0.1", "localhost", "::1")


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Options of ``serve``."""
    add = parser.add_argument
    add("model_uri", nargs="?", metavar="MODEL_URI", help="models:/NAME@ALIAS or /VERSION, runs:/RUN/PATH, a folder")
    add("--host", default="127.0.0.1", metavar="H", help="where to listen (127.0.0.1); elsewhere a token is asked for")
    add("--port", type=port_number, metavar="N", help="which port (8000; in a notebook a free one); 0: a free one")
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
    supervisor = Supervisor(_uris(asked), workspaces.current, settings, trust=tuple(asked.trust), say=_say)

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


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Options of ``predict``."""
    add = parser.add_argument
    add("model_uri", metavar="MODEL_URI", help="models:/NAME@ALIAS or /VERSION, runs:/RUN/PATH, a folder")
    add("source", metavar="IN", help="a Parquet or CSV file, or a folder of such files")
    add("-o", "--output", required=True, metavar="OUT", help="the file to write; for a folder, a folder")
    add("--only-predictions", action="store_true", help="leave the input's columns out")
    add("--prefix", default="", metavar="TEXT", help="before the names of the predictions' columns")
    add("--chunk-rows", type=int, default=50_000, metavar="N", help="rows in memory at a time (50,000)")
    add("--engine", default="local", metavar="ENGINE", help="for a folder: local, dask, or dask://HOST:PORT")
    add("--workers", type=int, metavar="N", help="for a folder: files at a time")
    add("--overwrite", action="store_true", help="replace results that are there")
    add("--trust", action="append", default=[], metavar="NAME", help="what of somebody else's model may run code")


def do_predict(asked: argparse.Namespace) -> Result:
    """Score a file or a folder of files."""
    from mlops_nb.serving.batch import Job, plan_files, score_all
    from mlops_nb.serving.following import find_source

    if asked.chunk_rows < 1:
        raise InvalidInput("A chunk has at least one row.", hint="For instance: --chunk-rows 50000")
    pairs = plan_files(Path(asked.source), Path(asked.output), overwrite=asked.overwrite)
    space = workspaces.current()
    space.flush()
    model = find_source("champion", asked.model_uri, space, trust=tuple(asked.trust))
    jobs = [
        Job(
            str(source.absolute()), str(target.absolute()), model.folder, model.digest, f"{model.name}/{model.version}",
            model.trust, model.safe_only, not asked.only_predictions, asked.prefix, asked.chunk_rows,
        )
        for source, target in pairs
    ]  # fmt: skip
    show = _Progress(len(jobs))
    with _executor(asked.engine, asked.workers, len(jobs)) as executor:
        rows = score_all(jobs, executor, show)
    show.end()
    files = f"{len(jobs)} file{'s' if len(jobs) != 1 else ''}"
    plain = {"model": model.uri, "rows": rows, "files": [str(target) for _, target in pairs]}
    return Result("text", f"{rows:,} rows of {files} scored by {model.uri} into {asked.output}", plain)


@contextlib.contextmanager
def _executor(engine: str, workers: int | None, files: int) -> Iterator[Executor | None]:
    """Where files are scored; None for this process."""
    if engine == "local" and (files == 1 or (workers or 1) == 1):
        yield None
    elif engine == "local":
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(min(workers or 1, files), multiprocessing.get_context("spawn")) as pool:
            yield pool
    elif engine == "dask":
        distributed = require("distributed", "dask", purpose="score on a Dask cluster")
        options = {"n_workers": workers or None, "threads_per_worker": 1, "dashboard_address": None,
                   "silence_logs": logging.ERROR}  # fmt: skip
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as own:
            yield own.get_executor(pure=False)
    else:
        from mlops_nb.projects.sweeps.engines import open_engine

        found = open_engine(engine, workers)
        try:
            yield found.executor
        finally:
            found.close()


class _Progress:
    """Rows done, on one line of a terminal; now and then, where there is none."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._done: dict[str, int] = {}
        self._begun = time.monotonic()
        self._said = self._begun
        self._terminal = sys.stderr.isatty()

    def __call__(self, file: str, rows: int, whole: int) -> None:
        self._done[file] = rows
        now = time.monotonic()
        if now - self._said < (0.2 if self._terminal else 10.0):
            return
        self._said = now
        done = max(self._done.values()) if self._files > 1 and whole == 0 else sum(self._done.values())
        share = f" of {whole:,} ({100 * rows // whole} %)" if whole and self._files == 1 else ""
        files = f", {len(self._done)} of {self._files} files" if self._files > 1 else ""
        line = f"{done:,}{share} rows{files}, {done / (now - self._begun):,.0f} rows/s"
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave no half line."""
        if self._terminal and self._done:
            sys.stderr.write("\r\x1b[K")


def add_deploy_files(parser: argparse.ArgumentParser) -> None:
    """Options of ``deploy-files``."""
    add = parser.add_argument
    add("version", metavar="NAME@ALIAS|NAME/VERSION", help="a registered version")
    add("-o", "--output", required=True, metavar="DIR", help="the new folder to write")
    add("--target", required=True, metavar="TARGET", help="docker, kserve or mlserver")
    add("--storage-uri", default="", metavar="URI", help="kserve: where the cluster will find the model")


def do_deploy_files(asked: argparse.Namespace) -> Result:
    """Write what another engine needs to serve a version."""
    from mlops_nb.serving.deploying import deploy_files

    space = workspaces.current()
    space.flush()
    release = str(sys.modules["mlops_nb"].__version__)  # it is above us on the road, and loaded
    made = deploy_files(
        asked.version, Path(asked.output), asked.target, space=space, release=release,
        storage_uri=asked.storage_uri,
    )  # fmt: skip
    plain = {"uri": made.uri, "target": made.target, "folder": str(made.folder), "files": list(made.files),
             "checks": list(made.checks), "next": made.next}  # fmt: skip
    lines = [f"{made.uri} for {made.target} in {made.folder}: {', '.join(made.files)}"]
    lines += [f"✓ {check}" for check in made.checks]
    return Result("text", "\n".join([*lines, f"Next: {made.next}"]), plain)
