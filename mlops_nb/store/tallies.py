"""Groups of many runs, remembered run by run: what was written since is all that is read to tell them again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    Numbers = np.ndarray[Any, Any]

MOST = 4
"""How many questions are remembered; one of 100,000 runs with two metrics takes 5 MB."""

Row = Sequence[Any]
"""A run: its number, the group's key, status, start, and last values of metrics."""


class Tally:
    """The runs of a question, as columns.

    Parameters
    ----------
    metrics : sequence of str
        Whose values follow in each row.

    Examples
    --------
    >>> tally = Tally(["loss"])
    >>> tally.put([(1, "a", "FINISHED", 5, 0.5), (2, "a", "FAILED", 6, None), (3, "b", "FINISHED", 7, 1.0)])
    >>> tally.drop([3])
    >>> tally.put([(3, "b", "FINISHED", 7, 2.0)])
    >>> [(each["key"], each["count"], each["metrics"]["loss"]["mean"]) for each in tally.groups(10)]
    [('b', 1, 2.0), ('a', 2, 0.5)]
    """

    def __init__(self, metrics: Sequence[str]) -> None:
        import numpy as np

        self.metrics = list(metrics)
        self.change, self.runs, self.highest = -1, 0, 0
        self._keys: dict[Any, int] = {}
        self._statuses: dict[str, int] = {}
        self._ints: Numbers = np.empty((4, 0), dtype="i8")  # numbers, keys, statuses, starts
        self._values: Numbers = np.empty((len(self.metrics), 0))

    def __len__(self) -> int:
        return int(self._ints.shape[1])

    def clear(self) -> None:
        """Take all runs out."""
        Tally.__init__(self, self.metrics)

    def put(self, rows: Sequence[Row]) -> None:
        """Add runs that are not there."""
        import numpy as np

        if not rows:
            return
        numbers, keys, statuses, starts, *values = zip(*rows, strict=True)
        coded = [[codes.setdefault(each, len(codes)) for each in column]
                 for codes, column in ((self._keys, keys), (self._statuses, statuses))]  # fmt: skip
        self._ints = np.concatenate([self._ints, np.array([numbers, *coded, starts], dtype="i8")], axis=1)
        if values:
            self._values = np.concatenate([self._values, np.array(values, dtype="f8")], axis=1)  # None is NaN

    def drop(self, numbers: Collection[int]) -> None:
        """Take runs out, those that are there."""
        import numpy as np

        kept = ~np.isin(self._ints[0], np.array(list(numbers), dtype="i8"))
        if not kept.all():
            self._ints, self._values = self._ints[:, kept], self._values[:, kept]

    def groups(self, limit: int) -> list[dict[str, Any]]:
        """The newest groups; `newest_run` is a number."""
        import numpy as np

        if not len(self):
            return []
        order = np.argsort(self._ints[1], kind="stable")
        numbers, codes, statuses, starts = self._ints[:, order]
        begins = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
        sizes = np.diff(np.concatenate([begins, [len(codes)]]))
        kinds, names, keys = len(self._statuses), list(self._statuses), list(self._keys)
        counted = np.bincount(codes * kinds + statuses, minlength=len(keys) * kinds).reshape(len(keys), kinds)
        newest, oldest = np.maximum.reduceat(starts, begins), np.minimum.reduceat(starts, begins)
        highest = np.maximum.reduceat(numbers, begins)
        figures = [_figures(column[order], begins, sizes) for column in self._values]
        found = []
        for place, code in enumerate(codes[begins]):
            told = {name: each[place] for name, each in zip(self.metrics, figures, strict=True)}
            found.append({
                "key": keys[code], "count": int(sizes[place]), "newest": int(newest[place]),
                "oldest": int(oldest[place]), "newest_run": int(highest[place]),
                "statuses": {name: int(count) for name, count in zip(names, counted[code], strict=True) if count},
                "metrics": {name: each for name, each in told.items() if each is not None},
            })  # fmt: skip
        return sorted(found, key=lambda each: (-each["newest"], str(each["key"])))[:limit]


def _figures(values: Numbers, begins: Numbers, sizes: Numbers) -> list[dict[str, Any] | None]:
    """Of each group the figures of its finite values, None where it has none."""
    import numpy as np

    finite = np.isfinite(values)
    counts = np.add.reduceat(finite.astype("i8"), begins)
    with np.errstate(all="ignore"):
        means = np.add.reduceat(np.where(finite, values, 0.0), begins) / counts
        apart = np.where(finite, values - np.repeat(means, sizes), 0.0)
        spreads = np.sqrt(np.add.reduceat(apart * apart, begins) / (counts - 1))
    least = np.minimum.reduceat(np.where(finite, values, np.inf), begins)
    most = np.maximum.reduceat(np.where(finite, values, -np.inf), begins)
    return [
        {
            "count": int(count), "mean": float(mean), "std": float(spread) if count > 1 and isfinite(spread) else None,
            "min": float(low), "max": float(high),
        } if count else None
        for count, mean, spread, low, high in zip(counts, means, spreads, least, most, strict=True)
    ]  # fmt: skip


class Tallies:
    """The last questions; one is answered at a time.

    Examples
    --------
    >>> tallies = Tallies()
    >>> with tallies.hold("by notebook", lambda: Tally([])) as tally:
    ...     tally.put([(1, "a", "FINISHED", 5)])
    >>> with tallies.hold("by notebook", lambda: Tally([])) as tally:
    ...     len(tally)
    1
    """

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, Tally] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, question: Hashable, begin: Callable[[], Tally]) -> Iterator[Tally]:
        """The tally of a question; a failure while it is held forgets it, since it may be half done."""
        with self._lock:
            tally = self._held.pop(question, None) or begin()
            yield tally
            self._held[question] = tally
            if len(self._held) > MOST:
                self._held.popitem(last=False)
