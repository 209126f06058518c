"""Measure JupyterLab's panels in Chromium on a store of many runs, with MLflow's UI on the same runs beside them.

Everything is real: a JupyterLab server, a browser without a GPU, a store of 100,000 runs, `mlflow server` in its own
environment. Times are wall times in the page, so the load average stands beside them.

    python -m benchmarks.lab --cache FOLDER          # five minutes; the first time longer, to fill stores
    python -m benchmarks.lab --cache FOLDER --part sidebar curves

Where other programs take the processors, a task of the page takes long by the clock without having much to do: beside
the longest by the clock stands the longest by the processor's time, from Chromium's own trace.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.lab_server import Server, bundle_sizes, fill_curves, fill_runs, mlflow_server

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
ROWS = ".mlops-Row-run"
PARTS = ("sidebar", "groups", "start", "curves", "mlflow")
TRACED = ["toplevel", "devtools.timeline"]
LONG_TASKS = """() => {
    window.longTasks = [];
    new PerformanceObserver(list => list.getEntries().forEach(each => longTasks.push(each.duration)))
        .observe({type: 'longtask', buffered: false});
}"""
SCROLL = """selector => new Promise(done => {
    const node = document.querySelector(selector);
    const frames = [];
    let last = performance.now();
    let left = 240;
    const step = now => {
        frames.push(now - last);
        last = now;
        node.scrollTop += 180;
        --left ? requestAnimationFrame(step) : done(frames);
    };
    requestAnimationFrame(step);
})"""
SEEN = """selector => new Promise((done, fail) => {
    const begin = performance.now();
    const look = () => {
        const waited = performance.now() - begin;
        if (document.querySelector(selector)) done(waited);
        else if (waited > 60000) fail(new Error(`${selector} was not there after a minute`));
        else requestAnimationFrame(look);
    };
    look();
})"""

Table = list[tuple[str, str, str]]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where stores and MLflow's environment live")
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store")
    parser.add_argument("--points", type=int, default=1_000_000, help="points of each of ten curves")
    parser.add_argument("--repeat", type=int, default=3, help="pages a measure; the median counts")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS), help="what is measured")
    options = parser.parse_args()
    cache, times = options.cache.resolve(), options.repeat
    table: Table = [("bundle, compressed", f"{bundle_sizes()[1] / 1000:.0f} kB", "<= 400 kB")]
    with browser() as chromium, tempfile.TemporaryDirectory(prefix="bench-lab-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if {"sidebar", "groups", "start"} & set(options.part):
            say(f"a store of {options.runs:,} runs")
            with serve(folder / "with", fill_runs(cache, options.runs)) as server:
                if "sidebar" in options.part:
                    table += measure_sidebar(chromium, server, times)
                if "groups" in options.part:
                    table += measure_groups(server, times)
                if "start" in options.part:
                    table += measure_start(chromium, server, folder, times)
        if "curves" in options.part:
            say(f"a run of ten curves of {options.points:,} points")
            with serve(folder / "curves", fill_curves(cache, options.points)) as server:
                table += measure_curves(chromium, server, times)
        if "mlflow" in options.part:
            say("MLflow's UI")
            with mlflow_server(cache, options.runs) as address:
                table += measure_mlflow(chromium, address, times)
    show(table, options.runs)


def say(what: str) -> None:
    """What is done now, so that one sees that it goes on."""
    print(f"… {what}", file=sys.stderr, flush=True)


@contextmanager
def serve(folder: Path, store: Path, *, extension: bool = True) -> Iterator[Server]:
    """A JupyterLab server for as long as it is needed."""
    server = Server(folder, store, extension=extension)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("MLOPS_NB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("No Chromium is installed; name one with MLOPS_NB_CHROMIUM.")
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS.split())
        yield made
        made.close()


@contextmanager
def page(chromium: Any, address: str, **options: Any) -> Iterator[Any]:
    """A fresh page, loaded."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
    made = context.new_page()
    made.set_default_timeout(180_000)
    try:
        made.goto(address)
        yield made
    finally:
        context.close()


def wait_lab(view: Any) -> None:
    """Until JupyterLab stands."""
    view.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    view.evaluate("jupyterapp.restored.then(() => true)")


def median(measure: Callable[[], float], times: int) -> float:
    """The median of several, each in a page of its own."""
    return statistics.median(measure() for _ in range(times))


