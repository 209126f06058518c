"""Models that answer: loaded, asked off the event loop, together with others where that pays; apart from HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.models.loaded import LoadedModel
from mlops_nb.serving.frames import FramePlan
from mlops_nb.serving.payload import Asked, Reader
from mlops_nb.serving.settings import ServeSettings, Source

BY_ROW = frozenset({"sklearn", "xgboost", "lightgbm", "catboost"})
"""Flavors whose predictions of a row do not depend on the rows beside it."""

Finish = Callable[[Any], Any]
"""What is made of a prediction, still off the event loop."""


class ModelFailed(MlopsError):
    """The model raised; the details are for the log only."""

    error_code = "INTERNAL_ERROR"

    def __init__(self, detail: str, trace: str) -> None:
        super().__init__("The model failed on this request.", hint="The service's log has the details under its id.")
        self.detail = detail
        self.trace = trace


class TookTooLong(MlopsError):
    """The prediction was not there in time."""

    error_code = "DEADLINE_EXCEEDED"


@dataclass(slots=True, eq=False)
class _Job:
    asked: Asked
    finish: Finish
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    fits: bool
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class _Desk:
    """One thread that asks, and since when it has been at it."""

    since: float = 0.0
    jobs: Sequence[_Job] = field(default_factory=tuple)


class Served:
    """A loaded model in its role, with the threads that ask it.

    Parameters
    ----------
    source : Source
    loaded : LoadedModel
    settings : ServeSettings
    """

    def __init__(self, source: Source, loaded: LoadedModel, settings: ServeSettings) -> None:
        self.source = source
        self.loaded = loaded
        keeps = loaded.description.keeps_form
        self.reader = Reader(loaded.signature, keeps_form=keeps, ignore_extra=settings.ignore_extra)
        self.plan = None if keeps else FramePlan.of(loaded.signature)
        self.batch_rows = settings.batch_rows if loaded.flavor in BY_ROW and self.plan is not None else 0
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._desks = [_Desk() for _ in range(1 if self.batch_rows else settings.threads)]
        for desk in self._desks:
            threading.Thread(target=self._work, args=(desk,), name="mlops_nb-predict", daemon=True).start()

    async def ask(self, asked: Asked, finish: Finish, timeout: float) -> Any:
        """What `finish` makes of the model's prediction.

        Raises
        ------
        InvalidInput
            If the request does not fit the signature, or the model knows no such category.
        ModelFailed, TookTooLong
        """
        loop = asyncio.get_running_loop()
        fits = asked.is_columns and self.plan is not None and self.plan.fits(asked.data)
        job = _Job(asked, finish, loop, loop.create_future(), fits)
        self._queue.put(job)
        timer = loop.call_later(timeout, _give_up, job.future)
        try:
            return await job.future
        finally:
            timer.cancel()

    def predict(self, asked: Asked) -> Any:
        """The prediction for one request, in the library's own form."""
        if asked.is_columns and self.plan is not None and self.plan.fits(asked.data):
            return self.loaded.score(self.plan.frame(asked.data), asked.params)
        return self._predict_slowly(asked)

    def warm_up(self) -> str:
        """Ask about the model's own example; what went wrong, if anything did."""
        try:
            found = self.loaded.read_example()
            if found is not None:
                self.loaded.predict(*found)
        except Exception as error:  # a model may raise anything
            return f"{type(error).__name__}: {error}"
        return ""

    def close(self) -> None:
        """End the threads, when they have answered what waits."""
        for _ in self._desks:
            self._queue.put(None)

    def stuck(self) -> float:
        """Seconds for which every thread has been at one prediction; 0 if one is free."""
        now = time.monotonic()
        return min(now - desk.since if desk.since else 0.0 for desk in self._desks)

    def longest(self) -> float:
        """Seconds of the longest prediction that is under way."""
        now = time.monotonic()
        return max(now - desk.since if desk.since else 0.0 for desk in self._desks)

    # -- the threads ------------------------------------------------------------------------------------------------

    def _work(self, desk: _Desk) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            jobs = self._gather(job) if job.fits and self.batch_rows and not job.asked.params else [job]
            jobs = [each for each in jobs if not each.future.done()]  # given up meanwhile
            if not jobs:
                continue
            desk.since = time.monotonic()
            try:
                self._answer(jobs)
            finally:
                desk.since = 0.0
            with contextlib.suppress(RuntimeError):  # the loop has ended
                jobs[0].loop.call_soon_threadsafe(_deliver, jobs)

    def _gather(self, first: _Job) -> list[_Job]:
        """What else waits and can be asked together."""
        jobs, rows = [first], first.asked.rows
        while rows < self.batch_rows:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None or not job.fits or job.asked.params or rows + job.asked.rows > self.batch_rows:
                self._queue.put(job)  # to the end: it had no place of its own yet
                break
            jobs.append(job)
            rows += job.asked.rows
        return jobs

    def _answer(self, jobs: list[_Job]) -> None:
        if len(jobs) > 1:
            try:
                self._answer_together(jobs)
                return
            except Exception:
                for job in jobs:
                    job.result = job.error = None  # one of them is at fault: each by itself
        for job in jobs:
            try:
                if job.fits and self.plan is not None:
                    found = self.loaded.score(self.plan.frame(job.asked.data), job.asked.params)
                else:
                    found = self._predict_slowly(job.asked)
                job.result = job.finish(found)
            except BaseException as error:
                job.error = _explain(error, job.asked)

    def _answer_together(self, jobs: list[_Job]) -> None:
        assert self.plan is not None
        first = jobs[0].asked.data
        together = {name: [value for job in jobs for value in job.asked.data[name]] for name in first}
        found = self.loaded.score(self.plan.frame(together), None)
        rows = sum(job.asked.rows for job in jobs)
        if len(found) != rows:
            raise ValueError("predictions are not one a row")
        start = 0
        for job in jobs:
            end = start + job.asked.rows
            piece = found.iloc[start:end] if hasattr(found, "iloc") else found[start:end]
            job.result = job.finish(piece)
            start = end

    def _predict_slowly(self, asked: Asked) -> Any:
        if asked.is_columns and not self.loaded.description.keeps_form:
            import pandas

            return self.loaded.predict(pandas.DataFrame(dict(asked.data)), asked.params)
        return self.loaded.predict(asked.data, asked.params)


