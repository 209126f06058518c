"""Plain numbers and texts out of any object, without running a line of the user's code.

Types are told by their module and name, read through `type`'s own descriptors, so that no metaclass, property
or ``__class__`` of the user is asked, and no library is imported to look at its objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

_MODULE = type.__dict__["__module__"].__get__
_QUALNAME = type.__dict__["__qualname__"].__get__

_NUMPY_INTS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc uintc longlong ulonglong"
_NUMPY_FLOATS = "float16 float32 float64 longdouble float96 float128"

ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT", "__slots__": ()})()
"""What a look gives that found nothing plain (None is a value)."""


def type_path(obj: object) -> str:
    """The dotted name of an object's type.

    Parameters
    ----------
    obj : object
        Anything.

    Returns
    -------
    str
        ``module.qualified_name``; empty if the type has been tampered with.

    Examples
    --------
    >>> import decimal
    >>> type_path(decimal.Decimal("1")), type_path(1)
    ('decimal.Decimal', 'builtins.int')
    """
    return class_path(type(obj))


def class_path(cls: type) -> str:
    """The dotted name of a class, read past its metaclass.

    Parameters
    ----------
    cls : type
        Any class.

    Returns
    -------
    str
        ``module.qualified_name``; empty if the class has been tampered with.

    Examples
    --------
    >>> class_path(dict)
    'builtins.dict'
    """
    try:
        module, name = _MODULE(cls), _QUALNAME(cls)
    except (AttributeError, TypeError):
        return ""
    return f"{module}.{name}" if type(module) is str and type(name) is str else ""


def plain_scalar(obj: object) -> Any:
    """An object as None, bool, int, float or str, if it is a scalar.

    NumPy scalars become Python's; paths and dates become text; an exact number that a float cannot hold
    (`Decimal`, `Fraction`) becomes its text.

    Parameters
    ----------
    obj : object
        Anything.

    Returns
    -------
    None, bool, int, float, str or ABSENT
        `ABSENT` for everything that is not a scalar.

    Examples
    --------
    >>> plain_scalar(0.5), plain_scalar([1])
    (0.5, ABSENT)
    """
    kind = type(obj)
    if kind is str or kind is float or kind is int or kind is bool or obj is None:
        return obj
    convert = _SCALARS.get(type_path(obj))
    if convert is None:
        return ABSENT
    try:
        return convert(obj)
    except Exception:  # a library's own conversion failed: then there is no plain value
        return ABSENT


def number(obj: object) -> float | None:
    """An object as a float, if it is a real number and fits.

    bool and complex numbers are none; neither are integers and decimals beyond a float's range, since they would turn
    into infinities. NumPy scalars, 0-d arrays and 0-d tensors count.

    Parameters
    ----------
    obj : object
        Anything.

    Returns
    -------
    float or None
        NaN and infinities as they are.

    Examples
    --------
    >>> number(3), number(True), number("3"), number(10**400)
    (3.0, None, None, None)
    """
    kind = type(obj)
    if kind is float:
        return obj  # type: ignore[return-value]  # the exact type was just tested
    if kind is bool or kind is str or obj is None:
        return None
    convert = _NUMBERS.get(type_path(obj))
    if convert is None:
        return None
    try:
        return convert(obj)
    except Exception:  # too large, or a tensor on a device that is gone: no number to keep
        return None


def _finite(obj: Any) -> float | None:
    """An exact number as a float, or None where only infinity would be left of a finite one."""
    value = float(obj)
    return None if math.isinf(value) and (not hasattr(obj, "is_infinite") or not obj.is_infinite()) else value


def _float_or_text(obj: Any) -> float | str:
    value = float(obj)
    return value if value == obj or value != value else str(obj)


def _time_text(obj: Any) -> str:
    """ISO 8601; a time zone of the user's own making is not asked for its offset."""
    zone = type_path(obj.tzinfo).split(".")[0]
    return str((obj if zone in ("builtins", "datetime", "zoneinfo") else obj.replace(tzinfo=None)).isoformat())


def _zero_d(obj: Any) -> float | None:
    """The number in a 0-d array or tensor; None for other shapes, bool and complex ones."""
    if len(obj.shape) != 0:
        return None
    value = obj.item()
    return float(value) if type(value) is int or type(value) is float else None


def _zero_d_numpy(obj: Any) -> float | None:
    return float(obj) if obj.ndim == 0 and obj.dtype.kind in "iuf" else None


def _zero_d_eager(obj: Any) -> float | None:
    """The number in a 0-d array whose only way out is NumPy (TensorFlow's eager tensors)."""
    return _zero_d_numpy(obj.numpy()) if len(obj.shape) == 0 else None


_SCALARS: dict[str, Callable[[Any], Any]] = {
    **{f"numpy.{name}": int for name in _NUMPY_INTS.split()},
    **{f"numpy.{name}": float for name in _NUMPY_FLOATS.split()},
    "numpy.bool": bool,
    "numpy.bool_": bool,
    "numpy.str_": str.__str__,
    "numpy.datetime64": str,
    "numpy.timedelta64": str,
    "decimal.Decimal": _float_or_text,
    "fractions.Fraction": _float_or_text,
    "pathlib.PosixPath": str,
    "pathlib.WindowsPath": str,
    "pathlib.PurePosixPath": str,
    "pathlib.PureWindowsPath": str,
    "pathlib._local.PosixPath": str,
    "pathlib._local.WindowsPath": str,
    "datetime.date": str,
    "datetime.datetime": _time_text,
    "datetime.time": str,
    **dict.fromkeys(("pandas.Timestamp", "pandas._libs.tslibs.timestamps.Timestamp"), _time_text),
    **dict.fromkeys(("pandas.Timedelta", "pandas._libs.tslibs.timedeltas.Timedelta"), str),
    "datetime.timedelta": str,
    "uuid.UUID": str,
}

_NUMBERS: dict[str, Callable[[Any], float | None]] = {
    "builtins.int": float,
    **{f"numpy.{name}": float for name in _NUMPY_INTS.split()},
    **{f"numpy.{name}": float for name in _NUMPY_FLOATS.split()},
    "numpy.ndarray": _zero_d_numpy,
    "decimal.Decimal": _finite,
    "fractions.Fraction": float,
    "torch.Tensor": _zero_d,
    "torch.nn.parameter.Parameter": _zero_d,
    "jaxlib._jax.ArrayImpl": _zero_d,
    "jaxlib.xla_extension.ArrayImpl": _zero_d,
    "cupy.ndarray": _zero_d,
    "tensorflow.python.framework.ops.EagerTensor": _zero_d_eager,
}
