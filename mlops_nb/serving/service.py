"""One worker's models in their roles: who answers which request, what is logged and counted of it; apart from HTTP."""

from __future__ import annotations

import asyncio
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_nb.errors import InvalidInput, InvalidState, MlopsError, NotFound, PermissionDenied
from mlops_nb.serving import oip
from mlops_nb.serving.board import Board, Row
from mlops_nb.serving.log import CHALLENGER, CHAMPION, SHADOW
from mlops_nb.serving.payload import Asked, Reader, WrongType, output_columns, plain
from mlops_nb.serving.recorder import Answer, Recorder, Truth
from mlops_nb.serving.scoring import ModelFailed, Served, TookTooLong
from mlops_nb.serving.settings import ServeSettings

_SHADOWS = 64
"""Most requests that wait for the shadow at the same time."""
_LARGE = 256 << 10
"""From this size on a body is read off the event loop."""


class TooLarge(InvalidInput):
    """The body is larger than what is taken."""


class TooSlow(InvalidInput):
    """The body did not come in time."""


class NoToken(PermissionDenied):
    """The token is missing or wrong."""


_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (WrongType, 415), (TooLarge, 413), (TooSlow, 408), (NoToken, 401), (PermissionDenied, 403), (NotFound, 404),
    (InvalidInput, 400), (TookTooLong, 504), (InvalidState, 503),
)  # fmt: skip