def load_served(source: Source, settings: ServeSettings) -> Served:
    """Load a model from its folder, as far as it may be, and get it ready to answer."""
    from mlops_nb.models.loading import load_folder

    loaded = load_folder(
        source.folder,
        trust=source.trust,
        safe_only=source.safe_only,
        name=f"{source.name}/{source.version}" if source.version else source.name,
        digest=source.digest,
    )
    return Served(source, loaded, settings)


def _give_up(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(
            TookTooLong("The model did not answer in time.", hint="Ask for less, or start with a longer --timeout.")
        )


def _deliver(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


_UNKNOWN = re.compile(r"(?:unknown categor|previously unseen label|unseen categor)", re.IGNORECASE)


_NO_MISSING = re.compile(r"contains? NaN|missing values|NaN or infinity|\bNaNs?\b", re.IGNORECASE)


def _explain(error: BaseException, asked: Asked) -> Exception:
    if isinstance(error, InvalidInput):
        return error
    if isinstance(error, ValueError) and _NO_MISSING.search(str(error)):
        refusal = missing_value(asked.columns)
        if refusal is not None:
            return refusal
    if isinstance(error, ValueError) and _UNKNOWN.search(str(error)):
        return unknown_category(str(error), asked.columns)
    detail = f"{type(error).__name__}: {error}"
    return ModelFailed(detail[:2000], "".join(traceback.format_exception(error))[-20_000:])


def missing_value(columns: Mapping[str, Any]) -> InvalidInput | None:
    """The refusal of a missing value that the model cannot take, naming the column and the row; None if there is none.

    Examples
    --------
    >>> print(missing_value({"plan": ["gold", "tin"], "age": [41.0, None]}))
    The column 'age' has no value in row 1, and the model takes none that are missing. Send a value.
    >>> missing_value({"age": [41.0]}) is None
    True
    """
    for name, values in columns.items():
        for row, value in enumerate(values if isinstance(values, list) else []):
            if value is None or (isinstance(value, float) and value != value):
                problem = f"The column {name!r} has no value in row {row}, and the model takes none that are missing."
                return InvalidInput(problem, hint="Send a value.")
    return None


def unknown_category(message: str, columns: Mapping[str, Any]) -> InvalidInput:
    """The refusal of a value that an encoder has never seen, naming the column that holds it.

    Examples
    --------
    >>> print(unknown_category("Found unknown categories ['gold'] in column 0 during transform", {"plan": ["gold"]}))
    The column 'plan' has a category that the model does not know: 'gold'. Send one that it was trained on.
    """
    hint = "Send one that it was trained on."
    for name, values in columns.items():
        for value in values if isinstance(values, list) else []:
            if isinstance(value, str) and repr(value) in message:
                return InvalidInput(
                    f"The column {name!r} has a category that the model does not know: {value[:60]!r}.", hint=hint
                )
    refusal = missing_value(columns)
    return refusal or InvalidInput("The input has a category that the model does not know.", hint=hint)
