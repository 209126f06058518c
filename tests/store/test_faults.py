"""What goes wrong in a real life: other writers, kills, full and read-only disks, files damaged, replaced or gone."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from array import array
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from mlops_nb.entities import Batch, Points, RunStart, new_id
from mlops_nb.errors import InvalidInput, InvalidState, StoreError
from mlops_nb.store import disks, engine, open_store
from mlops_nb.store.engine import connect_engine
from mlops_nb.store.migrations import prepare
from mlops_nb.store.rows import SCHEMA

ROOT = Path(__file__).parents[2]


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def fill(path: Path, runs: int = 3) -> list[str]:
    """Make a store with some runs, and close it."""
    store = open_store(url_of(path))
    ids = [new_id() for _ in range(runs)]
    store.apply([Batch(each, each, 0, 5, RunStart(each, "run", "exp", 1), params=[("p", "v", 1)]) for each in ids])
    store.close()
    return ids


def start_python(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


WRITERS = """
    import sys, threading
    from array import array
    from mlops_nb.entities import Batch, Points, RunStart
    from mlops_nb.store import open_store

    url, process = sys.argv[1:]
    store = open_store(url)
    print("ready", flush=True)
    failures = []

    def work(name):
        try:
            for n in range(30):
                start = RunStart(name, name, "exp", n) if n == 0 else None
                points = Points(array("d", [n]), array("q", [n]), array("q", [n]))
                store.apply([Batch(name, name, n, n + 1, start, metrics={"m": points})])
        except BaseException as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(f"{process}-{n}",)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(failures)
"""


def test_two_processes_of_four_threads_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"  # both also make it at once
    processes = [start_python(WRITERS, url_of(path), name) for name in "ab"]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [out.splitlines()[-1] if out else err for out, err in outputs] == ["[]", "[]"]
    store = open_store(url_of(path))
    runs = store.search_runs().items
    assert sorted(run.run_id for run in runs) == sorted(f"{p}-{n}" for p in "ab" for n in range(4))
    assert all(store.history(run.run_id, "m").values.tolist() == list(range(30)) for run in runs)
    assert len(store.changes(0, limit=10_000)[0]) == 8
    store.close()


KILLED = """
    import sys
    from array import array
    from mlops_nb.entities import Batch, LogLine, Points, RunStart, new_id
    from mlops_nb.store import open_store

    store = open_store(sys.argv[1])
    for n in range(10**9):
        ids = [new_id() for _ in range(20)]
        many = Points(array("d", range(2000)), array("q", range(2000)), array("q", range(2000)))
        store.apply([
            Batch(each, each, 0, 5, RunStart(each, f"{n}", "exp", n), params=[("p", n, 1)], metrics={"m": many},
                  tags={"t": str(n)}, facts={"code": f"x = {n}"}, logs=[LogLine(1, "stdout", "a")])
            for each in ids
        ])
        print(n, flush=True)
