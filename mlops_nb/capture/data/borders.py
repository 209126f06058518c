"""Which files are the user's data, and which belong to the interpreter, the kernel, caches, or this product."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from functools import cache
from importlib.util import source_from_cache
from pathlib import Path

from mlops_nb.capture.installed import is_claimed

__all__ = ["Border"]

_SYSTEM = "/proc /sys /dev /run /etc /usr/share /usr/lib /usr/lib64 /lib /lib64 /var/cache".split()

_HOME = (
    ".ipython .jupyter .local/share/jupyter .local/share/mlops_nb .local/lib .config .matplotlib .conda .mamba .pyenv "
    ".cache/pip .cache/uv .cache/matplotlib .cache/fontconfig .cache/pypoetry .cache/numba .cache/jedi .cache/parso "
    ".cache/ruff .cache/black .cache/torch/kernels .cache/torch_extensions .cache/mesa_shader_cache .fonts "
    ".local/share/fonts .nv .triton .ssh .aws .azure .gnupg .kube .netrc .pgpass .gitconfig Library/Jupyter "
    "Library/Caches/pip AppData/Roaming/jupyter"
).split()
"""Below the home folder: tools' settings and caches, and credentials. The rest of ``.cache`` may be data sets."""

_PARTS = frozenset(
    ".mlops_nb .ipynb_checkpoints .git .hg .svn node_modules .mypy_cache .ruff_cache .pytest_cache __pypackages__ "
    ".virtual_documents".split()
)

_SUFFIXES = tuple(
    ".pyc .pyo .so .pyd .dll .dylib .ttf .otf .ttc .afm .pfb .nbi .nbc -journal -wal -shm .swp .lock".split()
)

_TEMPORARY = re.compile(r"/+(?:ipykernel_|ipython_|joblib_memmapping_folder_|pymp-|mlops_nb-|matplotlib-)")


class Border:
    """Says of a path what it is: the user's (``file``), the user's code (``code``), or not to be recorded (None).

    Parameters
    ----------
    root : str or Path
        The project's root. Files below it are judged by the environment's folders inside it only, so that a project
        below ``/usr`` or below a conda prefix is still a project.
    ignored : iterable of str or Path
        More folders that are left out (the workspace, if it is elsewhere).

    Examples
    --------
    >>> border = Border("/project")
    >>> border.kind("/project/data/a.csv"), border.kind("/project/model.py"), border.kind("/proc/self/stat")
    ('file', 'code', None)
    """

    def __init__(self, root: str | Path, ignored: Iterable[str | Path] = ()) -> None:
        self.root = os.path.realpath(root)
        own = [os.path.realpath(path) for path in ignored]
        self._prefixes = tuple(
            prefix.rstrip(os.sep) + os.sep
            for prefix in {*_environment(), *_personal(), *_SYSTEM, *own}
            if not _below(self.root, prefix)
        )
        inside = (path.rstrip(os.sep) + os.sep for path in (*_libraries(), *own))
        self._outside = (*inside, *self._prefixes)

    def kind(self, path: str) -> str | None:
        """What an absolute path is: ``file``, ``code``, or None for what is left out.

        Examples
        --------
        >>> Border("/project").kind("/project/.mlops_nb/store.db") is None
        True
        """
        if path.startswith(self._outside) or is_claimed(path):
            return None
        name = path.rpartition(os.sep)[2]
        if name.endswith(_SUFFIXES) or not _PARTS.isdisjoint(path.split(os.sep)):
            return None
        for folder in _temporary_folders():
            if path.startswith(folder) and _TEMPORARY.match(path, len(folder)):
                return None
        return "code" if name.endswith((".py", ".pyi", ".pyx")) else "file"

    def is_outside(self, path: str) -> bool:
        """Whether a path, as it was opened, is surely left out: importing a library opens a thousand such files.

        Examples
        --------
        >>> Border("/project").is_outside(os.__file__), Border("/project").is_outside("/project/a.csv")
        (True, False)
        """
        return path.startswith(self._outside) and os.pardir not in path

    def source(self, path: str) -> str:
        """The source file that a byte-code file was made of, for a local import; any other path as it is.

        Examples
        --------
        >>> Border("/p").source("/p/__pycache__/model.cpython-311.pyc")
        '/p/model.py'
        """
        if not path.endswith(".pyc"):
            return path
        try:
            return source_from_cache(path)
        except ValueError:  # byte code beside no source
            return path

    def relative(self, path: str) -> str | None:
        """The path seen from the project's root, with ``/``; None if it is outside.

        Examples
        --------
        >>> Border("/project").relative("/project/data/a.csv"), Border("/project").relative("/data/a.csv")
        ('data/a.csv', None)
        """
        return path[len(self.root) :].lstrip(os.sep).replace(os.sep, "/") if _below(path, self.root) else None


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of the standard library and of installed packages."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts", "data")}
    paths.discard(sysconfig.get_path("data"))  # the prefix itself: too wide for a project inside it
    paths.update(site.getsitepackages(), [site.getusersitepackages()])
    if sys.prefix != sys.base_prefix:
        paths.add(sys.prefix)  # a virtual environment holds nothing else
    package = str(Path(__file__).parents[2])
    return tuple({real for path in (*paths, package) if path for real in (path, os.path.realpath(path))})


@cache
def _environment() -> tuple[str, ...]:
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *_libraries()}
    return tuple(prefix for prefix in prefixes if prefix != os.sep)


@cache
def _personal() -> tuple[str, ...]:
    home = os.path.expanduser("~")
    return tuple(os.path.join(home, name) for name in _HOME)


@cache
def _temporary_folders() -> tuple[str, ...]:
    return tuple({tempfile.gettempdir(), os.path.realpath(tempfile.gettempdir()), "/tmp", "/var/folders"})
