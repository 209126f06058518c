"""The progress bar, on a terminal and off it."""

from __future__ import annotations

import io
import re

from mlops_nb.entities import Status
from mlops_nb.projects.progress import ProgressBar


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def drive(bar: ProgressBar) -> None:
    """Tell it of a notebook of two cells."""
    bar.on_start(2)
    bar.on_cell(0, "# first\nmodel.fit(X)")
    bar.on_output(0, {"output_type": "stream", "name": "stdout", "text": "epoch 1\repoch 2 [bold]\x1b[2J\n\n"})
    bar.on_output(0, {"output_type": "display_data", "data": {}})
    bar.on_cell_done(0)
    bar.on_cell(1, "%%time")
    bar.on_cell_done(1)
    bar.on_end(Status.FINISHED, None)


def test_off_a_terminal_it_is_a_line_a_cell() -> None:
    stream = io.StringIO()
    drive(ProgressBar("train.ipynb", stream))
    assert stream.getvalue() == "train.ipynb: 1 of 2 cells\ntrain.ipynb: 2 of 2 cells\n"


def drawn(stream: Terminal) -> str:
    """What was drawn, without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def test_on_a_terminal_it_is_drawn_and_goes_away() -> None:
    stream = Terminal()
    drive(ProgressBar("train.ipynb", stream))
    assert "train.ipynb" in drawn(stream) and "2/2 cells" in drawn(stream)
    assert drawn(stream).endswith("\x1b[2K")


def test_what_the_notebook_prints_does_not_steer_the_terminal() -> None:
    stream = Terminal()
    bar = ProgressBar("train.ipynb", stream)
    bar.on_start(1)
    bar.on_output(0, {"output_type": "stream", "name": "stdout", "text": "epoch 1\repoch 2 [bold]\x1b[2J\n\n"})
    bar.on_end(Status.KILLED, None)
    assert "epoch 2 [bold][2J" in drawn(stream)
    assert "\x1b[2J" not in drawn(stream)
