"""What a model needs to be loaded and asked: exact versions of what a fresh process imports when it does both.

Libraries import whatever else they find (scikit-learn looks for PyTorch): of all that was imported, what counts is what
the model itself asked for, and what that declares as its requirements.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_nb.capture.installed import holds_distributions
from mlops_nb.capture.lock import parse_lock
from mlops_nb.capture.packages import imported, installed, normalise
from mlops_nb.errors import InvalidInput

FILE = "requirements.txt"
TIMEOUT = 120.0
"""Seconds that the fresh process may take; a model that takes longer to load is told by what its files name."""

_OURS = frozenset(("mlops-nb", "pip", "setuptools", "wheel"))


class EnvironmentDiffers(UserWarning):
    """The environment is not the one that the model was saved in."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the fresh process saw.

    Attributes
    ----------
    direct : tuple of str
        Distributions that the model itself imported.
    packages : tuple of str
        All that were imported.
    fault : str
        Why loading or predicting failed, if it did.
    """

    direct: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    fault: str = ""


_known: dict[tuple[Any, ...], Probed] = {}


def probe(folder: Path, *, key: tuple[Any, ...] | None = None, timeout: float = TIMEOUT) -> Probed:
    """Load a model and ask it for its example's prediction in a fresh process, and see what that imports.

    Parameters
    ----------
    folder : Path
        A model's folder, of this user's own making.
    key : tuple, optional
        Models with the same key need the same: the answer is remembered while nothing is installed.
    timeout : float
        Seconds.

    Returns
    -------
    Probed
    """
    found = installed()
    full = None if key is None else (*key, id(found))
    if full is not None and full in _known:
        return _known[full]
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *(path for path in sys.path if path and path != root and holds_distributions(path))]
    code = f"import sys; sys.path[:] = {paths!r}; from mlops_nb.models.probe import main; main({str(folder)!r})"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=timeout, cwd=folder, check=False
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return Probed(fault=f"it took longer than {timeout:g} seconds")
    except (OSError, ValueError, IndexError):
        return Probed(fault="the process ended without an answer")
    direct, seen = (tuple(imported(found, answer[key])) for key in ("direct", "modules"))
    result = Probed(direct, seen, answer["fault"])
    if full is not None and not result.fault:
        _known[full] = result
    return result


def needed(roots: Iterable[str], seen: Iterable[str]) -> set[str]:
    """The roots, and of what was seen all that they declare as required, and so on; without extras and chance finds.

    Examples
    --------
    >>> sorted(needed(["pandas"], ["numpy", "matplotlib"]))
    ['numpy', 'pandas']
    """
    imported_too = {normalise(name) for name in seen}
    found: set[str] = set()
    queue = [normalise(name) for name in roots]
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += [each for each in _declared(name) if each in imported_too]
    return found


def _declared(name: str) -> list[str]:
    from importlib import metadata

    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    bare = (line for line in lines if "extra ==" not in line)
    return [normalise(match[0]) for line in bare if (match := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line))]


def pin(names: Iterable[str]) -> list[str]:
    """Requirements with the versions that are installed here, sorted; what is not installed is left out.

    Examples
    --------
    >>> pin(["PyYAML", "no-such-package"])[0].startswith("pyyaml==")
    True
    """
    found = installed()
    wanted = {normalise(name) for name in names} - _OURS
    return [f"{name}=={found[name].version}" for name in sorted(wanted & found.keys())]


def check_requirements(given: Sequence[str]) -> list[str]:
    """The user's own list, one requirement a line.

    Raises
    ------
    InvalidInput
        If one has a line break, or is empty.

    Examples
    --------
    >>> check_requirements(["numpy>=2"])
    ['numpy>=2']
    """
    if isinstance(given, str):
        path = Path(given)
        if path.suffix == ".txt" and path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        given = [given]
    for each in given:
        if not isinstance(each, str) or not each.strip() or re.search(r"[\r\n\0]", each):
            raise InvalidInput(f"{each!r:.80} is no requirement.", hint="Give one an entry, such as 'numpy==2.4.6'.")
    return list(given)


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write ``requirements.txt``, ``conda.yaml`` and ``python_env.yaml``, as MLflow's tools read them.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_environment(folder, ["numpy==2.4.6"])
    >>> (folder / "requirements.txt").read_text()
    'numpy==2.4.6\\n'
    """
    import yaml

    version = platform.python_version()
    (folder / FILE).write_text("".join(f"{each}\n" for each in requirements), encoding="utf-8")
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={version}", "pip", {"pip": list(requirements)}],
    }
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False), encoding="utf-8")
    python = {
        "python": version,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    (folder / "python_env.yaml").write_text(yaml.safe_dump(python, sort_keys=False), encoding="utf-8")


def difference(folder: Path, python: str = "") -> dict[str, tuple[str, str]]:
    """Packages that are here in another version than the model asks for: name to (asked, here; empty if not here).

    Parameters
    ----------
    folder : Path
        A model's folder.
    python : str
        The interpreter that it was saved with; another minor version counts as a difference.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_environment(folder, ["no-such-package==1.0"])
    >>> difference(folder)
    {'no-such-package': ('1.0', '')}
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8", errors="replace")[:1_000_000]
    except OSError:
        text = ""
    here = installed()
    found = {}
    for name, version in parse_lock(text).packages.items():
        own = here[name].version if name in here else ""
        if own != version and name not in ("mlflow", "mlflow-skinny"):  # which MLflow asks for and we do not use
            found[name] = (version, own)
    if python and python.split(".")[:2] != platform.python_version().split(".")[:2]:
        found["python"] = (python, platform.python_version())
    return found


def warn_difference(label: str, found: dict[str, tuple[str, str]]) -> None:
    """Say in one warning how the environment differs; nothing if it does not."""
    if not found:
        return
    parts = [f"{name} {asked} (here {own or 'not installed'})" for name, (asked, own) in list(found.items())[:8]]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    warnings.warn(
        f"The model {label!r} was saved with other versions: {', '.join(parts)}{more}. "
        "Install its requirements.txt to be sure of the same predictions.",
        EnvironmentDiffers,
        stacklevel=4,
    )
