"""A service in the background of a notebook or a script: a process that ends with the one who started it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidState, require_installed
from mlops_nb.serving.settings import ServeSettings
from mlops_nb.serving.supervisor import STOP_SECONDS, Supervisor, end_with, package_environment, run_until_signal
from mlops_nb.workspace import Workspace

_running: list[BackgroundService] = []


class BackgroundService:
    """A service that runs beside this process.

    Attributes
    ----------
    url : str
        Where to ask.
    token : str
        What to send as a bearer token; empty if there is none.
    model : dict
        ``uri, name, version, run_id`` of the champion, when it was started.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, said: dict[str, Any], token: str) -> None:
        self._process = process
        self._log = log
        self.url: str = said["url"]
        self.token = token
        self.model: dict[str, Any] = said["model"]
        self.folder: str | None = said["log"]
        _running.append(self)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def status(self) -> dict[str, Any]:
        """What is served, and the counters.

        Raises
        ------
        InvalidState
            If it does not answer.
        """
        found: dict[str, Any] = self._ask("/status")
        return found

    def predict(self, data: Any) -> list[Any]:
        """Ask about a frame, a list of records or a dict of columns: a call to try it by.

        Raises
        ------
        InvalidState
            With what the service says, if it refuses.
        """
        if hasattr(data, "to_json") and hasattr(data, "columns"):
            asked = {"dataframe_split": json.loads(data.to_json(orient="split", index=False, date_format="iso"))}
            asked["dataframe_split"].pop("index", None)
        else:
            asked = {"inputs": data.tolist() if hasattr(data, "tolist") else data}
        found: list[Any] = self._ask("/invocations", asked)["predictions"]
        return found

    def feedback(self, request_id: str, truth: Any, row: int = 0) -> None:
        """Say what turned out to be true."""
        self._ask("/feedback", {"request_id": request_id, "row": row, "truth": truth})

    def log(self, lines: int = 50) -> str:
        """The last lines of what the service says."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        """End it, when requests under way are answered."""
        if self in _running:
            _running.remove(self)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.unlink(missing_ok=True)

    def _ask(self, path: str, value: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace")
            with contextlib.suppress(ValueError, KeyError, TypeError):
                said = json.loads(said)["message"]
            raise InvalidState(f"The service answered {error.code}: {said}") from None
        except OSError as error:
            state = "does not answer" if self.is_running else "has ended"
            raise InvalidState(f"The service at {self.url} {state}: {error}.", hint="See service.log().") from None

    def __enter__(self) -> BackgroundService:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        model = self.model
        state = f"at {self.url}" if self.is_running else "stopped"
        return f"<Service of {model['name']} version {model['version']} {state}>"


def running() -> list[BackgroundService]:
    """The services that this process has started and not stopped.

    Examples
    --------
    >>> running()
    []
    """
    return [service for service in _running if service.is_running]


def serve(
    model_uri: str,
    *,
    challenger: str = "",
    shadow: str = "",
    trust: Sequence[str] = (),
    settings: ServeSettings | None = None,
    space: Workspace | None = None,
    **options: Any,
) -> BackgroundService:
    """Serve a model over HTTP, in the background of this process.

    Parameters
    ----------
    model_uri : str
        ``models:/NAME@ALIAS``, which the service follows when it moves, or any other of a model's URIs.
    challenger, shadow : str, optional
        URIs of a model that answers a share of the requests, and of one that is asked beside, unheard.
    trust : sequence of str
        As for `load_model`.
    settings : ServeSettings, optional
        How it is run.
    space : Workspace, optional
        Where models are looked up; the current one by default.
    **options
        Fields of `ServeSettings`, such as ``port=8000``, ``workers=2``, ``share=0.1`` or ``log=None``.

    Returns
    -------
    BackgroundService
        With ``url``, ``status()`` and ``stop()``; also a context manager.

    Raises
    ------
    InvalidState
        If the model cannot be served; the sentence says why.

    Examples
    --------
    >>> with serve("models:/churn@champion", workers=2) as service:  # doctest: +SKIP
    ...     service.predict({"age": [41.0]})
    [0]
    """
    require_installed("uvicorn", "serve", purpose="serve a model")
    space = space or workspaces.current()
    space.flush()
    chosen = dataclasses.replace(settings or ServeSettings(), **options)
    uris = {role: uri for role, uri in (("champion", model_uri), ("challenger", challenger), ("shadow", shadow)) if uri}
    asked = {
        "uris": uris, "settings": chosen.as_plain(), "trust": list(trust), "store": where_of(space),
        "artifacts": space.artifacts_url,
    }  # fmt: skip
    with tempfile.NamedTemporaryFile(prefix="mlops_nb-serve-", suffix=".log", delete=False) as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlops_nb.serving.background"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            env=package_environment(),
        )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    process.stdout.close()
    said = json.loads(line) if line else {"message": "The service ended before it answered.", "hint": ""}
    if "url" not in said:
        process.stdin.close()
        process.wait(STOP_SECONDS)
        text = Path(log.name).read_text(encoding="utf-8", errors="replace")[-2000:] if not line else ""
        Path(log.name).unlink(missing_ok=True)
        raise InvalidState(said["message"], hint=f"{said['hint']} {text}".strip())
    return BackgroundService(process, Path(log.name), said, chosen.token)


def where_of(space: Workspace) -> str:
    """A workspace's address, by which another process opens it."""
    return str(space.root) if space.is_embedded else space.store_url


def announcement(supervisor: Supervisor) -> dict[str, Any]:
    """What a service says of itself once it answers."""
    source = supervisor.sources["champion"]
    settings = supervisor.settings
    model = {"uri": source.uri, "name": source.name, "version": source.version, "run_id": source.run_id}
    log = None
    if settings.log is not None:
        from mlops_nb.serving.log import log_folder

        log = str(log_folder(source.name, settings.log_root))
    return {"url": supervisor.url, "port": supervisor.port, "model": model, "log": log, "workers": settings.workers}


def main() -> int:
    """The process: what to serve comes as a line on stdin, whose end is the service's."""
    from mlops_nb.errors import MlopsError

    asked = json.loads(sys.stdin.readline())
    said_at = time.monotonic()

    def say(sentence: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - said_at:8.1f} s] {sentence}\n")
        sys.stderr.flush()

    def started(supervisor: Supervisor) -> None:
        sys.stdout.write(json.dumps(announcement(supervisor)) + "\n")
        sys.stdout.flush()

    try:
        settings = ServeSettings.from_plain(asked["settings"])
        supervisor = Supervisor(
            asked["uris"], lambda: workspaces.open_workspace(asked["store"], asked["artifacts"]), settings,
            trust=tuple(asked["trust"]), say=say,
        )  # fmt: skip
        end_with(supervisor, sys.stdin.buffer)
        run_until_signal(supervisor, started)
    except MlopsError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint}) + "\n")
        sys.stdout.flush()
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
