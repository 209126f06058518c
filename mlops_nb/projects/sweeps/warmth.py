"""Kernels that are ready in a moment: forked from a process that has imported what they need, where that is safe."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

SAFE = frozenset({"matplotlib", "numpy", "pandas", "scipy", "sklearn"})
"""Libraries that may be forked after they were imported: they start no threads, or start them anew in the child."""

_STARTING = {"PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME", "PYTHONOPTIMIZE"}
_THREADS = re.compile(r"(OMP|OPENBLAS|MKL|BLIS|NUMEXPR|VECLIB)_\w+")
_modules: tuple[str, ...] = ()


def importable(sources: Iterable[str]) -> tuple[str, ...]:
    """Modules that these sources import and that are safe to be forked after it, sorted.

    Examples
    --------
    >>> importable(["import numpy as np, torch", "%matplotlib inline\\nfrom sklearn.linear_model import Ridge"])
    ('numpy', 'sklearn.linear_model')
    """
    found: set[str] = set()
    for source in sources:
        text = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return tuple(sorted(name for name in found if name.partition(".")[0] in SAFE))


def use_modules(modules: tuple[str, ...]) -> None:
    """Have these imported ahead in kernels from now on."""
    global _modules
    _modules = modules


class Zygote:
    """The process that forks, as its owner sees it.

    Parameters
    ----------
    env : mapping
        Its environment; kernels with other settings that count at a start cannot come from it.
    modules : tuple of str
        To be imported ahead.
    """

    def __init__(self, env: Mapping[str, str], modules: tuple[str, ...]) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", f"{__package__}.zygote", str(theirs.fileno()), ",".join(modules)]
        self._process = subprocess.Popen(
            command, env=dict(env), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._lines = ours.makefile("rwb", buffering=0)
        ours.close()
        self._lock = threading.Lock()

    def ask(self, **request: Any) -> Any:
        """Ask it something; `OSError` if it is gone."""
        with self._lock:
            self._lines.write(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        if not line:
            raise ConnectionError("the process that forks kernels is gone")
        return json.loads(line)


class ForkedProcess:
    """A forked kernel, with what is used of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):  # it has ended already, or the system is too old
            self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        if self._descriptor is not None:
            if not select.select([self._descriptor], [], [], 0)[0]:
                return None
            os.close(self._descriptor)
            self._descriptor = None
        if self.returncode is None:
            try:
                self.returncode = self._zygote.ask(do="poll", pid=self.pid)
            except (OSError, ValueError):
                self.returncode = -signal.SIGKILL  # gone with the one that forked it
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; only called when it has ended."""
        while self.poll() is None:
            threading.Event().wait(0.01)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


_zygotes: dict[tuple[Any, ...], Zygote] = {}
_making = threading.Lock()


class ForkingProvisioner(LocalProvisioner):
    """Has a kernel forked; where that does not work it is started as always."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Launch a kernel with a command."""
        try:
            pid = await asyncio.to_thread(_fork, cmd, options["env"], str(options.get("cwd") or os.getcwd()))  # noqa: PTH109
        except (OSError, ValueError, KeyError):
            _zygotes.clear()
            return await super().launch_kernel(cmd, **options)
        process: Any = ForkedProcess(*pid)
        self.process = process
        self.pid = self.pgid = process.pid  # it leads a session of its own
        self.cwd = options.get("cwd")
        return self.connection_info


def _fork(command: list[str], env: Mapping[str, str], cwd: str) -> tuple[Zygote, int]:
    start = {name: value for name, value in env.items() if name in _STARTING or _THREADS.fullmatch(name)}
    key = (tuple(sorted(start.items())), _modules)
    with _making:  # lanes that begin at once share one
        if key not in _zygotes:
            clean = {name: value for name, value in env.items() if not name.startswith("MLOPS_NB_")}
            _zygotes[key] = Zygote(clean, _modules)
        zygote = _zygotes[key]
    return zygote, int(zygote.ask(do="fork", env=dict(env), cwd=cwd, words=command[3:]))


def can_fork(argv: Iterable[str]) -> bool:
    """Whether a kernel with this command is one of ours, on a system where forking is safe.

    Examples
    --------
    >>> can_fork(["R", "--slave"])
    False
    """
    words = list(argv)
    if not sys.platform.startswith("linux") or os.environ.get("MLOPS_NB_COLD_KERNELS"):
        return False
    if len(words) != 5 or words[1:] != ["-m", "ipykernel_launcher", "-f", "{connection_file}"]:
        return False
    return words[0] in ("python", "python3") or os.path.realpath(words[0]) == os.path.realpath(sys.executable)


class WarmKernelManager(AsyncKernelManager):
    """A kernel manager whose kernels are forked where that is safe."""

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        if self.provisioner is None and self.kernel_spec is not None and can_fork(self.kernel_spec.argv):
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = ForkingProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**options)

    async def finish_shutdown(  # type: ignore[override]
        self, waittime: float | None = None, pollinterval: float = 0.01, restart: bool = False
    ) -> None:
        """Wait for the kernel's end, without a tenth of a second lost each time."""
        await self._async_finish_shutdown(waittime, pollinterval, restart)
