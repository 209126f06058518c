"""Latency and errors of a service, over windows of time, in constant memory."""

from __future__ import annotations

from typing import Any

_DECADES, _PER_DECADE = 8, 40
_LEAST = 1e-3
"""Milliseconds of the first bin; each bin is 6 % wider than the one before."""


class ServiceTally:
    """Requests, errors and latencies by window.

    Examples
    --------
    >>> import numpy
    >>> tally = ServiceTally(1)
    >>> tally.add(numpy.array([1.0, 2.0, 400.0]), numpy.array([200, 200, 500]), numpy.zeros(3, dtype=int))
    >>> found = tally.to_json()
    >>> found["requests"], found["errors"], round(found["latency_ms"]["p50"])
    (3, 1, 2)
    """

    def __init__(self, windows: int) -> None:
        import numpy

        self.requests = numpy.zeros(windows, dtype=numpy.int64)
        self.refused = numpy.zeros(windows, dtype=numpy.int64)
        self.failed = numpy.zeros(windows, dtype=numpy.int64)
        self.latency = numpy.zeros((windows, _DECADES * _PER_DECADE), dtype=numpy.int64)

    def add(self, latency: Any, status: Any, windows: Any) -> None:
        """Take requests in: latency in ms (NaN if not known), HTTP status, window (-1 counts in the first)."""
        import numpy

        count, where = len(self.requests), numpy.maximum(windows, 0)
        self.requests += numpy.bincount(where, minlength=count)
        self.refused += numpy.bincount(where[(status >= 400) & (status < 500)], minlength=count)
        self.failed += numpy.bincount(where[status >= 500], minlength=count)
        good = numpy.isfinite(latency) & (latency >= 0)  # a clock that was set back gives less than nothing
        width = self.latency.shape[1]
        place = numpy.log10(numpy.maximum(latency[good], _LEAST) / _LEAST) * _PER_DECADE
        flat = where[good] * width + place.astype(numpy.int64).clip(0, width - 1)
        self.latency += numpy.bincount(flat, minlength=self.latency.size).reshape(self.latency.shape)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: totals, and by window."""
        requests, errors = int(self.requests.sum()), int(self.failed.sum() + self.refused.sum())
        share = [
            None if not all_ else float(bad / all_)
            for all_, bad in zip(self.requests, self.failed + self.refused, strict=True)
        ]
        return {
            "requests": requests,
            "errors": errors,
            "failed": int(self.failed.sum()),
            "refused": int(self.refused.sum()),
            "latency_ms": {name: _quantile(self.latency.sum(axis=0), at) for name, at in _QUANTILES},
            "over_time": {
                "requests": [int(each) for each in self.requests],
                "errors": share,
                **{name: [_quantile(each, at) for each in self.latency] for name, at in _QUANTILES},
            },
        }


_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def _quantile(counts: Any, at: float) -> float | None:
    import numpy

    total = int(counts.sum())
    if not total:
        return None
    place = int(numpy.searchsorted(numpy.cumsum(counts), at * total))
    return float(_LEAST * 10 ** ((place + 0.5) / _PER_DECADE))
