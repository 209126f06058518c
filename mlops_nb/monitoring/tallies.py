"""Counts over the bins of the training data, filled batch by batch: what is kept does not grow with the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mlops_nb.serving.tables import INPUT, OUTPUT

NEW_VALUES = 20
"""Unknown categories that are kept by name."""

CLASSES = 20
"""Different whole numbers up to which a profile has a bin for each."""

OTHER = "(other)"
NEW = "(new)"


@dataclass(slots=True)
class Faults:
    """What is wrong with values of a column, in rows."""

    rows: int = 0
    missing: int = 0
    infinite: int = 0
    wrong_type: int = 0
    below: int = 0
    above: int = 0
    new: int = 0
    new_values: dict[str, int] = field(default_factory=dict)


class Tally:
    """The counts of one column, over the bins of its profile and over time.

    Parameters
    ----------
    profile : mapping
        The column's entry in the profile of the reference (see `mlops_nb.capture.data.profiles`).
    windows : int
        Windows of time.
    classes : bool
        Whether a few whole numbers are taken for classes, which have no order: so it is with what a model says.

    Attributes
    ----------
    kind : str
        ``numeric``, ``datetime``, ``duration``, ``text`` (by length), ``categorical``, ``boolean`` or ``other``.
    reference : list of int
        The reference's counts; empty if it has none.
    edges : list of float
        Of the bins of what has an order.
    labels : list of str
        Of categories; the last two are the known but rare ones, and the unknown.
    faults : Faults
    """

    def __init__(self, profile: Mapping[str, Any], windows: int, *, classes: bool = False) -> None:
        import numpy

        self.profile = profile
        self.orderless = classes
        self.name = str(profile["name"])
        self.kind = str(profile.get("kind", "other"))
        self.faults = Faults()
        self.total = self.squares = 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.edges: list[float] = []
        self.labels: list[str] = []
        self.reference: list[int] = []
        self.spread = 0.0
        self._known: Any = None
        numbers = profile.get("length", {}) if self.kind == "text" else profile
        if self.kind in ("categorical", "boolean"):
            self._take_categories(profile)
        elif "histogram" in numbers:
            self.edges = list(map(float, numbers["histogram"]["edges"]))
            self.reference = list(map(int, numbers["histogram"]["counts"]))
            self.spread = float(numbers.get("std") or 0.0)
        self.bins = numpy.zeros((max(1, windows), max(1, len(self.reference))), dtype=numpy.int64)

    def _take_categories(self, profile: Mapping[str, Any]) -> None:
        top = profile.get("top") or []
        self.labels = [str(each["value"]) for each in top]
        self.reference = [int(each["count"]) for each in top] + [int(profile.get("other") or 0), 0]
        self._rare = [str(value) for value in profile.get("rare") or ()]
        self._open = bool(profile.get("other")) and not self._rare
        """Whether the reference had values whose names it did not keep: then none can be called new."""
        self.labels += [OTHER, NEW]

    @property
    def are_classes(self) -> bool:
        """Whether the bins are a few whole numbers that stand for classes."""
        few = self.orderless and 1 < len(self.edges) <= CLASSES + 1 and self.edges[0] == self.edges[1]
        return few and all(edge == int(edge) for edge in self.edges)

    @property
    def counts(self) -> Any:
        """The counts of all windows together."""
        return self.bins.sum(axis=0)

    @property
    def seen(self) -> int:
        """Values that fell into a bin."""
        return int(self.bins.sum())

    @property
    def mean(self) -> float | None:
        """Of the finite numbers seen."""
        return self.total / self.seen if self.seen and self.edges else None

    def add(self, values: Any, windows: Any) -> None:
        """Count a batch.

        Parameters
        ----------
        values : pyarrow array
            Of the column.
        windows : array of int, shape (n,)
            The window of time of each row; rows of no window (-1) count in the first one.
        """
        self.faults.rows += len(values)
        self.faults.missing += values.null_count
        if self.kind in ("categorical", "boolean"):
            self._add_categories(values, windows)
        elif self.edges or self.kind in ("numeric", "datetime", "duration", "text"):
            self._add_numbers(values, windows)

    def _add_numbers(self, values: Any, windows: Any) -> None:
        import numpy

        numbers = _lengths(values) if self.kind == "text" else _numbers(values, self.kind)
        absent = numpy.isnan(numbers)
        wrong = int(absent.sum()) - values.null_count
        nan = _nan_count(values)
        self.faults.missing += nan
        self.faults.wrong_type += max(0, wrong - nan)
        finite = numpy.isfinite(numbers)
        self.faults.infinite += int((~finite & ~absent).sum())
        kept = numbers if finite.all() else numbers[finite]
        where = windows if finite.all() else windows[finite]
        if not len(kept):
            return
        self.low, self.high = min(self.low, float(kept.min())), max(self.high, float(kept.max()))
        self.total += float(kept.sum())
        if not self.edges:
            return
        self.faults.below += int((kept < self.edges[0]).sum())
        self.faults.above += int((kept > self.edges[-1]).sum())
        self._count(numpy.searchsorted(self.edges[1:-1], kept, side="left"), where)

    def _add_categories(self, values: Any, windows: Any) -> None:
        import numpy
        import pyarrow
        import pyarrow.compute as compute

        words = compute.utf8_slice_codeunits(_words(values), 0, 100)
        if self._known is None:
            self._known = pyarrow.array(self.labels[:-2], pyarrow.large_string())
            self._rare_known = pyarrow.array(self._rare, pyarrow.large_string())
        places = compute.index_in(words, self._known)
        absent = words.is_null().to_numpy(zero_copy_only=False)
        found = places.fill_null(-1).to_numpy(zero_copy_only=False).astype(numpy.int64)
        unknown = (found < 0) & ~absent
        if unknown.any():
            others = words.filter(pyarrow.array(unknown))
            rare = numpy.ones(len(others), dtype=bool) if self._open else (
                compute.is_in(others, self._rare_known).to_numpy(zero_copy_only=False)
            )  # fmt: skip
            found[unknown] = numpy.where(rare, len(self.labels) - 2, len(self.labels) - 1)
            self.faults.new += int((~rare).sum())
            self._name_new(others.filter(pyarrow.array(~rare)))
        self._count(found[~absent], windows[~absent])

    def _name_new(self, others: Any) -> None:
        import pyarrow.compute as compute

        for entry in compute.value_counts(others).to_pylist()[: NEW_VALUES * 50]:
            name = str(entry["values"])[:100]
            if name in self.faults.new_values or len(self.faults.new_values) < NEW_VALUES:
                self.faults.new_values[name] = self.faults.new_values.get(name, 0) + int(entry["counts"])

    def _count(self, places: Any, windows: Any) -> None:
        import numpy

        width = self.bins.shape[1]
        flat = numpy.maximum(windows, 0) * width + places
        self.bins += numpy.bincount(flat, minlength=self.bins.size).reshape(self.bins.shape)


def tallies_of(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], *, windows: int = 1, ignore: Sequence[str] = ()
) -> dict[str, Tally]:
    """An empty tally for each column of a reference, by the column's name in the request log.

    Examples
    --------
    >>> list(tallies_of({"age": {"name": "age", "kind": "text"}}, {}))
    ['input.age']
    """
    return {
        f"{prefix}{name}": Tally(entry, windows, classes=prefix == OUTPUT)
        for prefix, entries in ((INPUT, inputs), (OUTPUT, outputs))
        for name, entry in entries.items()
        if name not in ignore
    }


def stack_tallies(parts: Sequence[Tally | None]) -> Tally:
    """One tally out of several of the same column, each of which becomes a window of it; None is an empty one.

    Examples
    --------
    >>> import numpy, pyarrow
    >>> profile = {"name": "a", "kind": "numeric", "histogram": {"edges": [0, 1, 2], "counts": [5, 5]}}
    >>> one = Tally(profile, 1)
    >>> one.add(pyarrow.array([0.5, 1.5, 1.5]), numpy.zeros(3, dtype=int))
    >>> stack_tallies([None, one, one]).bins.tolist()
    [[0, 0], [1, 2], [1, 2]]
    """
    first = next(part for part in parts if part is not None)
    made = Tally(first.profile, len(parts), classes=first.orderless)
    for number, part in enumerate(parts):
        if part is None:
            continue
        made.bins[number] = part.counts
        made.total += part.total
        made.low, made.high = min(made.low, part.low), max(made.high, part.high)
        for name in _COUNTED:
            setattr(made.faults, name, getattr(made.faults, name) + getattr(part.faults, name))
        for value, count in part.faults.new_values.items():
            made.faults.new_values[value] = made.faults.new_values.get(value, 0) + count
    return made


_COUNTED = tuple(each.name for each in fields(Faults) if each.name != "new_values")


def _nan_count(values: Any) -> int:
    """Values that are there and no number: pandas' way of writing what is missing."""
    import pyarrow
    import pyarrow.compute as compute

    if not pyarrow.types.is_floating(values.type):
        return 0
    return int(compute.sum(compute.is_nan(values)).as_py() or 0)