def measure_sidebar(chromium: Any, server: Server, times: int) -> Table:
    """The sidebar from the click on its tab on: first rows, scrolling, searching, memory."""
    names = ("open", "long", "work", "frame", "p95", "search", "total", "memory")
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(times):
        say(f"sidebar, {number + 1} of {times}")
        with page(chromium, server.lab_url()) as view:
            wait_lab(view)
            view.wait_for_timeout(1500)  # what JupyterLab itself still does after its start
            before = memory(view)
            view.evaluate("document.querySelector('.jp-SideBar li[data-id=\"mlops-nb-runs\"]').id = 'bench-tab'")
            found["open"].append(opened(view))
            view.evaluate(LONG_TASKS)
            chromium.start_tracing(page=view, categories=TRACED)
            frames = view.evaluate(SCROLL, ".mlops-Rows")
            found["work"].append(longest_work(chromium.stop_tracing()))
            view.wait_for_timeout(300)
            found["long"].append(max([0.0, *view.evaluate("longTasks")]))
            found["frame"].append(statistics.median(frames))
            found["p95"].append(sorted(frames)[int(len(frames) * 0.95)])
            rows, total = searched(view)
            found["search"].append(rows)
            found["total"].append(total)
            found["memory"].append(memory(view) - before)
    middle = {name: statistics.median(values) for name, values in found.items()}
    return [
        ("sidebar opened to first rows", f"{middle['open']:.0f} ms", "<= 700 ms"),
        ("scrolling: longest task", f"{middle['long']:.0f} ms, processor {middle['work']:.0f} ms", "<= 50 ms"),
        ("scrolling: a frame, median / 95 %", f"{middle['frame']:.1f} / {middle['p95']:.1f} ms", "16.7 ms"),
        ("search: its rows after the typed pause", f"{middle['search']:.0f} ms", "<= 300 ms"),
        ("search: how many there are", f"{middle['total']:.0f} ms", ""),
        ("memory of the page, more than before", f"{middle['memory'] / 1e6:.0f} MB", "<= 150 MB"),
    ]


def opened(view: Any) -> float:
    """Milliseconds from the click on the tab to the first row."""
    return float(
        view.evaluate(
            f"""() => {{
                const seen = ({SEEN})({ROWS!r});
                const tab = document.getElementById('bench-tab');
                for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'])
                    tab.dispatchEvent(new PointerEvent(kind, {{bubbles: true, button: 0,
                        clientX: tab.getBoundingClientRect().x + 5, clientY: tab.getBoundingClientRect().y + 5}}));
                return seen;
            }}"""
        )
    )


def longest_work(trace: bytes) -> float:
    """Milliseconds of the processor's time that the longest task of the page's main thread took."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    took = [
        each.get("tdur", 0)
        for each in events
        if each.get("ph") == "X" and each["name"].endswith("RunTask") and (each["pid"], each["tid"]) in mains
    ]
    return max([0, *took]) / 1000


def searched(view: Any) -> tuple[float, float]:
    """Milliseconds from the request for what was typed to its rows in the page, and to the number of all of them."""
    view.evaluate(
        """() => {
            performance.setResourceTimingBufferSize(5000);
            const total = () => document.querySelector('.mlops-Total').textContent;
            const before = total();
            Object.assign(window, {benchEmpty: 0, benchRows: 0, benchTotal: 0});
            const look = () => {
                const now = performance.now();
                const shown = document.querySelector('.mlops-Row-run');
                benchEmpty ||= shown ? 0 : now;
                benchRows ||= benchEmpty && shown ? now : 0;
                benchTotal ||= benchRows && total() && total() !== before ? now : 0;
                benchTotal || requestAnimationFrame(look);
            };
            look();
        }"""
    )
    view.locator(".mlops-Sidebar .mlops-Search-field").fill("metrics.accuracy > 0.9 AND params.depth = 3")
    view.wait_for_function("window.benchTotal > 0")
    asked = """() => performance.getEntriesByType('resource').filter(each =>
        each.name.includes('/lab/runs?') && each.name.includes('filter=')).map(each => each.startTime)"""
    begin = max(view.evaluate(asked))
    return float(view.evaluate("benchRows")) - begin, float(view.evaluate("benchTotal")) - begin


def memory(view: Any) -> float:
    """Bytes of the page's heap after a collection."""
    session = view.context.new_cdp_session(view)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used)


