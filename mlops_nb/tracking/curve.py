"""A bounded memory of a metric's points, for the run card: every 2^k-th point, never more than 512."""

from __future__ import annotations

MOST = 512


class Curve:
    """Keeps last value, count and a thinned-out course of one metric.

    Examples
    --------
    >>> curve = Curve()
    >>> for i in range(10_000): curve.add(float(i), i)
    >>> curve.last, curve.count, len(curve.values) <= MOST
    (9999.0, 10000, True)
    """

    __slots__ = ("count", "last", "last_step", "steps", "stride", "values")

    def __init__(self) -> None:
        self.count = 0
        self.stride = 1
        self.last = 0.0
        self.last_step = -(1 << 63)
        self.values: list[float] = []
        self.steps: list[int] = []

    def add(self, value: float, step: int) -> None:
        """Add one point."""
        if step >= self.last_step:
            self.last, self.last_step = value, step
        if self.count % self.stride == 0:
            self.values.append(value)
            self.steps.append(step)
            if len(self.values) > MOST:
                self.stride *= 2
                del self.values[1::2], self.steps[1::2]
        self.count += 1
