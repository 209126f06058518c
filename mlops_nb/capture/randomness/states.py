"""The state of all random generators as plain JSON, and the code that gives it back to a fresh process."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import random
import sys
import textwrap
from array import array
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from mlops_nb.capture.arrivals import when_imported
from mlops_nb.capture.randomness import restoring

__all__ = ["complete", "marks", "note_arrival", "pin_source", "restore", "snapshot", "used"]

NAMED_LIMIT = 100
"""Named generators that are recorded."""


def snapshot(namespace: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The state of `random`, of NumPy's and torch's global generators, and of generators that have a name.

    Only libraries that are imported are looked at. About 0.1 ms and 7 KB of JSON (random words do not compress, so
    that they are only written in base 64).

    Parameters
    ----------
    namespace : mapping, optional
        The user's names. Generators are found by their exact type; nothing of another object is called.

    Returns
    -------
    dict
        ``random``, ``numpy``, ``torch`` and ``generators``, as far as they are there.

    Examples
    --------
    >>> random.seed(7); state = snapshot({}); first = random.random()
    >>> _ = restore(state, {}); random.random() == first
    True
    """
    _follow_imports()
    state = {name: found for name in _TAKEN if (found := _take(name)) is not None}
    named = _named(namespace) if namespace else {}
    return state | ({"generators": named} if named else {})


def complete(before: Mapping[str, Any]) -> dict[str, Any]:
    """A state that was taken before an execution, with what libraries began with that it imported.

    Without it a cell that imports NumPy and draws at once could not be given its numbers back.

    Parameters
    ----------
    before : mapping
        From `snapshot`, before the execution; this is called after it.

    Returns
    -------
    dict
        For `pin_source`, `used` and `unseeded`.

    Examples
    --------
    >>> complete({"random": {}, "numpy": {}, "torch": {}}) == {"random": {}, "numpy": {}, "torch": {}}
    True
    """
    if type(before) is dict and _ARRIVED.keys() <= before.keys():
        return before  # itself: a state that many executions begin with is kept once
    return _ARRIVED | dict(before)


def note_arrival(name: str) -> None:
    """A library has just been imported (and perhaps seeded): this is what it begins with.

    Examples
    --------
    >>> note_arrival("random")
    """
    found = _take(name)
    if found is not None and name != "random":
        _ARRIVED[name] = found


def restore(state: Mapping[str, Any], namespace: MutableMapping[str, Any]) -> dict[str, list[str]]:
    """Put a recorded state back, in place; the opposite of `snapshot`.

    Parameters
    ----------
    state : mapping
        As `snapshot` gave it, also through JSON.
    namespace : mutable mapping
        Where named generators are looked up. Names that are not there are not made.

    Returns
    -------
    dict
        Names that were ``restored``, and names that were ``missing``.

    Examples
    --------
    >>> r = random.Random(1); state = snapshot({"r": r}); first = r.random()
    >>> restore(state, {"r": r})["restored"][-1], r.random() == first
    ('r', True)
    """
    return restoring.restore_state(dict(state), dict(namespace))