def measure_groups(server: Server, times: int) -> Table:
    """Groups with the mean of two metrics, as the sidebar asks for them: at first, and after a run was written."""
    from mlops_nb.workspace import open_workspace

    say("groups")
    space = open_workspace(str(server.store / ".mlops_nb"))
    run = space.store.search_runs(limit=1).items[0]
    taken: dict[str, list[float]] = {"notebook": [], "experiment": []}
    for number in range(times + 1):
        for by, found in taken.items():
            space.store.update_run(run.run_id, tags={"benchmark": str(number)})
            begin = time.perf_counter()
            server.ask(f"groups?by={by}&metrics=accuracy&metrics=loss&scope=project")
            found.append((time.perf_counter() - begin) * 1000)
    space.close()
    first = [found[0] for found in taken.values()]
    again = [statistics.median(found[1:]) for found in taken.values()]
    return [
        ("groups by notebook / experiment, two metrics: first", f"{first[0]:.0f} / {first[1]:.0f} ms", ""),
        ("groups by notebook / experiment: after a write", f"{again[0]:.0f} / {again[1]:.0f} ms", ""),
    ]


def measure_start(chromium: Any, server: Server, folder: Path, times: int) -> Table:
    """JupyterLab's start with the panels and without, taking turns."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    with serve(folder / "without", server.store, extension=False) as plain:
        for number in range(times * 2 + 2):
            say(f"start, {number + 1} of {times * 2 + 2}")
            with_panels = number % 2 == 0
            with page(chromium, (server if with_panels else plain).lab_url()) as view:
                wait_lab(view)
                if number > 1:  # the first of each warms caches
                    taken[with_panels].append(view.evaluate("performance.now()"))
    with_, without = statistics.median(taken[True]), statistics.median(taken[False])
    return [("JupyterLab's start, more than without", f"{with_ - without:+.0f} ms (of {without:.0f})", "<= +100 ms")]


OPEN_RUN = """async () => {
    const api = jupyterapp.serviceManager.serverSettings;
    const answer = await fetch(`${api.baseUrl}mlops-nb/lab/runs?limit=1`,
        {headers: {Authorization: `token ${api.token}`}});
    const run = (await answer.json()).runs[0].run_id;
    const begin = performance.now();
    await jupyterapp.commands.execute('mlops-nb:open-run', {run, tab: 'curves'});
    while (document.querySelectorAll('.uplot canvas').length < 10)
        await new Promise(requestAnimationFrame);
    return performance.now() - begin;
}"""


def measure_curves(chromium: Any, server: Server, times: int) -> Table:
    """The page of a run with ten long curves: the first time, when the server has read none of them, and again."""
    taken = []
    for number in range(times + 1):
        say(f"curves, {number + 1} of {times + 1}")
        with page(chromium, server.lab_url()) as view:
            wait_lab(view)
            view.wait_for_timeout(1500)
            taken.append(view.evaluate(OPEN_RUN))
    return [
        ("page of a run, 10 curves: first", f"{taken[0]:.0f} ms", "<= 1000 ms"),
        ("page of a run, 10 curves: again", f"{statistics.median(taken[1:]):.0f} ms", "<= 1000 ms"),
    ]


def measure_mlflow(chromium: Any, address: str, times: int) -> Table:
    """MLflow's own UI on the same runs, for comparison: from the address to the first row of its table."""
    rows = "[data-testid='run-table-row'], .ag-center-cols-container .ag-row, [role='row'] a[href*='/runs/']"

    def first_rows() -> float:
        begin = time.perf_counter()
        with page(chromium, f"{address}/#/experiments/{mlflow_experiment(address)}/runs") as view:
            view.locator(rows).first.wait_for()
            return (time.perf_counter() - begin) * 1000

    return [("MLflow's UI: from its address to the first rows", f"{median(first_rows, times):.0f} ms", "")]


def mlflow_experiment(address: str) -> str:
    """The experiment that holds the runs."""
    import urllib.request

    query = json.dumps({"max_results": 10}).encode()
    asked = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search", query, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found = json.loads(answer.read())["experiments"]
    return str(next(each["experiment_id"] for each in found if each["name"] == "bench"))


def show(table: Table, runs: int) -> None:
    """Print the table."""
    chromium = subprocess.run(
        [os.environ.get("MLOPS_NB_CHROMIUM") or shutil.which("chromium") or "true", "--version"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"Python {platform.python_version()}; {os.cpu_count()} cores; load average {load} at the end"
    print(f"{runs:,} runs; {chromium}; {machine}\n")
    print("| what | measured | asked for |\n|---|---|---|")
    for row in table:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
