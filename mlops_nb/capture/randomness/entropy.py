"""The entropy that seeds NumPy's unseeded generators: recorded, replayed, or derived from a seed.

``default_rng()`` and ``RandomState()`` take 128 bits from `secrets.randbits` when they are made; no state that is
captured before the cell says which. NumPy calls it through a name of one of its modules, which can be replaced. That is
not documented, so it is checked: where the name is not there, nothing is replaced and `EntropyLog.available` is False.
"""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
from types import FrameType, ModuleType
from typing import Any

from mlops_nb.capture.arrivals import when_imported
from mlops_nb.capture.installed import is_installed

__all__ = ["Drawn", "EntropyLog"]

_SEEDED = re.compile(r"\bRandomState\(\s*(?:seed\s*=\s*)?(?!None\b)(?P<seed>[^\s),]+)")
_SEEDING = re.compile(r"\.seed\(\s*(?:seed\s*=\s*)?(?!None\b)(?P<seed>[^\s),]+)")
_FRAMES = 4
"""How far up the call that seeds may stand: it may ask an object for a generator that is made only then."""
_MODULE = "numpy.random.bit_generator"
_LIMIT = 100_000


class Drawn(list[str]):
    """What an execution drew, in order, as hex. `fresh`: some of it decides the numbers that follow.

    ``RandomState(7)`` draws too, and is seeded right after: such a draw is replayed like any other, and changes
    nothing. So is what libraries draw while they are loaded.
    """

    fresh = False


class EntropyLog:
    """Records what unseeded NumPy generators draw in an execution.

    All instances share one replaced function; draws belong to the log that began last.

    Examples
    --------
    >>> import numpy as np
    >>> log = EntropyLog(); log.install()
    >>> log.begin(); first = np.random.default_rng().random(); drawn = log.end()
    >>> EntropyLog.replay(drawn); np.random.default_rng().random() == first
    True
    """

    _active: list[Drawn] = []  # noqa: RUF012 - shared on purpose: there is one function to replace
    _seed: tuple[int, int] | None = None

    def __init__(self) -> None:
        self._drawn = Drawn()

    def install(self) -> None:
        """Replace NumPy's function, now or when NumPy is imported; once in a process."""
        # Not earlier: while it is imported, numpy.random draws for its global generator, whose state is recorded itself
        when_imported("numpy.random", _replace)

    @property
    def available(self) -> bool:
        """Whether draws are recorded: NumPy is imported, and is as we know it."""
        return hasattr(getattr(sys.modules.get(_MODULE), "randbits", None), "mlops_nb_queue")

    def begin(self) -> None:
        """An execution begins."""
        self._drawn = Drawn()
        EntropyLog._active.append(self._drawn)

    def end(self) -> Drawn:
        """The execution has ended: what was drawn, in order, as hex."""
        EntropyLog._active[:] = [each for each in EntropyLog._active if each is not self._drawn]
        drawn, self._drawn = self._drawn, Drawn()
        return drawn

    @staticmethod
    def replay(values: list[str]) -> None:
        """Let the next draws be these (hex); after them entropy is fresh again. An empty list takes a replay back."""
        EntropyLog._seed = None
        queue = getattr(getattr(sys.modules.get(_MODULE), "randbits", None), "mlops_nb_queue", None)
        if queue is not None:
            queue[:] = [int(value, 16) for value in values]

    @staticmethod
    def derive(seed: int | None) -> None:
        """Let every draw come from `seed` and its number in the sequence (for ``%%track --seed``); None ends that."""
        EntropyLog._seed = None if seed is None else (seed, 0)


def _replace(package: ModuleType) -> None:
    module: Any = sys.modules.get(_MODULE)
    original: Any = getattr(module, "randbits", None)
    if original is None or hasattr(original, "mlops_nb_queue"):
        return
    queue: list[int] = []

    def randbits(count: int) -> Any:
        value = queue.pop(0) if queue else _derived(count)
        if value is None:
            value = original(count)
        if EntropyLog._active and len(EntropyLog._active[-1]) < _LIMIT:
            log = EntropyLog._active[-1]
            log.append(hex(value))
            caller = sys._getframe(1)
            log.fresh = log.fresh or not (_is_seeded_next(caller) or _is_loading(caller))
        return value

    randbits.mlops_nb_queue = queue  # type: ignore[attr-defined]
    module.randbits = randbits


def _is_seeded_next(caller: FrameType) -> bool:
    """Whether what draws is a legacy generator that a seed is given to at once, which replaces what was drawn."""
    if "RandomState" not in caller.f_code.co_names:
        return False
    if (found := _SEEDED.search(_line(caller))) is not None:
        return not _is_none(found["seed"], caller)
    frame = caller.f_back
    for _ in range(_FRAMES):
        if frame is None:
            return False
        if "seed" in frame.f_code.co_names and (found := _SEEDING.search(_line(frame))) is not None:
            return not _is_none(found["seed"], frame)
        frame = frame.f_back
    return False


def _line(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno)


def _is_none(name: str, frame: FrameType) -> bool:
    """Whether the seed is a variable that holds None, or an attribute of one that does."""
    first, _, rest = name.partition(".")
    spaces = (frame.f_locals, frame.f_globals)
    value = next((space[first] for space in spaces if first in space), name)
    if rest:
        own = getattr(type(value), "__dict__", {}).get("__dict__") and vars(value)
        value = own.get(rest, name) if own else name
    return value is None


def _is_loading(caller: FrameType) -> bool:
    """Whether an installed library draws while it is loaded, as parts of SciPy do."""
    frame: FrameType | None = caller
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            if not getattr(frame.f_globals.get("__spec__"), "_initializing", False):  # a cell, or what started us
                return False
            return is_installed(frame.f_code.co_filename)
        frame = frame.f_back
    return False


def _derived(count: int) -> int | None:
    if EntropyLog._seed is None:
        return None
    seed, number = EntropyLog._seed
    EntropyLog._seed = (seed, number + 1)
    digest = hashlib.shake_256(f"mlops_nb:{seed}:{number}".encode()).digest((count + 7) // 8)
    return int.from_bytes(digest, "big") >> (-count % 8)