"""


def test_a_kill_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for round_ in range(3):
        process = start_python(KILLED, url_of(path))
        assert process.stdout is not None
        for _ in range(3 + round_):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)  # it writes all the time: this is in the middle of something
        rest, _ = process.communicate()
        acknowledged = 3 + round_ + len(rest.splitlines())
        store = open_store(url_of(path))
        runs = store.search_runs(limit=100_000).items
        groups = {name: [run for run in runs if run.name == name] for name in {run.name for run in runs}}
        assert all(len(group) % 20 == 0 for group in groups.values())
        assert sum(len(group) // 20 for group in groups.values()) >= acknowledged
        for run in runs[:40]:
            assert len(store.history(run.run_id, "m")) == 2000
            assert store.facts(run.run_id) == {"code": f"x = {run.name}"}
            assert store.delivered(run.run_id) == 5
        store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


FULL = """
    import resource, sys
    from mlops_nb.entities import Batch, RunStart, new_id
    from mlops_nb.errors import StoreError
    from mlops_nb.store import open_store

    store = open_store(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    done = 0
    try:
        for n in range(1000):
            run_id = new_id()
            start = RunStart(run_id, str(n), "exp", n)
            store.apply([Batch(run_id, run_id, 0, 5, start, params=[("p", "x" * 50_000, 1)])])
            done += 1
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    run_id = new_id()
    store.apply([Batch(run_id, run_id, 0, 5, RunStart(run_id, "after", "exp", 9999))])
    print(done, len(store.search_runs(limit=10000).items))
"""


def test_a_full_disk_is_an_error_and_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path, 1)
    limit = path.stat().st_size + 3_000_000
    out, err = start_python(FULL, url_of(path), limit).communicate(timeout=120)
    message, counts = out.strip().splitlines() or [err, ""]
    assert "disk" in message
    assert "full" in message
    done, found = map(int, counts.split())
    assert done > 5
    assert found == done + 2  # what was acknowledged, the run before, the run after room was made
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


READ_ONLY = """
    import os, sys
    from mlops_nb.entities import Batch, RunStart
    from mlops_nb.errors import StoreError
    from mlops_nb.store import open_store
    import mlops_nb.store.runs

    store = open_store("sqlite://")
    store.search_runs()  # whatever is imported late, while we may read it
    store.close()
    if os.getuid() == 0:
        os.setgid(65534); os.setuid(65534)  # no permission stops root
    try:
        store = open_store(sys.argv[1])
        print(len(store.search_runs().items))
        store.apply([Batch("r", "r", 0, 5, RunStart("r", "r", "exp", 1))])
    except StoreError as error:
        print(error)
"""


@pytest.fixture
def open_folder() -> Path:
    """A folder that a process without rights may enter."""
    folder = Path("/tmp" if sys.platform != "win32" else ".") / f"mlops-nb-{new_id()}"
    folder.mkdir(mode=0o755)
    yield folder  # type: ignore[misc]
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder(open_folder: Path) -> None:
    path = open_folder / "store.db"
    fill(path)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    out, err = start_python(READ_ONLY, url_of(path)).communicate(timeout=60)
    assert out.strip(), err
    assert out.split()[0].isdigit(), "somebody else's store is read as it stands"
    message = out.strip().splitlines()[-1]
    assert f"The store '{path}'" in message
    assert "read-only" in message or "permission" in message
    assert "MLOPS_NB_STORE" in message
    assert not err


def test_a_read_only_disk_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    fill(path)
    monkeypatch.setattr(engine, "only_readable", lambda where: where == path)
    store = open_store(url_of(path))
    found = store.search_runs().items
    assert found and {each.name for each in tmp_path.iterdir()} == {"store.db"}
    with pytest.raises(StoreError, match="read-only"):
        store.update_run(found[0].run_id, name="other")
    store.close()


def test_a_folder_that_cannot_be_made(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    out, err = start_python(READ_ONLY, url_of(open_folder / "deep" / "store.db")).communicate(timeout=60)
    assert "cannot be made: Permission denied. Choose another place" in out, err


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"certainly not a database, but long enough to be looked at " * 20)
    with pytest.raises(StoreError, match=r"is not a database\. Name another file"):
        open_store(url_of(path))
    path.unlink()
    fill(path, 200)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * 40_000 + whole[44_096:])
    with pytest.raises(StoreError, match=r"store\.db' (is damaged|cannot be used)"):
        store = open_store(url_of(path))
        store.search_runs()
        store.info()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(StoreError, match=r"store\.db' (is damaged|cannot be used)"):
        store = open_store(url_of(path))
        store.search_runs(None, "'x'")


def test_a_deleted_or_replaced_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path)
    store = open_store(url_of(path))
    path.rename(tmp_path / "elsewhere.db")
    for use in (store.search_runs, store.changes, lambda: store.create_experiment("x")):
        with pytest.raises(StoreError, match="deleted or replaced while it was open"):
            use()
    fill(path)
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.search_runs()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.search_runs()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE mlops_nb_state SET schema = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer release .*schema 99.*pip install --upgrade mlops_nb"):
        open_store(url_of(path))
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
    connection.close()
    with pytest.raises(StoreError, match=r"another program .*import mlflow"):
        open_store(url_of(path))


def test_an_older_store_is_copied_aside_and_migrated(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    ids = fill(path)

    def add_column(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE runs ADD COLUMN colour TEXT"))
        connection.execute(text("UPDATE runs SET colour = 'red'"))

    database = connect_engine(url_of(path))
    prepare(database, target=SCHEMA + 1, steps={SCHEMA + 1: add_column})
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT DISTINCT colour FROM runs")).scalars().all() == ["red"]
        assert connection.execute(text("SELECT schema FROM mlops_nb_state")).scalar_one() == SCHEMA + 1
    database.close()
    (copy,) = tmp_path.glob("store.db.schema-*.bak")
    old = open_store(url_of(copy))
    assert sorted(run.run_id for run in old.search_runs().items) == sorted(ids)
    old.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path)

    def fail(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE runs ADD COLUMN colour TEXT"))
        connection.execute(text("UPDATE nothing SET colour = 'red'"))

    database = connect_engine(url_of(path))
    with pytest.raises(StoreError):
        prepare(database, target=SCHEMA + 1, steps={SCHEMA + 1: fail})
    database.close()
    with sqlite3.connect(path) as connection:
        assert "colour" not in {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
    connection.close()
    open_store(url_of(path)).close()


def test_a_server_is_migrated_only_when_asked(tmp_path: Path) -> None:
    database = connect_engine(url_of(tmp_path / "store.db"))
    prepare(database)
    with pytest.raises(InvalidState, match="mlops-nb store upgrade"):
        prepare(database, upgrade=False, target=SCHEMA + 1, steps={SCHEMA + 1: lambda connection: None})
    database.close()


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(disks, "MOUNTS", mounts)
    home = tmp_path / "home"
    home.mkdir()
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/a rw\n30 22 0:9 / {home} rw - nfs4 server:/home rw\n")
    with pytest.raises(StoreError, match=r"network disk \(nfs4\).*MLOPS_NB_STORE"):
        open_store(url_of(home / "x" / "store.db"))
    assert not list(home.rglob("*.db"))
    open_store(url_of(tmp_path / "store.db")).close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/mnt/a b/c", "cifs"),
        ("/mnt/a", "ext4"),
        ("/data", "xfs"),
        ("/data/x", "xfs"),
        ("/database", "ext4"),
    ],
)
def test_the_table_of_mounts(path: str, kind: str) -> None:
    table = (
        "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw\n"
        "2 1 0:5 / /mnt/a\\040b rw - cifs //s/a rw\n"
        "3 1 0:6 / /data rw - nfs s:/d rw\n"
        "4 1 0:7 / /data rw - xfs /dev/b rw\n"
        "garbage\n"
    )
    assert disks.find_disk(path, table) == kind


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite", "oracle://x"])
def test_urls_that_are_no_store(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_store(url)


def test_a_password_is_never_shown() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store("postgresql://ann:secret@127.0.0.1:1/db?connect_timeout=1")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


FORKED = """
    import os, sys, threading
    from array import array
    from mlops_nb.entities import Batch, Points, RunStart
    from mlops_nb.store import open_store

    store = open_store(sys.argv[1])
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            store.apply([Batch("parent", "p", n, n + 1, RunStart("parent", "parent", "exp", 1) if n == 0 else None,
                               metrics={"m": Points(array("d", [n]), array("q", [n]), array("q", [n]))})])
            n += 1

    thread = threading.Thread(target=write)
    thread.start()
    children = []
    for n in range(5):
        child = os.fork()
        if child == 0:
            name = f"child-{n}"
            store.apply([Batch(name, name, 0, 1, RunStart(name, name, "exp", 1))])
            os._exit(0 if store.get_run(name).name == name else 1)
        children.append(child)
    codes = [os.waitpid(child, 0)[1] for child in children]
    stop.set()
    thread.join()
    print(codes, len(store.search_runs().items), store.history("parent", "m").values.tolist() ==
          list(range(len(store.history("parent", "m")))))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_write_too(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    out, err = start_python(FORKED, url_of(path)).communicate(timeout=240)
    assert out.strip() == "[0, 0, 0, 0, 0] 6 True", err
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_points_cost_little_room(tmp_path: Path) -> None:
    count = 200_000
    path = tmp_path / "store.db"
    ids = fill(path, 1)
    before = path.stat().st_size
    store = open_store(url_of(path))
    noise = array("d", [(n * 2654435761 % 2**32) / 2**32 + n * 1e-9 for n in range(count)])
    times = array("q", [1_700_000_000_000 + n * 3 // 2 for n in range(count)])
    store.apply([Batch(ids[0], "", metrics={"m": Points(noise, array("q", range(count)), times)})])
    store.close()
    assert (path.stat().st_size - before) / count < 12
