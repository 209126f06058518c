"""How right the answers were, where the truth is known: joined by request and row, over windows of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mlops_nb.errors import require
from mlops_nb.models.scores import kind_of_task
from mlops_nb.monitoring.drift import Limits, more_than_chance

LEAST = 30
"""Fewer answers with a known truth say nothing."""

WORSE_BY = 0.02
"""A loss of accuracy (in points), or of mean error (as a share), that is let pass though it is real."""

CLASSES = 50


class Truths:
    """The truth of answers, by request and row, in 16 bytes and the value each.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        ``request_id``, ``truth``, and if there are any ``row`` and ``time``; the latest one of a row counts.
    """

    def __init__(self, tables: Iterable[Any]) -> None:
        import numpy

        keys, values, times = [], [], []
        for table in tables:
            if not {"request_id", "truth"} <= set(table.column_names):
                continue
            keys.append(row_keys(table))
            values.append(_plain_values(table["truth"].combine_chunks()))
            times.append(seconds_of(table))
        numbers = bool(values) and all(each.dtype.kind == "f" for each in values)
        joined = numpy.concatenate([v if numbers else _as_texts(v) for v in values]) if values else numpy.empty(0)
        key = numpy.concatenate(keys) if keys else numpy.empty(0, dtype=numpy.uint64)
        time = numpy.concatenate(times) if times else numpy.empty(0)
        order = numpy.lexsort((numpy.nan_to_num(time, nan=-1.0), key))
        key, joined = key[order], joined[order]
        last = numpy.ones(len(key), dtype=bool)
        last[:-1] = key[1:] != key[:-1]
        known = ~numpy.isnan(joined) if joined.dtype.kind == "f" else joined != numpy.array(None)
        keep = last & known
        self.keys, self.values = key[keep], joined[keep]

    def __len__(self) -> int:
        return len(self.keys)

    def join(self, table: Any) -> tuple[Any, Any]:
        """The rows of a table whose truth is known, and that truth."""
        import numpy

        if not len(self.keys):
            return numpy.empty(0, dtype=numpy.int64), self.values
        keys = row_keys(table)
        places = numpy.searchsorted(self.keys, keys).clip(0, len(self.keys) - 1)
        rows = numpy.flatnonzero(self.keys[places] == keys)
        return rows, self.values[places[rows]]


def row_keys(table: Any) -> Any:
    """A 64-bit key of each row's request and number; among a million, two are the same once in 30 million logs."""
    import numpy
    import pandas
    import pyarrow

    texts = table["request_id"].cast(pyarrow.large_string()).fill_null("").to_pandas()
    keys = pandas.util.hash_array(texts.to_numpy(dtype=object), categorize=False)
    rows = numpy.zeros(len(keys), dtype=numpy.uint64)
    if "row" in table.column_names:
        rows = table["row"].cast(pyarrow.int64()).fill_null(0).to_numpy().astype(numpy.uint64)
    return keys ^ (rows * numpy.uint64(0x9E3779B97F4A7C15))


def seconds_of(table: Any) -> Any:
    """The times of a table's rows in seconds since 1970; NaN where there is none."""
    import numpy
    import pyarrow

    if "time" not in table.column_names or not pyarrow.types.is_timestamp(table.schema.field("time").type):
        return numpy.full(len(table), numpy.nan)
    column = table["time"].cast(pyarrow.timestamp("us", tz="UTC")).cast(pyarrow.int64())
    return column.cast(pyarrow.float64(), safe=False).to_numpy() / 1e6


def _plain_values(values: Any) -> Any:
    """A column as floats where it can be, else as Python values in which None is missing."""
    import numpy
    import pyarrow

    form = values.type
    if pyarrow.types.is_boolean(form) or pyarrow.types.is_integer(form) or pyarrow.types.is_floating(form):
        return values.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numpy.array([None if value is None else str(value) for value in values.to_pylist()], dtype=object)


def _as_texts(values: Any) -> Any:
    """Values as text, numbers as the shortest one that means them, so that 1, 1.0 and "1" are the same class."""
    import numpy

    if values.dtype.kind != "f":
        return values
    return numpy.array([None if value != value else f"{value:g}" for value in values.tolist()], dtype=object)


