"""Where a sweep's trials are executed: a table of small rows, each of which opens a `concurrent.futures.Executor`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mlops_nb.errors import InvalidInput, MlopsError, require
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.sweeps.tasks import Answer, Task, perform
from mlops_nb.projects.sweeps.workers import LocalExecutor

CONNECT_SECONDS = 20
LANES = 3
"""Trials that a local worker has under way: one executes, one gets ready, one is written down."""

HOSTED_IDLE_SECONDS = 60.0
"""A process that executes trials on a cluster's worker ends when nothing came for so long."""


class EngineLost(MlopsError):
    """The cluster that a sweep runs on is gone."""


@dataclass(slots=True)
class Engine:
    """An open engine: `submit` a task, get a future.

    `alive` tells whether the cluster is still there. `lost` are names of exceptions that say that the worker of a task
    is gone, and not that the notebook failed. `stop` asks what is running to stop, where there is a direct way. `ahead`
    is how many more tasks than workers it takes, to have them ready; `has_begun` tells which of all are more than that.
    """

    name: str
    executor: Executor
    workers: int
    perform: Callable[[Task], Answer]
    alive: Callable[[], bool] = lambda: True
    close: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
    lost: frozenset[str] = frozenset()
    local: bool = False
    ahead: int = 0
    has_begun: Callable[[Future[Answer]], bool] = lambda future: True
    reports: list[str] = field(default_factory=list)

    def submit(self, task: Task) -> Future[Answer]:
        """Hand a trial to whichever worker is free."""
        return self.executor.submit(self.perform, task)


def perform_hosted(task: Task) -> Answer:
    """Execute a trial on a cluster's worker, in a process beside it, which is reused and ends with it.

    A cluster's worker runs calls in threads, with signals, event loops and an environment of its own; a notebook's
    execution has a process to itself.

    Examples
    --------
    >>> perform_hosted(task)  # doctest: +SKIP
    """
    try:
        process = _idle.pop()
    except IndexError:
        process = LocalExecutor(1, idle_seconds=HOSTED_IDLE_SECONDS)
    try:
        answer: Answer = process.submit(perform, task).result()
        return answer
    finally:
        _idle.append(process)


_idle: list[LocalExecutor] = []


def _local(address: str, workers: int | None) -> Engine:
    count = workers or max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    executor = LocalExecutor(count, lanes=LANES)
    return Engine(
        "local", executor, count, perform, close=lambda: executor.shutdown(cancel_futures=True),
        stop=executor.stop_running, lost=frozenset({"WorkerLost"}), local=True, ahead=count * (LANES - 1),
        has_begun=lambda future: getattr(future, "began", None) is not None,
    )  # fmt: skip


def _dask(address: str, workers: int | None) -> Engine:
    distributed = require("distributed", "dask", purpose="sweep on a Dask cluster")
    place = f"tcp://{address}" if "://" not in address else address
    try:
        client = distributed.Client(place, timeout=CONNECT_SECONDS, set_as_default=False, name="mlops-nb-sweep")
    except (OSError, TimeoutError) as error:
        raise InvalidInput(
            f"There is no Dask scheduler at {address}.", hint="Start one with: dask scheduler, and: dask worker ADDRESS"
        ) from error
    threads = sum(client.nthreads().values())
    executor = client.get_executor(pure=False)

    def close() -> None:
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.close(timeout=2)

    return Engine(
        f"dask://{address}", executor, workers or max(1, threads), perform_hosted,
        alive=lambda: client.status == "running", close=close,
        lost=frozenset({"KilledWorker", "WorkerLost"}),
    )  # fmt: skip


