"""Measure serving beside ``mlflow models serve`` and MLServer: same model, same client, one run; a Markdown table.

Each peer gets a virtual environment of its own in the cache folder. The client is one process that speaks plain
HTTP/1.1 over connections that are kept alive. Processor time is of all of a server's processes, for each request.

    python -m benchmarks.serving --cache FOLDER
    python -m benchmarks.serving --cache FOLDER --peers ours,ours_no_log --requests 4000
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

PEERS = ("ours", "ours_no_log", "mlflow", "mlserver")
PACKAGES = {
    "mlflow": ["mlflow>=3", "scikit-learn=={sklearn}", "skops", "pandas"],
    "mlserver": ["mlserver", "mlserver-mlflow", "mlflow>=3,<4", "scikit-learn=={sklearn}", "skops", "pandas"],
}
MEASURES = {
    "first": "first answer, s",
    "p50": "1 client: p50, ms",
    "p99": "1 client: p99, ms",
    "rate1": "1 client: requests/s",
    "rate4": "4 clients: requests/s",
    "p99_4": "4 clients: p99, ms",
    "cpu": "processor time a request, ms",
    "memory": "memory, MB",
}

SAVE = """
import sys, mlops_nb
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from mlops_nb.models import save_model
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
save_model(model, sys.argv[1] + "/cancer", input_example=X.head(1), requirements=["scikit-learn", "skops"])
"""


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where peers' environments live")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, with commas between them")
    parser.add_argument("--requests", type=int, default=3000, help="for each number of clients")
    parser.add_argument("--repeat", type=int, default=3, help="times that all peers take their turn; the median counts")
    options = parser.parse_args()
    peers = options.peers.split(",")
    pythons = {peer: python_of(peer, options.cache.resolve()) for peer in peers}
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as folder:
        subprocess.run([sys.executable, "-c", SAVE, folder], check=True)
        found: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
        for _ in range(options.repeat):
            for peer in peers:
                found[peer].append(measured(peer, pythons[peer], Path(folder), options.requests))
                print(peer, {k: round(v, 3) for k, v in found[peer][-1].items()}, file=sys.stderr)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; {options.requests} requests a number of clients, "
          f"median of {options.repeat}.\n")  # fmt: skip
    print(table(found, peers))


def table(found: dict[str, list[dict[str, float]]], peers: list[str]) -> str:
    """The medians as Markdown."""
    lines = ["| | " + " | ".join(peers) + " |", "| --- |" + " --: |" * len(peers)]
    for key, label in MEASURES.items():
        cells = [sorted(each[key] for each in found[peer])[len(found[peer]) // 2] for peer in peers]
        shown = [f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in cells]
        lines.append(f"| {label} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def python_of(peer: str, cache: Path) -> str:
    """The interpreter that a peer is measured with; its environment is made when there is none."""
    if peer not in PACKAGES:
        return sys.executable
    import sklearn

    python = cache / f"serving-{peer}" / "bin" / "python"
    if not python.exists():
        print(f"making an environment for {peer}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", str(python.parents[1])], check=True)
        wanted = [each.format(sklearn=sklearn.__version__) for each in PACKAGES[peer]]
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), *wanted]
        subprocess.run(install, check=True)
    return str(python)


def command(peer: str, python: str, folder: Path, port: int) -> tuple[list[str], str]:
    """How a peer is started, and the path that it scores at."""
    model = folder / "cancer"
    if peer.startswith("ours"):
        log = ["--no-log"] if peer == "ours_no_log" else ["--log", str(folder / "log")]
        return [python, "-m", "mlops_nb.cli", "serve", str(model), "--port", str(port), *log], "/invocations"
    if peer == "mlflow":
        words = ["models", "serve", "-m", str(model), "--env-manager", "local", "-p", str(port), "--workers", "1"]
        return [python, "-m", "mlflow", *words], "/invocations"
    home = folder / "mlserver"
    if not home.exists():
        (home / "cancer").mkdir(parents=True)
        shutil.copytree(model, home / "cancer" / "model")
        settings: dict[str, Any] = {"name": "cancer", "implementation": "mlserver_mlflow.MLflowRuntime"}
        settings["parameters"] = {"uri": "./model"}
        (home / "cancer" / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0}
    (home / "settings.json").write_text(json.dumps(ports), encoding="utf-8")
    return [str(Path(python).parent / "mlserver"), "start", str(home)], "/invocations"


def measured(peer: str, python: str, folder: Path, requests: int) -> dict[str, float]:
    """One server from its start to its end."""
    port = free_port()
    words, path = command(peer, python, folder, port)
    body = (folder / "cancer" / "serving_input_example.json").read_bytes()
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1",
                   "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
    begun = time.perf_counter()
    with (folder / f"{peer}.txt").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        first = first_answer(port, request, process, begun)
        ask_all(port, request, 1, 200)
        cpu = processor_time(process.pid)
        one, seconds_one = ask_all(port, request, 1, requests)
        four, seconds_four = ask_all(port, request, 4, requests)
        spent = processor_time(process.pid) - cpu
        return {
            "first": first, "p50": one[len(one) // 2] * 1000, "p99": one[int(len(one) * 0.99)] * 1000,
            "rate1": len(one) / seconds_one, "rate4": len(four) / seconds_four,
            "p99_4": four[int(len(four) * 0.99)] * 1000, "cpu": spent * 1000 / (len(one) + len(four)),
            "memory": sum(each.memory_info().rss for each in family(process.pid)) / 2**20,
        }  # fmt: skip
    finally:
        for each in reversed(family(process.pid)):
            each.terminate()
        process.wait(60)


def first_answer(port: int, request: bytes, process: subprocess.Popen[bytes], begun: float) -> float:
    """Seconds until a prediction has come back."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                if exchange(connection, request) == 200:
                    return time.perf_counter() - begun
        except OSError:
            pass
        if process.poll() is not None or time.perf_counter() - begun > 300:
            raise SystemExit(f"{process.args} does not answer")
        time.sleep(0.02)


def ask_all(port: int, request: bytes, clients: int, requests: int) -> tuple[list[float], float]:
    """Latencies in seconds, sorted, and the time that all of it took."""
    found: list[float] = []

    def ask() -> None:
        mine = []
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(requests // clients):
                begun = time.perf_counter()
                assert exchange(connection, request) == 200
                mine.append(time.perf_counter() - begun)
        found.extend(mine)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    return sorted(found), seconds


def exchange(connection: socket.socket, request: bytes) -> int:
    """Send a request, read the whole answer; its status."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, rest = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2])
    while len(rest) < length:
        rest += received(connection)
    return int(head.split(b" ", 2)[1])


def received(connection: socket.socket) -> bytes:
    """What has come, which is not nothing."""
    data = connection.recv(65_536)
    if not data:
        raise OSError("closed")
    return data


def family(pid: int) -> list[Any]:
    """A process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def processor_time(pid: int) -> float:
    """Seconds of all of them."""
    return sum(sum(each.cpu_times()[:2]) for each in family(pid))


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