class Scores:
    """Right and wrong over windows of time, filled batch by batch."""

    def __init__(self, kind: str, windows: int) -> None:
        import numpy

        self.kind = kind
        self.counts = numpy.zeros((windows, 5))  # rows, right | absolute error, squared error, truth, its square
        self.pairs: dict[tuple[str, str], int] = {}
        self.spread = 0.0

    def add(self, predictions: Any, truth: Any, windows: Any) -> None:
        """Take a batch into account.

        Parameters
        ----------
        predictions : pyarrow array
        truth : array, shape (n,)
            Floats or text.
        windows : array of int, shape (n,)
        """
        import numpy

        said = _plain_values(predictions)
        if self.kind == "classifier":
            texts = said.dtype.kind != "f" or truth.dtype.kind != "f"
            said, truth = (_as_texts(said), _as_texts(truth)) if texts else (said, truth)
            columns = [numpy.ones(len(truth)), (said == truth).astype(float)]
            self._pair(said, truth)
        else:
            if said.dtype.kind != "f" or truth.dtype.kind != "f":
                return
            error = said - truth
            good = numpy.isfinite(error)
            error, truth, windows = error[good], truth[good], windows[good]
            columns = [numpy.ones(len(error)), numpy.abs(error), error**2, truth, truth**2]
        for number, values in enumerate(columns):
            self.counts[:, number] += numpy.bincount(numpy.maximum(windows, 0), values, len(self.counts))

    def _pair(self, said: Any, truth: Any) -> None:
        import pandas

        found = pandas.Series(1, index=pandas.MultiIndex.from_arrays([truth, said])).groupby(level=[0, 1]).size()
        for (real, told), count in found.items():
            key = (str(real), str(told))
            if key in self.pairs or len(self.pairs) < CLASSES * CLASSES:
                self.pairs[key] = self.pairs.get(key, 0) + int(count)

    @property
    def rows(self) -> int:
        """Answers whose truth is known."""
        return int(self.counts[:, 0].sum())

    def metrics(self) -> dict[str, float]:
        """Over all windows, under scikit-learn's names, as evaluations have them."""
        return self._measure(self.counts.sum(axis=0)) | self._f1()

    def over_time(self) -> list[float | None]:
        """The first metric, a window at a time; None where there is too little."""
        name = "accuracy_score" if self.kind == "classifier" else "mean_absolute_error"
        return [self._measure(each).get(name) if each[0] >= LEAST else None for each in self.counts]

    def _measure(self, totals: Any) -> dict[str, float]:
        rows = float(totals[0])
        if not rows:
            return {}
        if self.kind == "classifier":
            return {"accuracy_score": float(totals[1] / rows)}
        found = {
            "mean_absolute_error": float(totals[1] / rows),
            "root_mean_squared_error": math.sqrt(totals[2] / rows),
        }
        about = float(totals[4] - totals[3] ** 2 / rows)
        return found | ({"r2_score": 1 - float(totals[2]) / about} if about > 0 else {})

    def _f1(self) -> dict[str, float]:
        """Macro F1, as of scikit-learn for more than two classes; of two, that of the last."""
        classes = sorted({name for pair in self.pairs for name in pair})
        if not 1 < len(classes) <= CLASSES:
            return {}
        found = []
        for each in classes:
            hit = self.pairs.get((each, each), 0)
            real = sum(count for (truth, _), count in self.pairs.items() if truth == each)
            told = sum(count for (_, said), count in self.pairs.items() if said == each)
            found.append(2 * hit / (real + told))
        return {"f1_score": found[-1] if len(classes) == 2 else sum(found) / len(found)}