def _ray(address: str, workers: int | None) -> Engine:
    ray = require("ray", "ray", purpose="sweep on a Ray cluster")
    where = {"": None, "auto": "auto", "local": "local"}.get(address, address)
    try:
        ray.init(address=where, ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # what its processes said, in whatever class
        what = "Ray did not start here" if where == "local" else f"There is no Ray cluster at {address or 'auto'!r}"
        raise InvalidInput(
            f"{what}: {str(error).partition('.')[0]}.", hint="Start one, or see why not, with: ray start --head"
        ) from error
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    executor = RayExecutor(ray)
    return Engine(
        f"ray://{address}", executor, count, perform_hosted, alive=ray.is_initialized, close=ray.shutdown,
        lost=frozenset({"WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "WorkerLost"}),
    )  # fmt: skip


class RayExecutor(Executor):
    """Ray's remote functions as futures."""

    def __init__(self, ray: Any) -> None:
        self._call = ray.remote(num_cpus=1, max_retries=0)(_apply)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` somewhere on the cluster."""
        future: Future[Any] = self._call.remote(fn, args, kwargs).future()
        return future


def _apply(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)


def _ipyparallel(address: str, workers: int | None) -> Engine:
    ipyparallel = require("ipyparallel", "ipyparallel", purpose="sweep on an IPython cluster")
    from pathlib import Path

    options = {"connection_info" if Path(address).suffix == ".json" else "profile": address or "default"}
    try:
        client = ipyparallel.Client(timeout=CONNECT_SECONDS, **options)
    except (OSError, TimeoutError) as error:
        raise InvalidInput(
            f"There is no IPython cluster {address or 'default'!r}.", hint="Start one with: ipcluster start -n 2"
        ) from error
    return Engine(
        f"ipyparallel://{address}", client.executor(), workers or max(1, len(client)), perform_hosted,
        alive=lambda: not client._closed, close=client.close, lost=frozenset({"EngineError", "WorkerLost"}),
    )  # fmt: skip


def _executorlib(address: str, workers: int | None) -> Engine:
    executorlib = require("executorlib", "executorlib", purpose="sweep through executorlib (SLURM, Flux)")
    kinds = {
        "": "SingleNodeExecutor",
        "local": "SingleNodeExecutor",
        "slurm": "SlurmClusterExecutor",
        "slurm-job": "SlurmJobExecutor",
        "flux": "FluxClusterExecutor",
        "flux-job": "FluxJobExecutor",
    }
    if address not in kinds:
        raise InvalidInput(
            f"executorlib has no {address!r}{closest(address, kinds)}.", hint="There are: local, slurm, flux."
        )
    count = workers or 2
    executor = getattr(executorlib, kinds[address])(max_workers=count)
    return Engine(
        f"executorlib://{address}", executor, count, perform_hosted,
        close=lambda: executor.shutdown(cancel_futures=True), lost=frozenset({"ExecutorlibSocketError", "WorkerLost"}),
    )  # fmt: skip


ENGINES: dict[str, tuple[Callable[[str, int | None], Engine], str]] = {
    "local": (_local, "processes on this machine"),
    "dask": (_dask, "dask://HOST:PORT, a Dask scheduler"),
    "ray": (_ray, "ray://ADDRESS, a Ray cluster (auto: the one that is there)"),
    "ipyparallel": (_ipyparallel, "ipyparallel://PROFILE, an IPython cluster, or the path of its client file"),
    "executorlib": (_executorlib, "executorlib://slurm, a batch system through executorlib"),
}
"""Name: how it is opened (with an address and a number of workers), and one line of help."""


def check_engine(url: str) -> tuple[str, str]:
    """Name and address of an engine; nothing is opened.

    Parameters
    ----------
    url : str
        ``local``, or ``NAME://ADDRESS``.

    Returns
    -------
    (str, str)

    Raises
    ------
    InvalidInput
        If there is no such engine.

    Examples
    --------
    >>> check_engine("dask://127.0.0.1:8786")
    ('dask', '127.0.0.1:8786')
    """
    parts = urlsplit(url)
    name = parts.scheme or url
    if name not in ENGINES:
        raise InvalidInput(
            f"There is no engine {name!r}{closest(name, ENGINES)}.", hint=f"There are: {', '.join(ENGINES)}."
        )
    address = url.partition("://")[2]
    if name == "dask" and not address:
        raise InvalidInput("The engine dask needs the address of a scheduler.", hint="Write --engine dask://HOST:PORT")
    return name, address


def open_engine(url: str, workers: int | None = None) -> Engine:
    """Open an engine.

    Parameters
    ----------
    url : str
        As for `check_engine`.
    workers : int, optional
        How many trials at once; as many as the engine has places for by default.

    Returns
    -------
    Engine

    Raises
    ------
    InvalidInput
        If nobody answers there.
    MissingDependency
        If its package is not installed.

    Examples
    --------
    >>> with contextlib.closing(open_engine("local", 2)) as engine: engine.workers
    2
    """
    name, address = check_engine(url)
    if workers is not None and workers < 1:
        raise InvalidInput(f"{workers} workers cannot work.", hint="Give --workers a number from 1 on.")
    return ENGINES[name][0](address, workers)
