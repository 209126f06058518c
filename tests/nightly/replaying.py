"""Runs slices of real notebooks, each alone in a fresh process: JSON lines in, JSON lines out.

Started as a script it loads the libraries named on its command line once, and forks a child for each slice.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Any


def replay(shell: Any, parts: Sequence[Any]) -> dict[str, Any]:
    """Run a slice, random state given back before each part, and say what its last cell computed and showed."""
    from IPython.utils.capture import capture_output

    from mlops_nb.capture.cells import analyse
    from mlops_nb.capture.metrics import metrics_after

    for place, (source, pin, count) in enumerate(parts):
        if pin:
            shell.run_cell(pin, silent=True)
        shell.execution_count = count
        with capture_output() as shown:
            done = shell.run_cell(source, store_history=True)
        if place == len(parts) - 1:
            error = done.error_before_exec or done.error_in_exec
            facts = analyse(shell.transform_cell(source))
            return {
                "metrics": {key: repr(v) for key, v in metrics_after(facts, shell.user_ns, done.result).items()},
                "shown": shown.stdout + "".join(output.data.get("text/plain", "") for output in shown.outputs),
                "error": f"{type(error).__name__}: {error}" if error else "",
            }
    return {"error": "an empty slice"}


def in_child(shell: Any, parts: Sequence[Any]) -> dict[str, Any]:
    """The same in a forked child, in a folder of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        silent = os.open(os.devnull, os.O_RDWR)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                answer = replay(shell, parts)
            except BaseException:
                answer = {"error": traceback.format_exc()}
            os.chdir("/")
        with os.fdopen(writing, "w") as out:
            out.write(json.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer_file:
        text = answer_file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"error": "the process died"}


def serve(preload: Sequence[str]) -> None:
    """Answer until standard input closes."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class ZmqLikeShell(InteractiveShell):
        kernel = None
        """That there is one tells pandas that this is no terminal: it shows 20 columns then, and not as many as fit."""

        def enable_gui(self, gui: str | None = None) -> None:
            """There is no window. The class's name: pandas knows a front end by "zmq", and fits tables to it."""

    config = Config()
    config.HistoryManager.enabled = False
    shell = ZmqLikeShell.instance(config=config)
    shell.colors = "nocolor"
    with shell.builtin_trap:  # pandas asks `get_ipython` when it is imported, which is there only while a cell runs
        for name in preload:
            __import__(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(in_child(shell, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1:])