def used(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Which generators an execution drew from or seeded: those whose state differs.

    Parameters
    ----------
    before, after : mapping
        From `snapshot`; `before` through `complete`, if the execution may have imported NumPy or torch.

    Returns
    -------
    list of str
        ``random``, ``numpy``, ``torch``, and named generators as ``generator:NAME``.

    Examples
    --------
    >>> one = snapshot({}); _ = random.random(); used(one, snapshot({}))
    ['random']
    """
    changed = [name for name in ("random", "numpy", "torch") if name in before and before[name] != after.get(name)]
    old, new = before.get("generators", {}), after.get("generators", {})
    return changed + [f"generator:{name}" for name in old if name in new and old[name] != new[name]]


def marks(state: Mapping[str, Any]) -> dict[str, str]:
    """A short digest of each generator's state: whether two executions ended with the same random state.

    Parameters
    ----------
    state : mapping
        From `snapshot`.

    Returns
    -------
    dict of str to str
        By ``random``, ``numpy``, ``torch``, and named generators as ``generator NAME``.

    Examples
    --------
    >>> one = marks(snapshot({})); _ = random.random(); one == marks(snapshot({}))
    False
    """
    parts = {name: found for name, found in state.items() if name != "generators"}
    parts |= {f"generator {name}": found for name, found in state.get("generators", {}).items()}
    return {
        name: hashlib.blake2b(json.dumps(found, sort_keys=True).encode(), digest_size=8).hexdigest()
        for name, found in parts.items()
    }


def pin_source(state: Mapping[str, Any], entropy: Sequence[str] = ()) -> str:
    """Python code that a re-execution runs before a cell, so that its random numbers are the recorded ones.

    The code needs nothing but Python (and the libraries whose state it sets), so that it also works in an environment
    without mlops_nb, and in an exported script.

    Parameters
    ----------
    state : mapping
        From `snapshot`, taken before the cell ran.
    entropy : sequence of str
        What the cell's unseeded NumPy generators drew, as `EntropyLog` recorded it.

    Returns
    -------
    str
        Source of a cell; it leaves no name behind.

    Examples
    --------
    >>> state = snapshot({}); first = random.random()
    >>> exec(pin_source(state), {}); random.random() == first
    True
    """
    names = ("restore_state", "decode_python", "decode", "set_torch", "set_generator", "replay_entropy")
    functions = "\n\n".join(_without_docstring(inspect.getsource(getattr(restoring, name))) for name in names)
    text = json.dumps(dict(state), separators=(",", ":"))
    quoted = "\n".join(f"    {part!r}" for part in textwrap.wrap(text, 100, break_on_hyphens=False) or [""])
    drawn = "\n".join(f"    {value!r}," for value in entropy)
    return (
        "# The random state as it was recorded before this code ran.\n"
        "def _restore_randomness(namespace, state, entropy):\n"
        "    import base64, importlib, json, random\n    from array import array\n    from typing import Any\n\n"
        f"{textwrap.indent(functions, '    ')}\n"
        "    restore_state(json.loads(state), namespace)\n    replay_entropy(entropy)\n\n\n"
        f"_restore_randomness(globals(), (\n{quoted}\n), [\n{drawn}\n])\ndel _restore_randomness\n"
    )


def _without_docstring(source: str) -> str:
    head, quotes, rest = source.partition('    """')
    return head + rest.partition('"""\n')[2] if quotes else source


_ARRIVED: dict[str, Any] = {}
_FOLLOWED: list[bool] = []


def _follow_imports() -> None:
    if not _FOLLOWED:
        _FOLLOWED.append(True)
        when_imported("numpy.random", lambda module: note_arrival("numpy"))
        when_imported("torch", lambda module: note_arrival("torch"))


def _take(name: str) -> dict[str, Any] | None:
    try:
        return _TAKEN[name]()
    except Exception:  # a library that is half imported, or has changed: the other states are still worth having
        return None


def _python_state() -> dict[str, Any]:
    return _encode_python(random.getstate())


def _encode_python(state: tuple[Any, ...]) -> dict[str, Any]:
    version, words, gauss = state
    return {"version": version, "words": _base64(array("I", words).tobytes()), "gauss": gauss}


def _numpy_state() -> dict[str, Any] | None:
    module = sys.modules.get("numpy.random")
    if module is None or not hasattr(module, "get_state"):
        return None
    encoded: dict[str, Any] = _encode(module.get_state(legacy=False))
    return encoded


def _torch_state() -> dict[str, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_rng_state"):
        return None
    state: dict[str, Any] = {"cpu": _base64(torch.get_rng_state().numpy().tobytes())}
    if torch.cuda.is_initialized():
        state["cuda"] = [_base64(each.numpy().tobytes()) for each in torch.cuda.get_rng_state_all()]
    return state


_TAKEN: dict[str, Callable[[], dict[str, Any] | None]] = {
    "random": _python_state,
    "numpy": _numpy_state,
    "torch": _torch_state,
}


def _named(namespace: Mapping[str, Any]) -> dict[str, Any]:
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    kinds: dict[Any, str] = {random.Random: "random.Random"}
    if numpy is not None:
        kinds |= {getattr(numpy, "Generator", None): "numpy.Generator"}
        kinds |= {getattr(numpy, "RandomState", None): "numpy.RandomState"}
    if torch is not None:
        kinds |= {getattr(torch, "Generator", None): "torch.Generator"}
    found: dict[str, Any] = {}
    for name, value in list(namespace.items()):  # a copy in one step: threads may change the namespace
        kind = kinds.get(type(value))
        if kind is None or type(name) is not str:
            continue
        try:
            found[name] = {"type": kind, "state": _generator_state(value, kind)}
        except Exception:  # a bit generator of a third party may have no state to show
            continue
        if len(found) >= NAMED_LIMIT:
            break
    return found


def _generator_state(value: Any, kind: str) -> Any:
    if kind == "random.Random":
        return _encode_python(value.getstate())
    if kind == "torch.Generator":
        return {"cpu": _base64(value.get_state().cpu().numpy().tobytes())}
    return _encode(value.bit_generator.state if kind == "numpy.Generator" else value.get_state(legacy=False))


def _encode(value: Any) -> Any:
    """JSON for a state of NumPy's: integers may have 128 bits, arrays are words."""
    if isinstance(value, dict):
        return {key: _encode(each) for key, each in value.items()}
    if isinstance(value, str | float):
        return value
    if hasattr(value, "tobytes") and value.ndim:
        return {"dtype": value.dtype.str, "base64": _base64(value.tobytes())}
    number = int(value)
    return number if abs(number) < 1 << 53 else {"int": hex(number)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
