"""What a slice made is put aside while it runs again: each rerun begins as the session did, and leaves no trace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mlops_nb.comparison import RunView

__all__ = ["products_aside"]

SUFFIX = ".mlops_nb-aside"


@contextlib.contextmanager
def products_aside(view: RunView, project: Path) -> Iterator[None]:
    """Within the block, the files that the slice makes from nothing are not there; after it they are as they were.

    Files that it adds to or changes in place stay: what was in them before is not known any more.

    Parameters
    ----------
    view : RunView
        The run whose slice is executed again.
    project : Path
        What relative paths are relative to.
    """
    paths = [
        Path(ref.path) if Path(ref.path).is_absolute() else project / ref.path
        for ref in view.data
        if ref.mode == "write" and ref.profile.get("made") and ref.profile.get("kind") in ("file", "database")
    ]
    moved = [(path, aside) for path in dict.fromkeys(paths) if (aside := _move(path)) is not None]
    try:
        yield
    finally:
        for path, aside in moved:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            if aside.exists():
                aside.replace(path)


def _move(path: Path) -> Path | None:
    """Where a product was put, or would be if it were there; None if it has to stay where it is."""
    aside = path.with_name(f".{path.name[:200]}{SUFFIX}")
    try:
        if aside.exists():  # a rerun that was killed left it: it is what stood here
            aside.replace(path)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return None
        if path.exists():
            path.replace(aside)
    except OSError:
        return None  # a folder that cannot be written to: the rerun cannot change it either
    return aside
