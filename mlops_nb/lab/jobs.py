"""Jobs: verbs that take long, as processes of the command line in process groups of their own. They survive a reload of
the browser and a restart of the server; what is known of them is in files beside the store."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from mlops_nb.entities import new_id, now_ms
from mlops_nb.errors import InvalidState, NotFound
from mlops_nb.lab import work_shapes
from mlops_nb.lab.stores import has_store
from mlops_nb.lab.worker import ASKED, CHILD, END, LOG, OUT, write_whole
from mlops_nb.workspace import ENV_ARTIFACTS, ENV_STORE, Workspace

FOLDER = "jobs"
JOB = "job.json"
CANCELLED = "cancelled"
KEPT = 100
PATIENCE = (10.0, 5.0)
"""Seconds that a job has to end after an interrupt, and after a termination."""

LOG_PIECE = 256 << 10
RESULT_LIMIT = 5 << 20
_TAIL = 8 << 10
_COUNTS = re.compile(r"(?<![\d.])(\d{1,7}) ?(?:/|of) ?(\d{1,7})(?![\d.])")
_URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\]|[\w.-]+):\d+\S*")
_ID = re.compile(r"[0-9a-f]{32}")


class Jobs:
    """The jobs of stores, kept in the folder ``jobs`` beside each."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def start(
        self, space: Workspace, verb: str, words: Sequence[str], *, folder: Path, user: str = "", title: str = "",
        output: str | None = None,
    ) -> work_shapes.Job:  # fmt: skip
        """Start a verb as a process.

        Parameters
        ----------
        space : Workspace
            The store that it works on.
        verb, words : str and sequence of str
            As on the command line; nothing of it goes through a shell.
        folder : Path
            Its working directory.
        user, title, output : str
            Who asks; what it is called; where the notebook that it writes is, as a path of Jupyter's.
        """
        job_id = new_id()
        place = space.make_folder(space.root / FOLDER / job_id)
        command = [sys.executable, "-m", "mlops_nb.cli", verb, *words, "--json"]
        write_whole(place / ASKED, {"command": command, "folder": str(folder)})
        title = title or f"{verb} {' '.join(words[:1])}".strip()
        facts: dict[str, Any] = {
            "job_id": job_id, "verb": verb, "words": list(words), "title": title,
            "started": now_ms(), "user": user, "contents_path": output,
        }  # fmt: skip
        (place / LOG).touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "mlops_nb.lab.worker", str(place)],
            cwd=folder, env=_environment(space, user), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        with self._lock:
            self._children.append(process)
        facts |= {"pid": process.pid, "born": _born(process.pid)}
        write_whole(place / JOB, facts)
        self._prune(space)
        return self.get(space, job_id)

    def get(self, space: Workspace, job_id: str) -> work_shapes.Job:
        """A job as it is now.

        Raises
        ------
        NotFound
            If there is none.
        """
        return self._read(space, self._place(space, job_id))

    def all(self, space: Workspace) -> list[work_shapes.Job]:
        """All jobs of a store, the newest first."""
        root = space.root / FOLDER
        folders = [path for path in root.iterdir() if _ID.fullmatch(path.name)] if root.is_dir() else []
        newest = sorted(folders, key=lambda path: path.name, reverse=True)
        return [self._read(space, path) for path in newest[: 2 * KEPT] if (path / JOB).exists()]

    def log(self, space: Workspace, job_id: str, offset: int) -> tuple[str, int]:
        """A piece of a job's log from a byte on, and where the next one begins."""
        path = self._place(space, job_id) / LOG
        with path.open("rb") as file:
            file.seek(max(0, offset))
            data = file.read(LOG_PIECE)
        whole = data.decode("utf-8", "ignore").encode() if len(data) == LOG_PIECE else data
        return whole.decode("utf-8", "replace"), max(0, offset) + len(whole)

    def cancel(self, space: Workspace, job_id: str) -> work_shapes.Job:
        """Ask a job to stop, then make it; a job that is over is forgotten."""
        place = self._place(space, job_id)
        job = self._read(space, place)
        if job["state"] != "running":
            shutil.rmtree(place, ignore_errors=True)
            return job
        (place / CANCELLED).touch()
        threading.Thread(target=_end, args=(job["pid"], _facts(place)["born"]), daemon=True).start()
        return self._read(space, place)

    def changed(self, space: Workspace) -> tuple[list[str], bool]:
        """Ids of the jobs that have moved since the last call, and whether any is running."""
        with self._lock:
            self._children = [each for each in self._children if each.poll() is None]  # no zombies
        moved, running = [], False
        root = space.root / FOLDER
        for path in root.iterdir() if root.is_dir() else ():
            mark = (_size(path / LOG), (path / END).exists(), (path / CANCELLED).exists())
            running = running or not mark[1]
            if self._seen.get(path.name) != mark:
                if path.name in self._seen:
                    moved.append(path.name)
                self._seen[path.name] = mark
        return moved, running

    def _place(self, space: Workspace, job_id: str) -> Path:
        place = space.root / FOLDER / job_id
        if not _ID.fullmatch(job_id) or not (place / JOB).exists():
            raise NotFound(f"There is no job {job_id[:40]!a}.", hint="It may have been cleared away.")
        return place

    def _read(self, space: Workspace, place: Path) -> work_shapes.Job:
        facts, end = _facts(place), _load(place / END)
        state, status = _state_of(place, facts, end)
        tail = _tail(place / LOG)
        lines = [line.rsplit("\r", 1)[-1].strip() for line in tail.splitlines() if line.strip()]
        result = _load(place / OUT) if end is not None and _size(place / OUT) <= RESULT_LIMIT else None
        return {
            "job_id": facts["job_id"], "verb": facts["verb"], "words": facts["words"], "title": facts["title"],
            "state": state, "exit_status": status, "started": facts["started"],
            "ended": end["time"] if end is not None else None, "pid": facts["pid"], "user": facts["user"],
            "progress": _progress(lines) if state == "running" else None,
            "run_id": _run_of(space, place, result, state), "contents_path": facts["contents_path"], "result": result,
            "message": lines[-1][-500:] if lines else None,
            "url": _url(place) if facts["verb"] == "serve" else None,
        }  # fmt: skip

    def _prune(self, space: Workspace) -> None:
        for job in self.all(space)[KEPT:]:
            if job["state"] != "running":
                shutil.rmtree(space.root / FOLDER / job["job_id"], ignore_errors=True)


