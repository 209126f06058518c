"""A real IPython kernel to run cells in, and what came back."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

CARD = "application/vnd.mlops-nb.run+json"


@dataclass
class Reply:
    """What a cell showed and answered; run cards apart."""

    status: str
    execution_count: int
    outputs: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """stdout, stderr, results and displays as text, in order."""
        parts = []
        for output in self.outputs:
            if output["type"] == "stream":
                parts.append(output["text"])
            elif output["type"] == "error":
                parts.append("\n".join(output["traceback"]))
            elif "data" in output:  # else it clears what is there
                parts.append(output["data"].get("text/plain", "") + "\n")
        return "".join(parts)

    def stream(self, name: str) -> str:
        """What was written to one stream."""
        return "".join(o["text"] for o in self.outputs if o["type"] == "stream" and o["name"] == name)

    @property
    def result(self) -> str | None:
        """The text of the execute_result."""
        found = [o["data"]["text/plain"] for o in self.outputs if o["type"] == "execute_result"]
        return found[0] if found else None

    @property
    def traceback(self) -> list[str]:
        """The lines of the error."""
        found = [o["traceback"] for o in self.outputs if o["type"] == "error"]
        return found[0] if found else []

    @property
    def card(self) -> dict[str, Any]:
        """The run card's own JSON, with the run's fields on top."""
        assert len(self.cards) == 1, f"{len(self.cards)} cards, {self.outputs}"
        card: dict[str, Any] = self.cards[0]["data"][CARD]
        return {**card, **card["run"]}


class Kernel:
    """A running kernel."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        found: int = self.manager.provisioner.pid
        return found

    def send(self, code: str, cell_id: str | None = None) -> str:
        """Ask for a cell to be run, and go on."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", {**content, "stop_on_error": False})
        if cell_id is not None:
            message["metadata"]["cellId"] = cell_id
        self.client.shell_channel.send(message)
        found: str = message["header"]["msg_id"]
        return found

    def collect(self, msg_id: str, timeout: float = 60) -> Reply:
        """Wait for a cell's end and give what it showed."""
        outputs: list[dict[str, Any]] = []
        cards = []
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("display_data", "update_display_data") and CARD in content["data"]:
                cards.append(content)
            elif kind in ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output"):
                outputs.append({"type": kind, **content})
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.1, deadline - time.monotonic()))
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        content = reply["content"]
        return Reply(content["status"], content.get("execution_count", -1), outputs, cards, content)

    def run(self, code: str, cell_id: str | None = None, timeout: float = 60) -> Reply:
        """Run a cell and wait for it."""
        return self.collect(self.send(code, cell_id), timeout)

    def value(self, expression: str) -> Any:
        """A value of the kernel's namespace."""
        import ast

        reply = self.run(f"print(repr({expression}))")
        return ast.literal_eval(reply.stream("stdout").strip())

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def interrupt(self) -> None:
        """What the stop button does."""
        self.manager.interrupt_kernel()

    def close(self) -> None:
        """Shut down."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def running_kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """A kernel that works in `folder`, with a store in it."""
    manager = KernelManager(kernel_name="python3")
    root = Path(__file__).resolve().parents[1]
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JPY_"))},
        "MLOPS_NB_STORE": str(folder / ".mlops_nb"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        **environment,
    }
    manager.start_kernel(cwd=str(folder), env=env)
    kernel = Kernel(manager)
    try:
        yield kernel
    finally:
        kernel.close()