def _numbers(values: Any, kind: str) -> Any:
    """Any column as float64, in which NaN stands for what is missing or no number; times in seconds since 1970."""
    import numpy
    import pyarrow
    import pyarrow.compute as compute

    types, form = pyarrow.types, values.type
    if types.is_dictionary(form):
        values, form = values.cast(form.value_type), form.value_type
    if types.is_timestamp(form) or types.is_date(form):
        array = values.cast(pyarrow.timestamp("us")).to_numpy(zero_copy_only=False)
        return numpy.where(numpy.isnat(array), numpy.nan, array.astype("int64") / 1e6)
    if types.is_duration(form):
        array = values.cast(pyarrow.duration("us")).to_numpy(zero_copy_only=False)
        return numpy.where(numpy.isnat(array), numpy.nan, array.astype("int64") / 1e6)
    if types.is_boolean(form):
        values = values.cast(pyarrow.uint8())
    elif types.is_null(form):
        return numpy.full(len(values), numpy.nan)
    elif types.is_string(form) or types.is_large_string(form):
        return _read_texts(values, kind)
    elif not (types.is_integer(form) or types.is_floating(form) or types.is_decimal(form)):
        return numpy.full(len(values), numpy.nan)
    return compute.cast(values, pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)


def _read_texts(values: Any, kind: str) -> Any:
    import numpy
    import pandas

    texts = values.to_pandas()
    if kind == "datetime":
        times = pandas.to_datetime(texts, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
        array = times.to_numpy(dtype="datetime64[us]")
        return numpy.where(numpy.isnat(array), numpy.nan, array.astype("int64") / 1e6)
    return pandas.to_numeric(texts, errors="coerce").to_numpy(dtype=float)


def _lengths(values: Any) -> Any:
    import pyarrow
    import pyarrow.compute as compute

    lengths = compute.utf8_length(_words(values))
    return lengths.cast(pyarrow.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)


def _words(values: Any) -> Any:
    """Any column as text, each value as a profile writes it."""
    import pyarrow
    import pyarrow.compute as compute

    types, form = pyarrow.types, values.type
    if types.is_dictionary(form):
        values, form = values.cast(form.value_type), form.value_type
    if types.is_boolean(form):
        texts = compute.if_else(values, "True", "False").cast(pyarrow.large_string())
    elif types.is_floating(form) or types.is_nested(form) or types.is_binary(form) or types.is_large_binary(form):
        plain = [None if value is None or value != value else str(value) for value in values.to_pylist()]
        texts = pyarrow.array(plain, pyarrow.large_string())
    else:
        texts = values.cast(pyarrow.large_string())
    return texts
