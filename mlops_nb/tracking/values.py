"""From what a user hands over to what a journal takes: numbers, steps, params; refusals in one sentence."""

from __future__ import annotations

import operator
from array import array
from typing import Any

from mlops_nb.capture.params import param_value
from mlops_nb.capture.scalars import number
from mlops_nb.capture.secrets import is_secret_name, redact
from mlops_nb.entities import ParamValue, Points, check_name, now_ms
from mlops_nb.errors import InvalidInput

_INT64 = 1 << 63
REDACTED = "[redacted]"


def as_metric(key: str, value: Any) -> float:
    """A metric's value as a float: numbers, NumPy and torch scalars, Decimal, Fraction, bool.

    Examples
    --------
    >>> as_metric("acc", 1)
    1.0
    """
    check_name("metric", key)
    if isinstance(value, (bool, int)):
        try:
            return float(value)
        except OverflowError:
            raise InvalidInput(f"The metric {key!r} is an int beyond the range of a float.") from None
    result = number(value)
    if result is None and getattr(value, "size", None) == 1 and hasattr(value, "item"):
        result = number(value.item())  # an array of one number, as losses often are
    if result is None:
        try:
            if isinstance(value, str):
                raise TypeError
            result = float(value)
        except (TypeError, ValueError):
            raise InvalidInput(
                f"The metric {key!r} must be a number, not {type(value).__name__}.",
                hint="Use log_param or set_tag for text.",
            ) from None
    return result


def as_step(key: str, step: Any, what: str = "step") -> int:
    """A step, or what else stands beside a point, as an int in 64 bits; whole floats count.

    Examples
    --------
    >>> as_step("loss", 3.0)
    3
    """
    try:
        value = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError:
        raise InvalidInput(f"The {what} of the metric {key!r} must be a whole number, not {step!r:.40}.") from None
    if not -_INT64 <= value < _INT64:
        raise InvalidInput(f"The {what} of the metric {key!r} does not fit into 64 bits.")
    return value


def as_points(key: str, value: Any, step: Any, timestamp: Any) -> Points:
    """A number, or a one-dimensional array or list of numbers, as columns.

    Parameters
    ----------
    key : str
        The metric's name, for messages.
    value : number or sequence of numbers, shape (n,)
    step : int or sequence of int, shape (n,), optional
        By default 0 for a number, and 0, 1, 2 ... for a sequence.
    timestamp : int or sequence of int, shape (n,), optional
        Milliseconds since the epoch; now by default.

    Returns
    -------
    Points

    Examples
    --------
    >>> list(as_points("loss", [0.5, 0.25], None, None).steps)
    [0, 1]
    """
    if not _is_sequence(value):
        value = [as_metric(key, value)]
        step = [0 if step is None else as_step(key, step)]
    check_name("metric", key)
    values = _column("d", key, value, as_metric)
    count = len(values)
    if step is None:
        steps = array("q", range(count))
    elif _is_sequence(step):
        steps = _column("q", key, step, as_step)
    else:
        first = as_step(key, step)
        steps = array("q", [first]) * count
    at = now_ms() if timestamp is None else timestamp
    times = _column("q", key, at, as_step) if _is_sequence(at) else array("q", [as_step(key, at)]) * count
    if not len(values) == len(steps) == len(times):
        raise InvalidInput(
            f"The metric {key!r} has {len(values)} values, {len(steps)} steps and {len(times)} timestamps.",
            hint="Give as many of each.",
        )
    return Points(values, steps, times)


def as_param(key: str, value: Any) -> ParamValue:
    """A param's value as it is kept: typed plain data, with secrets taken out.

    Examples
    --------
    >>> as_param("api_key", "s3cr3t-value-1234")
    '[redacted]'
    """
    check_name("param", key)
    plain = param_value(value)
    if isinstance(plain, str):
        if is_secret_name(key):
            return REDACTED
        return redact(plain)[0]
    return plain


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, array, range)) or getattr(value, "ndim", 0) == 1


def _column(code: str, key: str, values: Any, convert: Any) -> array[Any]:
    """Fast for arrays and plain lists, with a sentence for the first element that does not fit."""
    if hasattr(values, "dtype") and hasattr(values, "astype"):
        kind = values.dtype.kind
        if kind in ("iuf" if code == "d" else "iu"):
            column: array[Any] = array(code)
            column.frombytes(values.astype("f8" if code == "d" else "i8").tobytes())
            return column
    elif hasattr(values, "tolist") and not isinstance(values, array):
        values = values.tolist()
    try:
        if not any(isinstance(value, str) for value in values):
            return array(code, values)
    except (TypeError, OverflowError, ValueError):
        pass  # find out below which one it is
    return array(code, [convert(key, value) for value in values])