def _environment(space: Workspace, user: str) -> dict[str, str]:
    """That of this process, and the store, so that the job works on the same one from whatever folder."""
    store = str(space.root) if space.is_embedded else space.store_url
    found = {**os.environ, ENV_STORE: store, "PYTHONUNBUFFERED": "1"}
    if space.artifacts_url not in (store, str(space.root / "artifacts")):
        found[ENV_ARTIFACTS] = space.artifacts_url
    if user:
        found["JUPYTERHUB_USER"] = user  # what `user_name` goes by: the audit of the registry names who asked
    return found


def _facts(place: Path) -> dict[str, Any]:
    found = _load(place / JOB)
    if not isinstance(found, dict):
        raise InvalidState(f"What is known of the job {place.name} is damaged.", hint=f"Delete the folder {place}.")
    return found


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, _size(path) - _TAIL))
        return file.read().decode("utf-8", "replace")


def _born(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _is_alive(pid: int, born: float) -> bool:
    """Whether this very process is there: numbers are used again."""
    try:
        process = psutil.Process(pid)
        return abs(float(process.create_time()) - born) < 2 and str(process.status()) != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _state_of(place: Path, facts: dict[str, Any], end: Any) -> tuple[str, int | None]:
    if end is None:
        alive = _is_alive(facts["pid"], facts["born"])
        end = None if alive else _load(place / END)  # it may have ended between two looks
        if end is None:
            return ("running", None) if alive else ("lost", None)
    status = int(end["status"])
    if (place / CANCELLED).exists():
        return "cancelled", status
    return ("finished" if status in _GOOD.get(facts["verb"], (0,)) else "failed"), status


_GOOD = {"reproduce": (0, 1), "monitor": (0, 1)}
"""Exit statuses that are an answer, not a failure."""


def _progress(lines: list[str]) -> work_shapes.Progress | None:
    for line in reversed(lines[-20:]):
        found = list(_COUNTS.finditer(line))
        if found and int(found[-1][2]) > 0 and int(found[-1][1]) <= int(found[-1][2]):
            return {"done": int(found[-1][1]), "total": int(found[-1][2]), "label": line[:200]}
    return None


def _run_of(space: Workspace, place: Path, result: Any, state: str) -> str | None:
    """The run that a job makes: from its result, and while it goes on from the lease that its process holds."""
    first = result[0] if isinstance(result, list) and result else result
    if isinstance(first, dict):
        found = first.get("rerun_id") or first.get("run_id") or first.get("sweep_id")
        return str(found) if found else None
    child = _load(place / CHILD)
    if state != "running" or not child or not has_store(space):
        return None
    mine = [run for run in space.store.open_runs() if run.lease is not None and run.lease.pid == child["pid"]]
    return mine[0].run_id if mine else None


def _url(place: Path) -> str | None:
    for line in _tail(place / OUT).splitlines():  # a service says in one line of JSON where it is
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("url"), str):
            return str(said["url"])
    found = _URL.search(_tail(place / LOG))
    return found.group().rstrip(".,)") if found else None


def _end(pid: int, born: float) -> None:
    """Interrupt the group, then terminate it, then kill it."""
    for each, patience in zip((signal.SIGINT, signal.SIGTERM), PATIENCE, strict=True):
        if not _signal(pid, born, each):
            return
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not _is_alive(pid, born):
                return
            time.sleep(0.05)
    _signal(pid, born, signal.SIGKILL)


def _signal(pid: int, born: float, number: signal.Signals) -> bool:
    if not _is_alive(pid, born):
        return False
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
