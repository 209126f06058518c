"""Random numbers that are drawn and never used: support vector machines take a seed for libsvm whatever they do."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Iterable

from mlops_nb.capture.slicing.layout import module_name, type_name

_OBJECTS = 500
_WORDS = 624
_MACHINES = frozenset({"SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"})
DRAWING = frozenset(
    "random rand randn randint choice choices sample shuffle permutation normal uniform random_sample".split()
)


def draws_idly(before: Hashable, after: Hashable, values: Iterable[object], words: Collection[str]) -> bool:
    """Whether all that was drawn from NumPy's global generator are seeds that nobody uses.

    scikit-learn says that `random_state` of an `SVC` is "ignored when `probability` is False": it is drawn all the
    same, from the global generator, once a fit. So the cell fits as many machines as numbers were drawn, and says
    nothing that draws itself.

    Parameters
    ----------
    before, after : hashable
        States of the generator, as `resources.snapshot` has them.
    values : iterable of object
        What the execution read and made.
    words : collection of str
        Names and attributes that its code mentions.

    Examples
    --------
    >>> draws_idly(None, None, [], [])
    False
    """
    if not (isinstance(before, tuple) and isinstance(after, tuple)) or "sklearn.svm" not in sys.modules:
        return False
    if "fit" not in words or not DRAWING.isdisjoint(words):
        return False
    found = list(_unseeded(values))
    if not found or not all(map(_ignores_its_seed, found)) or before[2:] != after[2:]:
        return False
    drawn = after[1] - before[1] if after[0] == before[0] else _WORDS - before[1] + after[1]
    return bool(drawn == sum(not isinstance(machine, type) for machine in found))


def _unseeded(values: Iterable[object]) -> Iterable[object]:
    """scikit-learn's estimators among the values and in them whose `random_state` is not given."""
    waiting: list[object] = list(values)
    seen: set[int] = set()
    while waiting and len(seen) < _OBJECTS:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        kind = type(value)
        if kind in (list, tuple):
            waiting.extend(value[:100])  # type: ignore[index]
        elif kind is dict:
            waiting.extend(list(value.values())[:100])  # type: ignore[attr-defined]
        elif kind is type and _is_machine(value):  # type: ignore[arg-type]
            yield value
        elif module_name(kind).startswith("sklearn.") and type(own := getattr(value, "__dict__", None)) is dict:
            if own.get("random_state", 0) is None:
                yield value
            waiting.extend(own.values())
        elif kind is not type and isinstance(own := getattr(kind, "__mro__", None), tuple) and _is_estimator(own):
            yield value  # a class of the user's: what it draws for is not known
    if len(seen) >= _OBJECTS:
        yield values


def _is_machine(kind: type) -> bool:
    return module_name(kind).startswith("sklearn.svm") and type_name(kind) in _MACHINES


def _is_estimator(bases: tuple[type, ...]) -> bool:
    return any(module_name(base) == "sklearn.base" for base in bases)


def _ignores_its_seed(value: object) -> bool:
    kind = value if isinstance(value, type) else type(value)
    own = {} if isinstance(value, type) else vars(value)
    return _is_machine(kind) and own.get("probability", False) in (False, "deprecated")