def status_of(error: Exception) -> int:
    """HTTP's status for an error.

    Examples
    --------
    >>> status_of(InvalidInput("no")), status_of(KeyError())
    (400, 500)
    """
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer: its body, who gave it, and the length of its JSON where bytes follow."""

    body: bytes
    served: Served
    header_length: int | None = None


Read = Callable[[Reader], tuple[Asked, oip.Wanted | None]]


class Service:
    """The models of one worker.

    Parameters
    ----------
    settings : ServeSettings
    recorder : Recorder or None
    board : Board
        All workers' counters.
    row : Row
        This worker's.
    """

    def __init__(self, settings: ServeSettings, recorder: Recorder | None, board: Board, row: Row) -> None:
        import orjson

        self.settings = settings
        self.recorder = recorder
        self.board = board
        self.row = row
        self.models: dict[str, Served] = {}
        self.draining = False
        self._dumps: Callable[..., bytes] = orjson.dumps
        self._shadows: set[asyncio.Task[None]] = set()

    def install(self, models: Mapping[str, Served]) -> None:
        """Let these models answer from now on; those before finish what they are at."""
        before, self.models = self.models, dict(models)
        for role, served in before.items():
            if self.models.get(role) is not served:
                served.close()

    @property
    def champion(self) -> Served:
        """The model that answers.

        Raises
        ------
        InvalidState
            If there is none yet.
        """
        if CHAMPION not in self.models:
            raise InvalidState("The model is not loaded yet.", hint="Ask again in a moment.")
        return self.models[CHAMPION]

    def choose(self, request_id: str) -> Served:
        """Who answers a request: the challenger gets its share, by the id."""
        challenger = self.models.get(CHALLENGER)
        if challenger is not None and self.settings.share:
            part = zlib.crc32(b"share " + request_id.encode()) / (1 << 32)
            if part < self.settings.share:
                return challenger
        return self.champion

    def find(self, name: str, version: str | None) -> Served | None:
        """A version by its name; without a version None: whoever is chosen.

        Raises
        ------
        NotFound
            If it is not served here.
        """
        served = [each for each in self.models.values() if each.source.name == name]
        if version is not None:
            served = [each for each in served if each.source.version == version]
        if not served:
            what = f"{name[:60]!r}" + (f", version {version[:20]!r}" if version is not None else "")
            raise NotFound(f"The model {what} is not served here.", hint="See what is: GET /v2")
        return served[0] if version is not None else None

    def describe(self) -> list[dict[str, Any]]:
        """What is served."""
        return [
            {"role": role, "uri": s.uri, "name": s.name, "version": s.version, "run_id": s.run_id}
            for role, s in ((role, served.source) for role, served in self.models.items())
        ]

    async def score(
        self, request_id: str, started: float, size: int, read: Read, served: Served | None = None
    ) -> Scored:
        """Answer a request to score.

        Parameters
        ----------
        request_id : str
        started : float
            By ``time.perf_counter``.
        size : int
            Of the body, in bytes.
        read : callable
            Makes of a model's reader what is asked, and what is wanted back in the protocol's tensors, if it is that.
        served : Served, optional
            Who is to answer; else it is chosen.

        Raises
        ------
        MlopsError
            Whose status `status_of` tells.
        """
        chosen = served or self.choose(request_id)
        scored = await self._score_by(chosen, request_id, started, size, read)
        shadow = self.models.get(SHADOW)
        if shadow is not None and served is None:
            self._ask_shadow(shadow, request_id, size, read)
        return scored

    async def _score_by(self, served: Served, request_id: str, started: float, size: int, read: Read) -> Scored:
        row, kept = self.row, self.recorder is not None and self.recorder.keeps(request_id)
        row.add("in_flight")
        asked, error, columns = None, None, {}
        try:
            if size > _LARGE:
                asked, wanted = await asyncio.get_running_loop().run_in_executor(None, read, served.reader)
            else:
                asked, wanted = read(served.reader)
            finish = self._finish(served, asked.rows, wanted, kept)
            body, length, columns = await served.ask(asked, finish, self.settings.timeout)
            row.add("rows", asked.rows)
            return Scored(body, served, length)
        except Exception as caught:
            error = caught
            self._note_failure(error, request_id)
            raise
        finally:
            seconds = time.perf_counter() - started
            status = 200 if error is None else status_of(error)
            row.add("in_flight", -1.0)
            row.answered(served.source.role, status, seconds)
            if kept:
                self._record(served, request_id, seconds, status, error, asked, columns)

    def _finish(self, served: Served, rows: int, wanted: oip.Wanted | None, kept: bool) -> Callable[[Any], Any]:
        def finish(found: Any) -> tuple[bytes, int | None, dict[str, Any]]:
            if wanted is not None:
                source = served.source
                tensors = oip.outputs_of(found, served.loaded.signature)
                body, length = oip.write_infer(tensors, wanted, source.name, source.version, self._dumps)
                return body, length, output_columns(plain(found), rows) if kept else {}
            predictions = plain(found)
            return self._dumps({"predictions": predictions}), None, output_columns(predictions, rows) if kept else {}

        return finish

    def _note_failure(self, error: Exception, request_id: str) -> None:
        if isinstance(error, TookTooLong):
            self.row.add("timeouts")
        elif isinstance(error, ModelFailed):
            self.row.add("failures")
            sys.stderr.write(f"Request {request_id}: the model failed.\n{error.trace}")
        elif not isinstance(error, MlopsError):
            import traceback

            sys.stderr.write(f"Request {request_id}: {''.join(traceback.format_exception(error))}")

    def _record(
        self, served: Served, request_id: str, seconds: float, status: int, error: Exception | None,
        asked: Asked | None, columns: dict[str, Any],
    ) -> None:  # fmt: skip
        assert self.recorder is not None
        said = None
        if error is not None:
            said = error.detail if isinstance(error, ModelFailed) else str(error)
        source = served.source
        self.recorder.record(
            Answer(
                request_id, time.time(), seconds * 1000, status, source.version, source.run_id, source.role, said,
                asked.rows if asked is not None else 1, asked.columns if asked is not None else {}, columns,
            )
        )  # fmt: skip

    def _ask_shadow(self, shadow: Served, request_id: str, size: int, read: Read) -> None:
        """Off the answer's path; when the shadow is busy it misses the request."""
        if len(self._shadows) >= _SHADOWS:
            self.row.add("shadow_dropped")
            return

        async def ask() -> None:
            try:
                await self._score_by(shadow, request_id, time.perf_counter(), size, read)
            except Exception:
                pass  # counted and logged already; nobody waits for it

        task = asyncio.get_running_loop().create_task(ask())
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    def take_feedback(self, found: Any) -> int:
        """Log what turned out to be true; how many truths there were.

        Raises
        ------
        InvalidInput, InvalidState
            If it has not the shape of feedback, or nothing is logged.
        """
        if self.recorder is None:
            raise InvalidState("The service keeps no log.", hint="Start it without --no-log.")
        entries = found.get("feedback") if isinstance(found, dict) and "feedback" in found else found
        now, truths = time.time(), []
        for entry in entries if isinstance(entries, list) else [entries]:
            truths += _truths(entry, now)
        for truth in truths:
            self.recorder.record(truth)
        self.row.add("feedback", len(truths))
        return len(truths)


_FEEDBACK_ADVICE = 'Send {"request_id": ID, "truth": VALUE}, with "row" if the request had several rows.'


def _truths(entry: Any, now: float) -> list[Truth]:
    """One entry: a truth of one row, or a list of one a row."""
    if not isinstance(entry, dict) or not entry.keys() <= {"request_id", "row", "truth"} or "truth" not in entry:
        raise InvalidInput("The feedback has not the shape of feedback.", hint=_FEEDBACK_ADVICE)
    name, row, truth = entry.get("request_id"), entry.get("row", 0), entry["truth"]
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise InvalidInput("The feedback has no request_id.", hint=_FEEDBACK_ADVICE)
    if type(row) is not int or not 0 <= row < 1 << 40:
        raise InvalidInput("The row of a feedback is no number from 0 on.", hint=_FEEDBACK_ADVICE)
    values = list(enumerate(truth, row)) if isinstance(truth, list) else [(row, truth)]
    for _, value in values:
        if not isinstance(value, (str, int, float, bool)):
            raise InvalidInput("A truth is a number, a text, true or false.", hint=_FEEDBACK_ADVICE)
    return [Truth(name, place, now, value) for place, value in values]
