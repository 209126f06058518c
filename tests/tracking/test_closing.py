"""The end of a process: what is left is delivered, and nobody waits for anybody."""

from __future__ import annotations

import threading
from pathlib import Path

from mlops_nb import workspace as workspaces


def test_closing_does_not_keep_the_drain_from_opening_the_store(tmp_path: Path) -> None:
    """Short processes end before their first delivery: it opens the store while the one who closes waits for it."""
    space = workspaces.open_workspace(str(tmp_path / "store"))
    begun, closing, opened = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        closing.wait(10)
        threading.Event().wait(0.3)  # until the other one waits for this
        assert space.store is not None
        opened.set()

    space.drain.later(work)
    assert begun.wait(30)
    closer = threading.Thread(target=lambda: (closing.set(), space.close()))
    closer.start()
    assert opened.wait(4), "they waited for each other"
    closer.join(30)
    assert not closer.is_alive() and not space.is_open
