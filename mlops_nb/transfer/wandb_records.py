"""What W&B's records say of a run: history, summary, config, tags, output, exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mlops_nb.entities import LogLine, Status
from mlops_nb.transfer.plain_runs import Found, milliseconds, sorted_points

QUIET_SECONDS = 600
"""W&B writes measurements of the machine every few seconds: a file this old without an end has died."""

DEEPEST = 100
"""Most levels of a nested value."""

INTERRUPTED = 255
"""The exit code that W&B gives to what was stopped by hand."""

BOOKKEEPING = ("header", "footer", "final", "telemetry", "request", "control", "files", "metric", "preempting", "")
"""Records that say nothing of the run itself; files are copied by themselves, and `metric` says what to draw."""


class Records:
    """Puts records where they belong.

    Parameters
    ----------
    found : Found
        To be filled in.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._config: dict[str, Any] = {}
        self._summary: dict[tuple[str, ...], Any] = {}
        self._others: dict[str, int] = {}
        self._measured = 0
        self._last_step = 0
        self._over = False

    def begin(self) -> None:
        """Another file of the run begins: its end is the one that counts."""
        self._over = False

    def take(self, record: Any) -> None:
        """Take in a record."""
        kind = record.WhichOneof("record_type") or ""
        take = getattr(self, f"_take_{kind}", None)
        if take is not None:
            take(getattr(record, kind))
        elif kind not in BOOKKEEPING:
            self._lose(f"Records of the kind {kind}")

    def _take_run(self, run: Any) -> None:
        found = self._found
        found.name = run.display_name or found.name
        self._seen(_time_of(run.start_time))
        self._take_config(run.config)
        for tag in run.tags:
            if tag.startswith(("mlflow.", "mlops_nb.")):
                self._lose(f"Tags called {tag[:60]!a}, a name that is taken here")
            else:
                found.tag(tag, "true")
        for key, value in (
            ("mlflow.note.content", run.notes), ("wandb.group", run.run_group), ("wandb.job_type", run.job_type),
            ("wandb.sweep", run.sweep_id), ("wandb.run_id", run.run_id), ("wandb.entity", run.entity),
            ("wandb.host", run.host), ("mlflow.source.git.commit", run.git.commit),
        ):  # fmt: skip
            found.tag(key, value)

    def _take_environment(self, said: Any) -> None:
        found = self._found
        found.user = said.username or found.user
        found.tag("wandb.program", said.code_path or said.program)
        found.tag("wandb.python", said.python)
        found.tag("mlflow.source.git.commit", said.git.commit)

    def _take_config(self, config: Any) -> None:
        for item in config.update:
            path, value = _path(item), self._value(item.value_json)
            place = self._config
            for part in path[:-1]:
                inner = place.get(part)
                if not isinstance(inner, dict):
                    inner = place[part] = {}
                place = inner
            place[path[-1]] = value
        for item in config.remove:
            self._config.pop(_path(item)[0], None)

    def _take_summary(self, summary: Any) -> None:
        for item in summary.update:
            self._summary[_path(item)] = self._value(item.value_json)
        for item in summary.remove:
            self._summary.pop(_path(item), None)

    def _take_history(self, history: Any) -> None:
        row = {_path(item): self._value(item.value_json) for item in history.item}
        at = milliseconds(_number(row.get(("_timestamp",))) or 0.0)
        step = history.step.num
        self._seen(at)
        self._last_step = max(self._last_step, step)
        media = _media(row)
        for path, value in row.items():
            if path[0].startswith("_") or path[0] in media:
                continue
            for key, leaf in _leaves(".".join(path), value):
                number = _number(leaf)
                if number is None:
                    self._lose(f"Values of {key[:60]!a} that are no numbers")
                else:
                    self._found.point(key, at, step, number)
        for name, what in media.items():
            self._lose(f"Values of {name[:60]!a}, of the type {what[:40]}")

    def _take_stats(self, stats: Any) -> None:
        at = _time_of(stats.timestamp)
        self._seen(at)
        for item in stats.item:
            if (number := _number(self._value(item.value_json))) is not None:
                self._found.point(f"system/{item.key}", at, self._measured, number)
        self._measured += 1

    def _take_output(self, output: Any) -> None:
        self._take_output_raw(output)

    def _take_output_raw(self, output: Any) -> None:
        stream = "stderr" if output.output_type == 0 else "stdout"
        lines, text = self._found.batch.logs, output.line.replace("\0", "")
        if lines and lines[-1].stream == stream and not lines[-1].text.endswith("\n"):
            lines[-1] = LogLine(lines[-1].timestamp, stream, lines[-1].text + text)
        elif text:
            lines.append(LogLine(_time_of(output.timestamp), stream, text))

    def _take_artifact(self, artifact: Any) -> None:
        if artifact.type != "run_table":  # the table itself is in the media folder
            self._found.stay("artifacts", f"The artifact {artifact.name[:80]!a} ({artifact.type[:40]})")

    def _take_exit(self, said: Any) -> None:
        found = self._found
        self._over = True
        stopped = Status.KILLED if said.exit_code == INTERRUPTED else Status.FAILED
        found.status = stopped if said.exit_code else Status.FINISHED
        self._seen(found.start_time + said.runtime * 1000)

    def finish(self, quiet: float) -> None:
        """After the last record; `quiet` tells for how many seconds nothing was written."""
        found = self._found
        if not self._over:
            found.status = Status.RUNNING if quiet < QUIET_SECONDS else Status.FAILED
        self._config.pop("_wandb", None)
        for key, value in self._config.items():
            found.param(key, value)
        self._keep_summary()
        found.batch.metrics = {key: sorted_points(points) for key, points in found.batch.metrics.items()}
        for what, count in self._others.items():
            found.stay("values and records", f"{what} ({count:,})")

    def _keep_summary(self) -> None:
        """What the summary says beyond the last values of the history."""
        found = self._found
        media = _media(self._summary)
        for path, value in self._summary.items():
            if path[0].startswith("_") or path[0] in media:
                continue
            for key, leaf in _leaves(".".join(path), value):
                number, points = _number(leaf), found.batch.metrics.get(key)
                if number is not None and points is None:
                    found.point(key, found.end_time, self._last_step, number)
                elif points is None or number is None or repr(points.values[-1]) != repr(number):
                    found.tag(f"summary.{key}", leaf if isinstance(leaf, str) else json.dumps(leaf))

    def _seen(self, at: int) -> None:
        if at > 0:
            found = self._found
            found.start_time = min(found.start_time or at, at)
            found.end_time = max(found.end_time, at)

    def _lose(self, what: str) -> None:
        self._others[what] = self._others.get(what, 0) + 1

    def _value(self, text: str) -> Any:
        try:
            if _depth(text) <= DEEPEST:
                return json.loads(text)
        except ValueError:
            pass
        self._lose("Values that are no JSON, or nested too deeply")
        return None


def _depth(text: str) -> int:
    """How many brackets are open at most; those in strings count as well."""
    if text.count("{") + text.count("[") <= DEEPEST:
        return 0
    depth = most = 0
    for character in text:
        depth += (character in "{[") - (character in "}]")
        most = max(most, depth)
    return most


def _path(item: Any) -> tuple[str, ...]:
    return tuple(item.nested_key) or (item.key,)


def _time_of(stamp: Any) -> int:
    return milliseconds(stamp.seconds + stamp.nanos / 1e9)


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _media(row: dict[tuple[str, ...], Any]) -> dict[str, str]:
    """Which top keys of a row are pictures, tables and the like, and of which type."""
    found = {path[0]: str(value) for path, value in row.items() if len(path) > 1 and path[-1] == "_type"}
    for path, value in row.items():
        if isinstance(value, dict) and "_type" in value:
            found[path[0]] = str(value["_type"])
    return found


def _leaves(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    """The values below a key, by their paths joined with dots, as W&B shows them."""
    if not isinstance(value, dict):
        return [(key, value)]
    return [leaf for name, inner in value.items() for leaf in _leaves(f"{key}.{name}", inner)]