def judge(scores: Scores | None, baseline: Mapping[str, float], limits: Limits, source: str = "") -> dict[str, Any]:
    """Whether the answers are as good as the evaluation of the version promised, as plain JSON.

    Parameters
    ----------
    scores : Scores or None
    baseline : mapping of str to float
        The metrics of an evaluation; without one, the first half of the time is what the second is compared with.
    limits : Limits
    source : str
        What the baseline is, in words.

    Examples
    --------
    >>> judge(None, {}, Limits())
    {}
    """
    if scores is None:
        return {}
    found: dict[str, Any] = {
        "kind": scores.kind, "rows": scores.rows, "metrics": scores.metrics(), "over_time": scores.over_time(),
        "baseline": {key: baseline[key] for key in scores.metrics() if key in baseline}, "baseline_source": source,
    }  # fmt: skip
    if scores.rows < LEAST:
        return found | {
            "verdict": "unknown", "why": f"the truth of {scores.rows} answers is known, and {LEAST} are needed to tell"
        }  # fmt: skip
    first = "accuracy_score" if scores.kind == "classifier" else "mean_absolute_error"
    if first in baseline:
        rows = float(baseline.get("example_count", 1000))
        return found | _against(scores, first, float(baseline[first]), rows, limits)
    return found | _halves(scores, limits)


def _against(scores: Scores, metric: str, promised: float, rows: float, limits: Limits) -> dict[str, Any]:
    value = scores.metrics()[metric]
    if scores.kind == "classifier":
        wrong, total = round((1 - value) * scores.rows), scores.rows
        p = more_than_chance(wrong, total, round((1 - promised) * rows), int(rows))
        worse, words = promised - value >= WORSE_BY, f"accuracy is {value:.1%} and was {promised:.1%}"
    else:
        p = _chance_of_error(scores.counts.sum(axis=0), promised)
        worse, words = value > promised * (1 + WORSE_BY), f"the mean error is {value:.4g} and was {promised:.4g}"
    words = words.replace("%", " %") + f" in the evaluation ({scores.rows:,} answers with known truth, p {p:.1g})"
    return {"verdict": "worse" if worse and p <= limits.alpha else "same", "why": words}


def _chance_of_error(totals: Any, promised: float) -> float:
    """Of a mean absolute error so large, if the promised one were true: by its standard error."""
    stats = require("scipy.stats", "monitor", purpose="judge the performance")
    rows, absolute, squared = float(totals[0]), float(totals[1]), float(totals[2])
    mean = absolute / rows
    error = math.sqrt(max(0.0, squared / rows - mean**2) / rows)
    return float(stats.norm.sf((mean - promised) / error)) if error else float(mean <= promised)


def _halves(scores: Scores, limits: Limits) -> dict[str, Any]:
    """The second half of the answers beside the first one."""
    import numpy

    done = numpy.cumsum(scores.counts[:, 0])
    cut = int(numpy.searchsorted(done, done[-1] / 2)) + 1
    early, late = scores.counts[:cut].sum(axis=0), scores.counts[cut:].sum(axis=0)
    hint = "evaluate the version on held-out data to have something to compare with"
    if early[0] < LEAST or late[0] < LEAST:
        return {"verdict": "unknown", "why": f"there is no evaluation of this version; {hint}"}
    if scores.kind == "classifier":
        before, now = early[1] / early[0], late[1] / late[0]
        p = more_than_chance(int(late[0] - late[1]), int(late[0]), int(early[0] - early[1]), int(early[0]))
        worse, words = before - now >= WORSE_BY, f"accuracy went from {before:.1%} to {now:.1%}".replace("%", " %")
    else:
        before, now = early[1] / early[0], late[1] / late[0]
        p = _chance_of_error(late, before)
        worse, words = now > before * (1 + WORSE_BY), f"the mean error went from {before:.4g} to {now:.4g}"
    return {"verdict": "worse" if worse and p <= limits.alpha else "same", "why": f"{words} over the time (p {p:.1g})"}


def kind_of(truths: Truths, predictions: Any) -> str:
    """``classifier`` or ``regressor``, by the truth and what was predicted."""
    import numpy

    said = _plain_values(predictions)
    if truths.values.dtype.kind != "f" or said.dtype.kind != "f":
        return "classifier"
    if not (numpy.isfinite(said).all() and (said == numpy.floor(said)).all()):
        return "regressor"
    return kind_of_task(truths.values)
