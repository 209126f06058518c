"""URLs and statements, hooks and what they must not change, child processes, forks, and a world without the watch."""

from __future__ import annotations

import asyncio
import builtins
import http.server
import importlib
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.capture import arrivals
from mlops_nb.capture.data import Access, DataWatch
from mlops_nb.capture.data.accesses import ACTIVE
from mlops_nb.capture.data.folders import FolderWatch

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folder watch needs inotify")


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataWatch]:
    monkeypatch.chdir(tmp_path)
    watch = DataWatch(tmp_path)
    watch.start()
    yield watch
    watch.stop()


def execute(watch: DataWatch, source: str, **names: Any) -> list[Access]:
    watch.begin("cell", source)
    try:
        exec(compile(source, "<cell>", "exec"), names)
    finally:
        accesses = watch.end("cell")
    return accesses


class Quiet(http.server.SimpleHTTPRequestHandler):
    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "a.csv").write_text("a\n1\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


CLIENTS = {
    "urllib": "import urllib.request; urllib.request.urlopen(url).read()",
    "http.client": """
import http.client
connection = http.client.HTTPConnection(host); connection.request('GET', path); connection.getresponse().read()
""",
    "requests": "import requests; requests.get(url)",
    "httpx": "import httpx; httpx.get(url)",
    "httpx async": """
import httpx, asyncio
async def main():
    async with httpx.AsyncClient() as client:
        await client.get(url)
asyncio.run(main())
""",
    "pandas": "import pandas; pandas.read_csv(url)",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_http_reads_without_the_secrets(watch: DataWatch, site: str, client: str) -> None:
    pytest.importorskip(client.split()[0])
    path = "/a.csv?token=geheim&n=1"
    accesses = execute(watch, CLIENTS[client], url=f"http://{site}{path}", host=site, path=path)
    urls = {(access.path, access.mode) for access in accesses if access.kind == "url"}
    assert urls == {(f"http://{site}/a.csv?token=***&n=1", "read")}
    assert "geheim" not in repr(accesses)


def test_a_post_is_a_write(watch: DataWatch, site: str) -> None:
    source = "import urllib.request; urllib.request.urlopen(url, data=b'x').close()"
    assert {a.mode for a in execute(watch, source, url=f"http://{site}/a.csv") if a.kind == "url"} == {"write"}


def test_statements_of_sqlalchemy_and_of_our_own(watch: DataWatch) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    ours = sqlalchemy.create_engine("sqlite:///ours.db", execution_options={"mlops_nb": True})
    theirs = sqlalchemy.create_engine("sqlite:///theirs.db")
    source = """
import pandas as pd
from sqlalchemy import text
pd.DataFrame({"a": [1]}).to_sql("t", theirs)
pd.read_sql("select a from t where 'x' != 'postgres://me:geheim@host/db'", theirs)
with ours.begin() as connection:
    connection.execute(text("select 1"))
"""
    accesses = execute(watch, source, ours=ours, theirs=theirs)
    statements = [(a.path, a.mode, a.detail) for a in accesses if a.kind == "sql"]
    assert all(path == "sqlite:///theirs.db" for path, _, _ in statements)
    assert any(mode == "write" and detail.startswith("INSERT") for _, mode, detail in statements)
    assert any(mode == "read" and detail.startswith("select a from t") for _, mode, detail in statements)
    assert "geheim" not in repr(statements)
    theirs.dispose()
    ours.dispose()


def test_fsspec_addresses(watch: DataWatch, site: str) -> None:
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    class Remote(MemoryFileSystem):  # type: ignore[misc]
        protocol = "remote"

    fsspec.register_implementation("remote", Remote, clobber=True)
    source = "import fsspec\nwith fsspec.open('remote://user:pw@bucket/key', 'w') as f: f.write('1')"
    (access,) = [a for a in execute(watch, source) if a.kind == "url"]
    assert access.mode == "write" and access.path.startswith("remote://") and "pw" not in access.path


def test_hooked_functions_are_still_what_they_were(watch: DataWatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.write_table.__mlops_nb_hook__ == "pyarrow"
    assert pickle.loads(pickle.dumps(parquet.write_table)) is parquet.write_table
    assert list(inspect.signature(parquet.write_table).parameters)[:2] == ["table", "where"]
    with pytest.raises(TypeError):
        parquet.write_table()


def test_a_hook_never_raises_into_the_call(watch: DataWatch) -> None:
    class Odd(str):
        def __str__(self) -> str:
            raise AssertionError

        def startswith(self, *_: Any) -> bool:
            raise AssertionError

    from mlops_nb.capture.data.hooks import Hook, _wrapped

    def noting(*_: Any) -> None:
        raise ValueError("broken hook")

    seen: list[Any] = []
    hooked = _wrapped(seen.append, Hook("x", "y", note=noting))
    watch.begin("cell")
    hooked(1)
    _wrapped(seen.append, Hook("x", "y", 0, "p"))(Odd("a.csv"))
    watch.end("cell")
    assert len(seen) == 2


@LINUX
def test_a_script_in_a_child_and_what_it_imports_are_code(watch: DataWatch, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import mod_of_child\nopen('i.csv').close()\n")
    (tmp_path / "mod_of_child.py").write_text("x = 1\n")
    (tmp_path / "i.csv").write_text("1")
    for _ in range(2):  # the second time the module comes from the byte-code cache
        accesses = execute(watch, "import subprocess, sys; subprocess.run([sys.executable, 'train.py'], check=True)")
        found = {(a.relative, a.mode, a.kind) for a in accesses}
        assert {("train.py", "read", "code"), ("i.csv", "read", "file"), ("mod_of_child.py", "read", "code")} == found


@LINUX
def test_shell_lines_of_a_real_shell(watch: DataWatch, tmp_path: Path) -> None:
    shells = pytest.importorskip("IPython.core.interactiveshell")
    other = tmp_path.with_name(f"{tmp_path.name}_other") / "b.csv"
    other.parent.mkdir()
    other.write_text("1")
    (tmp_path / "a.csv").write_text("1")
    shell = shells.InteractiveShell()
    cell = f"!cat a.csv {other} > c.csv\nlines = !cat a.csv"
    watch.begin("cell", cell)
    shell.run_cell(cell)
    accesses = watch.end("cell")
    found = {(a.relative or a.path, a.mode) for a in accesses}
    assert found == {("a.csv", "read"), (str(other), "read"), ("c.csv", "write")}


@LINUX
def test_workers_of_a_pool(watch: DataWatch, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    joblib.externals.loky.get_reusable_executor().shutdown()  # an earlier test's workers stand in its folder
    (tmp_path / "i.csv").write_text("1")
    source = "joblib.Parallel(2)(joblib.delayed(os.stat)('i.csv') for _ in range(2)); open('i.csv').close()"
    assert ("i.csv", "read") in {(a.relative, a.mode) for a in execute(watch, source, joblib=joblib, os=os)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_records_nothing(watch: DataWatch) -> None:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe()
    watch.begin("cell")
    child = context.Process(target=lambda: sender.send(len(ACTIVE)))
    child.start()
    assert receiver.recv() == 0
    child.join()
    assert len(ACTIVE) == 1
    watch.end("cell")


def test_without_the_folder_watch_the_rest_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == "inotify_simple":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    monkeypatch.chdir(tmp_path)
    watch = DataWatch(tmp_path)
    watch.start()
    assert not watch.watches_folders
    accesses = execute(watch, "open('a.txt', 'w').close()")
    assert [(a.relative, a.mode) for a in accesses] == [("a.txt", "write")]
    watch.stop()


@LINUX
def test_an_overflow_is_said(watch: DataWatch) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 20_000:
        pytest.skip("it would take too many files")
    execute(watch, "import subprocess, sys; subprocess.run([sys.executable, '-c', \"\"\"\n"
                   f"for i in range({limit // 2}):\n    open(str(i), 'w').close()\n\"\"\"])")  # fmt: skip
    assert any("overflowed" in note for note in watch.take_notes())
    assert watch.take_notes() == []


def test_a_folder_that_is_gone_or_moved(watch: DataWatch, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    execute(watch, "open('d/a.txt', 'w').close()")
    accesses = execute(watch, "import os, shutil; os.rename('d', 'e'); open('e/a.txt').close(); shutil.rmtree('e')")
    assert all(a.gone for a in accesses)
    os.rmdir(tmp_path) if not any(tmp_path.iterdir()) else None
    assert execute(watch, "x = 1") == []


def test_a_closed_watch_is_quiet() -> None:
    folders = FolderWatch()
    folders.close()
    assert (folders.drain(), folders.add("/tmp"), folders.available) == ([], False, False)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "library_of_this_test"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_a_callback_comes_after_the_import_and_once(library: str) -> None:
    seen: list[int] = []
    assert not arrivals.when_imported(library, lambda module: seen.append(module.value))
    module = importlib.import_module(library)
    importlib.reload(module)
    assert seen == [1]
    assert "exec_module" not in vars(module.__spec__.loader)
    assert inspect.getsource(module) == "value = 1\n"


def test_a_callback_that_fails_or_is_taken_back_does_not_disturb(library: str) -> None:
    seen: list[Any] = []

    def broken(module: Any) -> None:
        raise ValueError

    arrivals.when_imported(library, broken)
    arrivals.when_imported(library, seen.append)
    arrivals.forget(library, seen.append)
    assert importlib.import_module(library).value == 1
    assert seen == []


def test_a_module_that_does_not_exist_or_fails_says_so_itself(tmp_path: Path, library: str) -> None:
    arrivals.when_imported("no_such_library_at_all", print)
    with pytest.raises(ModuleNotFoundError, match="no_such_library_at_all"):
        importlib.import_module("no_such_library_at_all")
    (tmp_path / f"{library}.py").write_text("raise ZeroDivisionError\n")
    importlib.invalidate_caches()
    arrivals.when_imported(library, print)
    with pytest.raises(ZeroDivisionError):
        importlib.import_module(library)


def test_importing_the_room_imports_nothing_heavy() -> None:
    heavy = {"pandas", "numpy", "sqlalchemy", "pyarrow", "polars", "xxhash", "fsspec", "httpx", "ctypes"}
    source = ("import sys, mlops_nb.capture.data, mlops_nb.capture.randomness, mlops_nb.capture.lock; "
              "print(*sys.modules)")  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(Path(arrivals.__file__).parents[2])}
    loaded = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, env=environment)
    assert not {name.partition(".")[0] for name in loaded.stdout.split()} & heavy


def test_tasks_of_two_executions_keep_apart(watch: DataWatch) -> None:
    """Two cells that wait at the same time, as with top-level await in subshells."""

    async def cell(token: str, ours: asyncio.Event, theirs: asyncio.Event) -> list[Access]:
        watch.begin(token)
        ours.set()
        await theirs.wait()
        builtins.open(f"{token}.txt", "w").close()
        return [a for a in watch.end(token) if a.via == "audit"]

    async def both() -> list[list[Access]]:
        one, two = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(cell("one", one, two), cell("two", two, one))

    found = [[a.relative for a in accesses] for accesses in asyncio.run(both())]
    assert found == [["one.txt"], ["two.txt"]]
