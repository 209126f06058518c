"""What is inside a pickle, told without running it."""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from mlops_nb.errors import CorruptData

_CODE = ("cloudpickle", "builtins.eval", "builtins.exec", "builtins.compile", "builtins.getattr", "builtins.__import__",
         "os.",
         "posix.", "nt.", "subprocess.", "sys.", "socket.", "shutil.", "importlib.", "runpy.", "ctypes.", "types.",
         "marshal.", "webbrowser.", "pty.", "builtins.open", "operator.", "functools.partial")  # fmt: skip
"""Names that can do anything. What is not among them is not thereby safe: the list is for the message, never a gate."""


def names_in(path: Path) -> list[str]:
    """The dotted names that a pickle imports; of a zip (PyTorch's files), those of all the pickles in it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of str
        Sorted; what could not be told is ``?``.

    Raises
    ------
    CorruptData
        If it is no pickle.

    Examples
    --------
    >>> import pickle, tempfile
    >>> path = Path(tempfile.mkdtemp(), "x.pkl")
    >>> _ = path.write_bytes(pickle.dumps(print))
    >>> names_in(path)
    ['builtins.print']
    """
    if zipfile.is_zipfile(path):
        found: set[str] = set()
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith((".pkl", ".pickle")):
                        found |= set(_names(io.BytesIO(archive.read(name)), path.name))
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise CorruptData(f"{path.name} is damaged: {error}.", hint="Fetch the model again.") from None
        return sorted(found)
    with path.open("rb") as file:
        return sorted(_names(file, path.name))


def _names(file: BinaryIO, label: str) -> set[str]:
    found: set[str] = set()
    strings: list[str] = []
    memo: dict[int, str] = {}
    try:
        for code, value, _ in pickletools.genops(file):
            if code.name in ("GLOBAL", "INST"):
                found.add(str(value).replace(" ", ".", 1))
            elif code.name == "STACK_GLOBAL":
                found.add(".".join(strings[-2:]) if len(strings) >= 2 else "?")
            elif "UNICODE" in code.name or code.name in ("STRING", "BINSTRING", "SHORT_BINSTRING"):
                strings.append(str(value))
            elif code.name == "MEMOIZE":
                memo[len(memo)] = strings[-1] if strings else "?"
            elif code.name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[int(value or 0)] = strings[-1] if strings else "?"
            elif code.name in ("GET", "BINGET", "LONG_BINGET"):
                strings.append(memo.get(int(value or 0), "?"))
    except Exception as error:  # pickletools raises whatever the bytes make it raise
        raise CorruptData(f"{label} is not a whole pickle: {error}.", hint="Fetch the model again.") from None
    return found


def describe(names: list[str], limit: int = 10) -> str:
    """The names for a message: those that can do anything first.

    Examples
    --------
    >>> describe(["numpy.ndarray", "os.system"])
    'os.system (can run anything), numpy.ndarray'
    """
    grave = [name for name in names if name.startswith(_CODE)]
    mild = [name for name in names if not name.startswith(_CODE)]
    shown = [*(f"{name} (can run anything)" for name in grave), *mild]
    return ", ".join(shown[:limit]) + (f" and {len(shown) - limit} more" if len(shown) > limit else "")


class NamedUnpickler(pickle.Unpickler):
    """Unpickles, importing only what was trusted by name.

    Parameters
    ----------
    file : binary file
    trusted : set of str
        Dotted names.
    """

    def __init__(self, file: BinaryIO, trusted: set[str]) -> None:
        super().__init__(file)
        self._trusted = trusted

    def find_class(self, module: str, name: str) -> Any:
        """Import a trusted name, or refuse."""
        if f"{module}.{name}" not in self._trusted:
            raise pickle.UnpicklingError(f"{module}.{name} was not trusted")
        return super().find_class(module, name)
