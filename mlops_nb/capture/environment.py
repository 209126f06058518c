"""Where a cell ran: interpreter, machine, installed distributions, and the few variables that change results."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mlops_nb.capture.git import recent_git_state
from mlops_nb.capture.packages import Distribution, imported, installed, origins

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
_VARIABLES = (
    "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONUTF8", "SOURCE_DATE_EPOCH", "TZ", "LANG", "LC_ALL",
    "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "XLA_FLAGS", "JAX_PLATFORMS",
    "PYTORCH_CUDA_ALLOC_CONF", "TOKENIZERS_PARALLELISM", "OPENBLAS_CORETYPE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES",
    "CONDA_DEFAULT_ENV", "SLURM_JOB_ID", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE",
)  # fmt: skip
_VALUE_LIMIT = 500
_EDITABLE_SECONDS = 30
"""How long the git state of an editable package holds: what a process uses of it is what it was at its import."""


def environment(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Describe the environment of this process.

    Parameters
    ----------
    variables : mapping of str to str, optional
        Environment variables, of which only those of an allow-list are kept; `os.environ` by default.

    Returns
    -------
    dict
        ``python``, ``implementation``, ``platform``, ``machine``, ``cpu``, ``cpus`` (that this process may use),
        ``memory`` (bytes), ``gpu`` (array of names), ``packages`` (normalised name to version, all that are installed),
        ``imported`` (names of those in use), ``local`` (those that no index has, by name: ``version, url`` and as they
        apply ``editable, path, vcs, commit, git``), ``threads`` and ``variables`` (those that are set).

    Examples
    --------
    >>> facts = environment({"OMP_NUM_THREADS": "2", "AWS_SECRET_ACCESS_KEY": "x"})
    >>> facts["threads"], facts["variables"]
    ({'OMP_NUM_THREADS': '2'}, {})
    """
    given = os.environ if variables is None else variables
    distributions = installed()
    used = imported(distributions)
    return {
        **_machine(),
        "cpus": _usable_cpus(),
        "gpu": _gpus(),
        "packages": _versions(distributions),
        "imported": used,
        "local": _local(used),
        "threads": {name: given[name][:_VALUE_LIMIT] for name in _THREADS if name in given},
        "variables": {name: given[name][:_VALUE_LIMIT] for name in _VARIABLES if name in given},
    }


def _versions(distributions: dict[str, Distribution]) -> dict[str, str]:
    global _packages
    if _packages is None or _packages[0] is not distributions:
        _packages = distributions, {name: each.version for name, each in distributions.items()}
    return dict(_packages[1])


_packages: tuple[dict[str, Distribution], dict[str, str]] | None = None


@cache
def _machine() -> Mapping[str, Any]:
    """What does not change while a process lives."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu_name(),
        "memory": _memory(),
    }


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(("model name", "Model", "cpu model")):
                return line.partition(":")[2].strip()
    return platform.machine() if sys.platform == "linux" else platform.processor()


def _memory() -> int | None:
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError):
        import psutil  # Windows has no sysconf

        return int(psutil.virtual_memory().total)
    return None


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """Names of GPUs: NVIDIA's by its driver's files, others by torch if it is in use. No process is started."""
    names = []
    with suppress(OSError):
        for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
            for line in information.read_text("utf-8", "replace").splitlines():
                if line.startswith("Model:"):
                    names.append(line.partition(":")[2].strip())
    if names:
        return names
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    with suppress(Exception):  # torch half imported, or its driver broken
        if cuda is not None and cuda.is_initialized():
            return [str(cuda.get_device_name(device)) for device in range(cuda.device_count())]
    return []


def _local(used: list[str]) -> dict[str, dict[str, Any]]:
    """Distributions from a folder or a repository; those in use and editable with their git state."""
    found: dict[str, dict[str, Any]] = {}
    for name, known in origins().items():
        facts = found[name] = dict(known)
        if "editable" in facts and name in used:
            state = recent_git_state(facts["path"], diff=False, seconds=_EDITABLE_SECONDS)
            if state is not None:
                facts["git"] = {key: state.get(key) for key in ("commit", "branch", "dirty", "remote")}
    return found
