"""Seeds: set for a run, found in code, and missed where random numbers were drawn without one."""

from __future__ import annotations

import ast
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from mlops_nb.capture.arrivals import forget, when_imported
from mlops_nb.capture.randomness.entropy import EntropyLog
from mlops_nb.capture.randomness.states import note_arrival, used
from mlops_nb.capture.source import parse_cell
from mlops_nb.errors import InvalidInput

__all__ = ["apply_seed", "forget_seed", "seed_calls", "unpinnable", "unseeded"]

_EVERYWHERE = frozenset(("random", "numpy", "torch"))
_SEEDING = {
    "random.seed": frozenset(("random",)),
    "random.setstate": frozenset(("random",)),
    "numpy.random.seed": frozenset(("numpy",)),
    "numpy.random.set_state": frozenset(("numpy",)),
    "torch.manual_seed": frozenset(("torch",)),
    "torch.random.manual_seed": frozenset(("torch",)),
    "torch.set_rng_state": frozenset(("torch",)),
    "lightning.seed_everything": _EVERYWHERE,
    "lightning.pytorch.seed_everything": _EVERYWHERE,
    "pytorch_lightning.seed_everything": _EVERYWHERE,
    "transformers.set_seed": _EVERYWHERE,
    "accelerate.utils.set_seed": _EVERYWHERE,
    "keras.utils.set_random_seed": frozenset(("random", "numpy")),
    "tensorflow.keras.utils.set_random_seed": frozenset(("random", "numpy")),
}
_UNPINNABLE = {
    "uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom", "random.SystemRandom", "secrets.token_hex",
    "secrets.choice", "secrets.token_bytes",
    "secrets.token_urlsafe", "secrets.randbits", "secrets.randbelow", "secrets.SystemRandom",
}  # fmt: skip
_UNPINNABLE_BARE = {"random.Random", "random.seed", "torch.seed", "torch.random.seed"}
_USUAL = {"np": "numpy", "npr": "numpy.random", "tf": "tensorflow", "pl": "pytorch_lightning", "L": "lightning"}

_WAITING: dict[str, Any] = {}


def apply_seed(seed: int) -> dict[str, Any]:
    """Seed everything that can be: `random`, NumPy and torch, and NumPy's unseeded generators.

    Libraries that are not imported yet are seeded when they are; nothing is imported for it.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1 (NumPy's limit).

    Returns
    -------
    dict
        ``seed``, and the names that are ``seeded`` now and ``on_import``.

    Raises
    ------
    InvalidInput
        If it is no such integer.

    Examples
    --------
    >>> "random" in apply_seed(42)["seeded"], random.random()
    (True, 0.6394267984578837)
    >>> forget_seed()
    """
    if type(seed) is not int or not 0 <= seed < 1 << 32:
        raise InvalidInput(f"The seed {seed!r} cannot be used.", hint="Give an integer from 0 to 4294967295.")
    forget_seed()
    random.seed(seed)
    result: dict[str, Any] = {"seed": seed, "seeded": ["random"], "on_import": []}

    def seed_numpy(module: ModuleType) -> None:
        module.seed(seed)
        note_arrival("numpy")

    def seed_torch(module: ModuleType) -> None:
        module.manual_seed(seed)
        note_arrival("torch")

    for name, module, callback in (("numpy", "numpy.random", seed_numpy), ("torch", "torch", seed_torch)):
        if when_imported(module, callback):
            result["seeded"].append(name)
        else:
            _WAITING[module] = callback
            result["on_import"].append(name)
    log = EntropyLog()
    log.install()
    log.derive(seed)
    result["seeded" if log.available else "on_import"].append("numpy.random.default_rng")
    return result


def forget_seed() -> None:
    """The seeded run has ended: what is imported from now on is not seeded, fresh entropy is fresh again.

    Examples
    --------
    >>> forget_seed()
    """
    for module, callback in _WAITING.items():
        forget(module, callback)
    _WAITING.clear()
    EntropyLog.derive(None)


def seed_calls(source: str, aliases: Mapping[str, str] | None = None) -> set[str]:
    """Which global generators code seeds: a call with an argument, anywhere in it.

    Parameters
    ----------
    source : str
        A cell; magics and shell lines are left out.
    aliases : mapping, optional
        What names stand for, from earlier cells (``{"np": "numpy"}``); the usual ones are known.

    Returns
    -------
    set of str
        Of ``random``, ``numpy`` and ``torch``.

    Examples
    --------
    >>> sorted(seed_calls("import numpy as np, random as r\\nnp.random.seed(0); r.seed(1); r.seed()"))
    ['numpy', 'random']
    """
    found: set[str] = set()
    for name, call in _calls(source, aliases):
        if name in _SEEDING and _has_argument(call):
            found |= _SEEDING[name]
    return found


def unseeded(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    sources: Sequence[str],
    entropy: Collection[str] = (),
    *,
    seeded: Collection[str] = (),
) -> list[str]:
    """What an execution drew from without a seed, so that another session would draw other numbers.

    Parameters
    ----------
    before, after : mapping
        From `snapshot`, around the execution; `before` through `complete`.
    sources : sequence of str
        The code that had run in the session, up to and with this execution.
    entropy : collection of str
        What `EntropyLog` recorded in it.
    seeded : collection of str
        Seeded by other means (``%%track --seed``).

    Returns
    -------
    list of str
        ``random``, ``numpy``, ``torch``, ``numpy.random.default_rng``; empty if all that was used is seeded.

    Examples
    --------
    >>> from mlops_nb.capture.randomness import snapshot
    >>> one = snapshot({}); _ = random.random(); two = snapshot({})
    >>> unseeded(one, two, ["x = random.random()"]), unseeded(one, two, ["random.seed(1)", "x = random.random()"])
    (['random'], [])
    """
    drawn = [name for name in used(before, after) if not name.startswith("generator:")]
    done = set(seeded)
    aliases: dict[str, str] = {}
    for source in sources if drawn else ():
        aliases |= _imports(parse_cell(source) or ast.Module([], []))
        done |= seed_calls(source, aliases)
    fresh = ["numpy.random.default_rng"] if entropy and "numpy.random.default_rng" not in done else []
    return [name for name in drawn if name not in done] + fresh


def unpinnable(source: str, aliases: Mapping[str, str] | None = None) -> list[str]:
    """Calls in code whose randomness cannot be given back: the operating system's, in C.

    Parameters
    ----------
    source : str
        A cell.
    aliases : mapping, optional
        As for `seed_calls`.

    Returns
    -------
    list of str
        Dotted names, such as ``uuid.uuid4`` and ``random.Random`` (without a seed), in the order of the code.

    Examples
    --------
    >>> unpinnable("import uuid, random\\nuuid.uuid4(); random.Random(3); random.Random()")
    ['uuid.uuid4', 'random.Random']
    """
    names = (
        name
        for name, call in _calls(source, aliases)
        if name in _UNPINNABLE or (name in _UNPINNABLE_BARE and not _has_argument(call))
    )
    return list(dict.fromkeys(names))


def _has_argument(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)


def _calls(source: str, aliases: Mapping[str, str] | None) -> Iterator[tuple[str, ast.Call]]:
    """Calls of importable functions, by their full dotted name."""
    tree = parse_cell(source) or ast.Module([], [])
    known = {**_USUAL, **(aliases or {}), **_imports(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _dotted(node.func)):
            first, dot, rest = name.partition(".")
            yield known.get(first, first) + dot + rest, node


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _imports(tree: ast.AST) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                names[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names
