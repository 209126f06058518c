"""What changes the last bits without being random: the order of hashes, numbers of threads, and the kernels of BLAS."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ExtensionFileLoader
from typing import Any

__all__ = ["process_facts", "thread_environment"]

_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT", "OPENBLAS_CORETYPE",
    "CUBLAS_WORKSPACE_CONFIG", "SOURCE_DATE_EPOCH",
)  # fmt: skip
"""Environment variables that decide numbers; none of them can hold a secret."""


def process_facts(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Hash randomisation, thread counts and linear algebra of this process.

    Parameters
    ----------
    environ : mapping, optional
        The process's environment if not given.

    Returns
    -------
    dict
        ``hash_seed`` (PYTHONHASHSEED, None if it is not set: the kernel's own secret cannot be read),
        ``hash_randomization``, ``cpus`` this process may use, ``variables``, and ``pools``: the thread pools that are
        loaded (library, version, threads, architecture), if threadpoolctl is installed.

    Examples
    --------
    >>> facts = process_facts({"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2", "HOME": "/home/me"})
    >>> facts["hash_seed"], facts["variables"]
    ('0', {'OMP_NUM_THREADS': '2'})
    """
    environ = os.environ if environ is None else environ
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "hash_seed": environ.get("PYTHONHASHSEED"),
        "hash_randomization": bool(sys.flags.hash_randomization),
        "cpus": cpus,
        "variables": {name: environ[name][:100] for name in _VARIABLES if name in environ},
        "pools": _pools(),
    }


def thread_environment(facts: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables with which a new process has the recorded hash seed and thread counts.

    Parameters
    ----------
    facts : mapping
        From `process_facts`.

    Returns
    -------
    dict
        To be added to the new process's environment. Without a recorded hash seed it is ``0``: at least all
        re-executions agree with each other.

    Examples
    --------
    >>> pools = [{"library": "openblas", "threads": 2}]
    >>> thread_environment({"hash_seed": None, "variables": {}, "pools": pools})
    {'PYTHONHASHSEED': '0', 'OPENBLAS_NUM_THREADS': '2'}
    """
    names = {"openblas": "OPENBLAS_NUM_THREADS", "mkl": "MKL_NUM_THREADS", "openmp": "OMP_NUM_THREADS",
             "blis": "BLIS_NUM_THREADS"}  # fmt: skip
    counted = {
        names[pool["library"]]: str(pool["threads"]) for pool in facts.get("pools", ()) if pool.get("library") in names
    }
    return {"PYTHONHASHSEED": facts.get("hash_seed") or "0"} | counted | dict(facts.get("variables", {}))


class _Loaded:
    """What grows whenever a library with threads may have come: extension modules, and packages that load by ctypes."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._extensions = 0
        self._packages: set[str] = set()

    def count(self) -> tuple[int, int]:
        """How many there are; only what was imported since the last call is looked at, since that stands last."""
        names = list(sys.modules)
        known = len(self._names)
        if names[:known] != self._names:
            self._extensions, known = 0, 0
            self._packages.clear()
        for name in names[known:]:
            spec = getattr(sys.modules.get(name), "__spec__", None)
            self._extensions += isinstance(getattr(spec, "loader", None), ExtensionFileLoader)
            self._packages.add(name.partition(".")[0])
        self._names = names
        return self._extensions, len(self._packages)


_loaded = _Loaded()


@functools.lru_cache(maxsize=1)
def _controller(_libraries: tuple[int, int]) -> Any:
    """The loaded libraries that have thread pools: finding them takes some 7 ms."""
    threadpoolctl: Any = importlib.import_module("threadpoolctl")
    return threadpoolctl.ThreadpoolController()


def _pools() -> list[dict[str, Any]]:
    if not {"numpy", "torch", "sklearn", "scipy"} & sys.modules.keys():
        return []  # nothing that computes is loaded
    try:
        # Thread counts are asked for each time; which libraries are loaded only changes with some imports.
        found = _controller(_loaded.count()).info()
    except Exception:  # not installed, or a library that it does not understand
        return []
    return [
        {
            "library": str(pool.get("internal_api")),
            "version": pool.get("version"),
            "threads": pool.get("num_threads"),
            "architecture": pool.get("architecture"),
        }
        for pool in found
    ]
