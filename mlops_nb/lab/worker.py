"""The process around a job: it starts the command, outlives the server, and writes down how it ended. No imports but
the standard library, since it lives as long as the job does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

END = "end.json"
CHILD = "child.json"
LOG = "log.txt"
OUT = "out.json"
ASKED = "asked.json"


def write_whole(path: Path, value: Any) -> None:
    """Write JSON so that no reader sees half of it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> write_whole(path, {"a": 1}); path.read_text()
    '{"a": 1}'
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value), encoding="utf-8")
    draft.replace(path)


def work(folder: Path) -> int:
    """Run the command that the folder names, and keep its exit status there."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, frame: None)  # they are for the command: it ends, then we do
    asked = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    with (folder / OUT).open("wb") as out, (folder / LOG).open("ab") as log:
        try:
            command = subprocess.Popen(
                asked["command"], cwd=asked["folder"], stdin=subprocess.DEVNULL, stdout=out, stderr=log
            )
        except OSError as error:
            log.write(f"The job could not be started: {error}.\n".encode())
            write_whole(folder / END, {"status": 127, "time": time.time_ns() // 1_000_000})
            return 127
        write_whole(folder / CHILD, {"pid": command.pid})
        while True:
            try:
                status = command.wait()
                break
            except InterruptedError:
                continue
    write_whole(folder / END, {"status": status, "time": time.time_ns() // 1_000_000})
    return status


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
