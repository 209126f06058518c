"""Runs notebook sessions in a real IPython shell, and their slices again in a fresh process.

Started as a script, it is a zygote: it loads IPython and the usual libraries once, then forks a child for each session
and another for each replay, so that a hundred of them take seconds. JSON lines in, JSON lines out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PRELOAD = ("numpy", "pandas", "matplotlib.pyplot", "sklearn.linear_model", "sklearn.ensemble", "sqlite3", "scipy.stats")


def canon(value: Any, depth: int = 0) -> str:
    """A text that two equal values share, for the values that scenarios make."""
    module = type(value).__module__.partition(".")[0]
    if depth > 6:
        return "..."
    if module == "numpy" and hasattr(value, "tolist"):
        return f"array({value.tolist()!r})"
    if module == "pandas" and hasattr(value, "to_csv"):
        return value.to_csv()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{canon(k)}: {canon(v, depth + 1)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(canon(v, depth + 1) for v in value)})"
    if isinstance(value, set | frozenset):
        return f"set({sorted(canon(v, depth + 1) for v in value)})"
    return repr(value)


def run_session(shell: Any, cells: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Run cells in order with a `Follower` attached; the last one is the target, and binds ``result``."""
    from mlops_nb.capture.slicing import Follower
    from mlops_nb.capture.slicing.script import slice_script

    space = shell.user_ns
    follower = Follower(space, **options.get("follower", {}))
    tokens: list[Any] = []

    def start(info: Any) -> None:
        transformed = getattr(info, "transformed_cell", None) or info.raw_cell
        tokens.append(follower.before(info.raw_cell, transformed, shell.execution_count, info.cell_id))

    def end(result: Any) -> None:
        error = result.error_in_exec or result.error_before_exec
        follower.after(tokens.pop(), error, execution_count=result.execution_count)

    shell.events.register("pre_run_cell", start)
    shell.events.register("post_run_cell", end)
    errors = []
    for number, cell in enumerate(cells):
        cell_id, source = cell if isinstance(cell, list | tuple) else (f"c{number}", cell)
        done = shell.run_cell(source, store_history=True, cell_id=cell_id)
        errors.append(type(done.error_in_exec or done.error_before_exec).__name__)
    found = follower.slice_of(follower.last_index, restore_random=options.get("restore_random", False))
    log = follower.ledger.executions
    return {
        "slice": [e["index"] for e in found.executions],
        "sources": [[e["execution_count"], e["source"]] for e in (*found.executions, found.target)],
        "script": slice_script(found),
        "value": canon(space.get("result", "nothing")),
        "notes": found.notes,
        "errors": errors,
        "overheads": [e.overhead for e in log],
        "seconds": [e.seconds for e in log],
        "session": follower.session(),
        "extra": canon(eval(options["extra"], space)) if "extra" in options else None,
    }


def replay(shell: Any, sources: Sequence[tuple[int, str]], _options: dict[str, Any]) -> dict[str, Any]:
    """Run a slice with its execution counts, going on after errors as the session did."""
    for count, source in sources:
        shell.execution_count = count
        shell.run_cell(source, store_history=True)
    return {"value": canon(shell.user_ns.get("result", "nothing"))}


def run_script(shell: Any, script: str, _options: dict[str, Any]) -> dict[str, Any]:
    """Run a slice's script as a file, as ``ipython slice.ipy`` does."""
    Path("slice.ipy").write_text(script)
    shell.safe_execfile_ipy("slice.ipy", shell_futures=True)
    return {"value": canon(shell.user_ns.get("result", "nothing"))}


def in_child(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """Run `work` in a forked child, in a folder of its own, and hand back what it returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            silent = os.open(os.devnull, os.O_RDWR)
            os.dup2(silent, 1)
            if not os.environ.get("SESSIONS_LOUD"):
                os.dup2(silent, 2)
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                sys.path.insert(0, folder)
                try:
                    answer = work(*args)
                except BaseException:
                    answer = {"failure": traceback.format_exc()}
                os.chdir("/")
            with os.fdopen(writing, "w") as out:
                out.write(json.dumps(answer))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer_file:
        text = answer_file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"failure": "the child died"}


def serve(preload: Sequence[str]) -> None:
    """Answer requests from standard input until it closes."""
    os.environ["MPLBACKEND"] = "Agg"
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[key] = "1"  # a forked child must not find dead threads
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    for name in preload:
        __import__(name)
    works = {"session": run_session, "replay": replay, "script": run_script}
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        work, argument, options = json.loads(line)
        answers.write(json.dumps(in_child(works[work], shell, argument, options)) + "\n")
        answers.flush()


class Sessions:
    """The other end of the zygote."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, work: str, argument: Any, **options: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([work, argument, options]) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "failure" not in answer, answer["failure"]
        return answer

    def prove(self, cells: Sequence[Any], **options: Any) -> dict[str, Any]:
        """Run a session, then its slice in a fresh process; adds what came out as ``replayed``."""
        answer = self.ask("session", list(cells), **options)
        answer["replayed"] = self.ask("replay", answer["sources"])["value"]
        return answer


@contextmanager
def sessions(preload: Sequence[str] = PRELOAD) -> Iterator[Sessions]:
    """A zygote for as long as the block runs."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, __file__, *preload],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("SESSIONS_LOUD") else subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "0"},
    )
    try:
        yield Sessions(process)
    finally:
        process.communicate()


if __name__ == "__main__":
    serve(sys.argv[1:])
