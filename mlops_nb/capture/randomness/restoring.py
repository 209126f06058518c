"""Puts recorded random state back. Stands alone: its text is copied into code that runs where mlops_nb is not."""

from __future__ import annotations

import base64
import importlib
import random
from array import array
from typing import Any


def restore_state(state: dict[str, Any], namespace: dict[str, Any]) -> dict[str, list[str]]:
    """Set every generator of a recorded state, in place.

    Parameters
    ----------
    state : dict
        As `snapshot` gave it.
    namespace : dict
        Where named generators are looked up; they are not made, since the code that is run makes them.

    Returns
    -------
    dict
        Names that were ``restored``, and names that were ``missing`` or of another kind.

    Examples
    --------
    >>> restore_state({}, {})
    {'restored': [], 'missing': []}
    """
    done: dict[str, list[str]] = {"restored": [], "missing": []}
    if "random" in state:
        random.setstate(decode_python(state["random"]))
        done["restored"].append("random")
    for name in ("numpy", "torch"):
        if name in state:
            try:
                module = importlib.import_module(name)
            except ImportError:
                done["missing"].append(name)
                continue
            if name == "numpy":
                importlib.import_module("numpy.random").set_state(decode(state["numpy"]))
            else:
                set_torch(module, state["torch"])
            done["restored"].append(name)
    for name, entry in state.get("generators", {}).items():
        restored = set_generator(namespace.get(name), entry)
        done["restored" if restored else "missing"].append(name)
    return done


def decode_python(entry: dict[str, Any]) -> tuple[int, tuple[int, ...], float | None]:
    """The argument of `random.setstate`.

    Examples
    --------
    >>> decode_python({"version": 3, "words": "AQAAAA==", "gauss": None})
    (3, (1,), None)
    """
    words = array("I")
    words.frombytes(base64.b64decode(entry["words"]))
    return (entry["version"], tuple(words), entry["gauss"])


def decode(value: Any) -> Any:
    """A state of NumPy's, from JSON: arrays and large integers are written as objects.

    Examples
    --------
    >>> decode({"state": {"int": "0xff"}})
    {'state': 255}
    """
    if not isinstance(value, dict):
        return value
    if set(value) == {"int"}:
        return int(value["int"], 16)
    if set(value) == {"dtype", "base64"}:
        numpy = importlib.import_module("numpy")
        return numpy.frombuffer(base64.b64decode(value["base64"]), dtype=value["dtype"]).copy()
    return {key: decode(each) for key, each in value.items()}


def set_torch(torch: Any, entry: dict[str, Any]) -> None:
    """Set torch's generators, those of CUDA devices as far as the same number of them is there.

    Examples
    --------
    >>> set_torch(None, {})
    """
    if "cpu" in entry:
        torch.set_rng_state(torch.frombuffer(bytearray(base64.b64decode(entry["cpu"])), dtype=torch.uint8))
    devices = entry.get("cuda", [])
    if devices and torch.cuda.is_available() and torch.cuda.device_count() >= len(devices):
        for number, words in enumerate(devices):
            torch.cuda.set_rng_state(torch.frombuffer(bytearray(base64.b64decode(words)), dtype=torch.uint8), number)


def set_generator(generator: Any, entry: dict[str, Any]) -> bool:
    """Set one named generator; False if there is none, or one of another kind.

    Examples
    --------
    >>> set_generator(None, {"type": "random.Random"})
    False
    """
    kind = f"{type(generator).__module__.partition('.')[0]}.{type(generator).__name__}"
    if generator is None or kind != entry["type"]:
        return False
    if kind == "random.Random":
        random.Random.setstate(generator, decode_python(entry["state"]))
    elif kind == "torch.Generator":
        torch = importlib.import_module("torch")
        generator.set_state(torch.frombuffer(bytearray(base64.b64decode(entry["state"]["cpu"])), dtype=torch.uint8))
    else:
        state = decode(entry["state"])
        if kind == "numpy.Generator" and type(generator.bit_generator).__name__ != state["bit_generator"]:
            return False
        if kind == "numpy.Generator":
            generator.bit_generator.state = state
        else:
            generator.set_state(state)
    return True


def replay_entropy(values: list[str]) -> None:
    """Let NumPy draw recorded entropy (hex) for its next unseeded generators, and fresh entropy after that.

    Examples
    --------
    >>> replay_entropy([])
    """
    if not values:
        return
    importlib.import_module("numpy.random")
    module: Any = importlib.import_module("numpy.random.bit_generator")
    original = module.randbits
    if hasattr(original, "mlops_nb_queue"):  # replaced already, by an earlier call or by the entropy log
        original.mlops_nb_queue[:] = [int(value, 16) for value in values]
        return
    queue = [int(value, 16) for value in values]

    def randbits(count: int) -> Any:
        return queue.pop(0) if queue else original(count)

    randbits.mlops_nb_queue = queue  # type: ignore[attr-defined]
    module.randbits = randbits
