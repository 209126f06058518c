"""What an execution reads and writes, through the ways in which people open files. Real files, real libraries."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.capture.data import Access, DataWatch, quiet
from mlops_nb.capture.data.accesses import ACTIVE, Collector, current
from mlops_nb.capture.data.borders import Border
from mlops_nb.capture.data.digests import digest
from mlops_nb.capture.data.files import profile_file
from mlops_nb.capture.data.folders import path_literals
from mlops_nb.capture.data.urls import redact_statement, redact_url, statement_mode

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folder watch needs inotify")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def watch(project: Path) -> Iterator[DataWatch]:
    watch = DataWatch(project)
    watch.start()
    yield watch
    watch.stop()


def execute(watch: DataWatch, source: str, token: str = "cell") -> list[Access]:
    source = textwrap.dedent(source)
    watch.begin(token, source)
    try:
        exec(compile(source, "<cell>", "exec"), {"__name__": "__main__"})
    finally:
        accesses = watch.end(token)
    return accesses


def seen(accesses: list[Access], mode: str) -> set[str]:
    return {access.relative or access.path for access in accesses if access.mode == mode and access.kind != "sql"}


# (libraries, preparation, cell, what it reads, what it writes)
WAYS: dict[str, tuple[str, str, str, str, str]] = {
    "open": ("", "open('i','w').write('1')", "open('i').read(); open('o','w').write('2')", "i", "o"),
    "append": ("", "open('o','w').write('1')", "open('o','a').write('2')", "", "o"),
    "update": ("", "open('o','w').write('1')", "open('o','r+').write('2')", "o", "o"),
    "exclusive": ("", "", "open('o','x').write('2')", "", "o"),
    "pathlib": ("", "open('i','w').write('1')",
                "from pathlib import Path; Path('i').read_text(); Path('o').write_bytes(b'2')", "i", "o"),
    "os.open": ("", "open('i','w').write('1')", """
        import os
        os.read(os.open('i', os.O_RDONLY), 9); os.write(os.open('o', os.O_WRONLY | os.O_CREAT | os.O_TRUNC), b'2')
        """, "i", "o"),
    "bytes path": ("", "open('i','w').write('1')", "open(b'i').read()", "i", ""),
    "own result": ("", "", "open('o','w').write('2'); open('o').read()", "", "o"),
    "rename": ("", "", "import os; open('t','w').write('1'); os.replace('t','o')", "", "o"),
    "temporary": ("", "", "import os; open('t','w').write('1'); os.remove('t')", "", ""),
    "remove": ("", "open('o','w').write('1')", "import os; os.remove('o')", "", "o"),
    "link": ("", "open('i','w').write('1')", "import os; os.link('i','o')", "i", "o"),
    "shutil.copy": ("", "open('i','w').write('1')", "import shutil; shutil.copy('i','o')", "i", "o"),
    "shutil.move": ("", "open('i','w').write('1')", "import shutil; shutil.move('i','o')", "", "i o"),
    "gzip": ("", "", "import gzip; gzip.open('o.gz','wb').write(b'1'); gzip.open('o.gz').read()", "", "o.gz"),
    "zipfile": ("", "import zipfile; zipfile.ZipFile('i.zip','w').writestr('a','b')",
                "import zipfile; zipfile.ZipFile('i.zip').read('a')", "i.zip", ""),
    "tarfile": ("", "open('i','w').write('1')", "import tarfile; t=tarfile.open('o.tar','w'); t.add('i'); t.close()",
                "i", "o.tar"),
    "json": ("", "open('i.json','w').write('{}')", "import json; json.load(open('i.json'))", "i.json", ""),
    "csv": ("", "open('i.csv','w').write('a')", "import csv; list(csv.reader(open('i.csv')))", "i.csv", ""),
    "pickle": ("", "", "import pickle; pickle.dump(1, open('o.pkl','wb'))", "", "o.pkl"),
    "configparser": ("", "open('i.ini','w').write('[a]')", "import configparser as c; c.ConfigParser().read('i.ini')",
                     "i.ini", ""),
    "sqlite3 write": ("", "", """
        import sqlite3; con = sqlite3.connect('o.db'); con.execute('create table t(a)'); con.commit(); con.close()
        """, "", "o.db"),
    "sqlite3 read": ("", """
        import sqlite3; c=sqlite3.connect('i.db'); c.execute('create table t(a)'); c.commit(); c.close()
        """,
                     "import sqlite3; c=sqlite3.connect('i.db'); c.execute('select * from t').fetchall(); c.close()",
                     "i.db", ""),
    "local import": ("", "open('mod_seen_once.py','w').write('x=1')",
                     "import sys; sys.path.insert(0,'.'); import mod_seen_once; sys.path.pop(0); "
                     "del sys.modules['mod_seen_once'], sys.path_importer_cache['.']",
                     "mod_seen_once.py", ""),
    "child": ("", "open('i','w').write('1')",
              "import subprocess; subprocess.run(['cat','i'], capture_output=True)", "i", ""),
    "shell": ("", "open('i','w').write('1')", "import os; os.system('cat i > o')", "i", "o"),
    "numpy load": ("numpy", "import numpy as np; np.save('i.npy', np.arange(3))",
                   "import numpy as np; np.save('o.npy', np.load('i.npy')); np.savez('o.npz', a=1)",
                   "i.npy", "o.npy o.npz"),
    "numpy memmap": ("numpy", "import numpy as np; np.arange(3.).tofile('i.dat')",
                     "import numpy as np; np.memmap('i.dat', mode='r'); np.memmap('o.dat', mode='w+', shape=3)",
                     "i.dat", "o.dat"),
    "numpy tofile": ("numpy", "import numpy as np; np.arange(3.).tofile('i.dat')",
                     "import numpy as np; np.fromfile('i.dat').tofile('o.dat')", "i.dat", "o.dat"),
    "numpy text": ("numpy", "open('i.txt','w').write('1 2')",
                   "import numpy as np; np.genfromtxt('i.txt'); np.loadtxt('i.txt'); np.savetxt('o.txt', [1.])",
                   "i.txt", "o.txt"),
    "pandas csv": ("pandas", "open('i.csv','w').write('a\\n1')",
                   "import pandas as pd; pd.read_csv('i.csv').to_csv('o.csv')", "i.csv", "o.csv"),
    "pandas pickle": ("pandas", "", "import pandas as pd; pd.DataFrame({'a':[1]}).to_pickle('o.pkl')", "", "o.pkl"),
    "pandas json": ("pandas", "open('i.json','w').write('[{\"a\":1}]')",
                    "import pandas as pd; pd.read_json('i.json').to_json('o.json')", "i.json", "o.json"),
    "pandas excel": ("pandas openpyxl", "import pandas as pd; pd.DataFrame({'a':[1]}).to_excel('i.xlsx')",
                     "import pandas as pd; pd.read_excel('i.xlsx').to_excel('o.xlsx')", "i.xlsx", "o.xlsx"),
    "pandas parquet": ("pandas pyarrow", "import pandas as pd; pd.DataFrame({'a':[1]}).to_parquet('i.parquet')",
                       "import pandas as pd; pd.read_parquet('i.parquet').to_parquet('o.parquet')",
                       "i.parquet", "o.parquet"),
    "partitioned parquet": ("pandas pyarrow", "import pandas as pd; pd.DataFrame({'a':[1]}).to_parquet('i.parquet')",
                            "import pandas as pd; pd.read_parquet('i.parquet').to_parquet('o', partition_cols=['a'])",
                            "i.parquet", "o"),
    "pandas feather": ("pandas pyarrow", "import pandas as pd; pd.DataFrame({'a':[1]}).to_feather('i.feather')",
                       "import pandas as pd; pd.read_feather('i.feather').to_feather('o.feather')",
                       "i.feather", "o.feather"),
    "pandas hdf": ("pandas tables", "import pandas as pd; pd.DataFrame({'a':[1]}).to_hdf('i.h5', key='k')",
                   "import pandas as pd; pd.read_hdf('i.h5').to_hdf('o.h5', key='k')", "i.h5", "o.h5"),
    "pandas sql": ("pandas", "", """
        import pandas as pd, sqlite3
        con = sqlite3.connect('o.db'); pd.DataFrame({'a':[1]}).to_sql('t', con); pd.read_sql('select * from t', con)
        con.close()
        """, "", "o.db"),
    "pyarrow parquet": ("pyarrow", """
        import pyarrow as pa, pyarrow.parquet as q; q.write_table(pa.table({'a':[1]}),'i.pq')
        """,
                        "import pyarrow.parquet as q; q.write_table(q.read_table('i.pq'), 'o.pq')", "i.pq", "o.pq"),
    "pyarrow csv": ("pyarrow", "open('i.csv','w').write('a\\n1\\n')",
                    "import pyarrow.csv as c; c.write_csv(c.read_csv('i.csv'), 'o.csv')", "i.csv", "o.csv"),
    "pyarrow dataset": ("pyarrow", "import os; os.mkdir('d'); open('d/i.csv','w').write('a\\n1\\n')",
                        "import pyarrow.dataset as d; d.dataset('d', format='csv').to_table()", "d", ""),
    "polars": ("polars", "open('i.csv','w').write('a\\n1\\n')",
               "import polars as pl; pl.read_csv('i.csv').write_parquet('o.parquet')", "i.csv", "o.parquet"),
    "polars lazy": ("polars", "open('i.csv','w').write('a\\n1\\n')",
                    "import polars as pl; pl.scan_csv('i.csv').sink_parquet('o.parquet')", "i.csv", "o.parquet"),
    "polars pattern": ("polars", "open('i1.csv','w').write('a\\n1\\n'); open('i2.csv','w').write('a\\n1\\n')",
                       "import polars as pl; pl.scan_csv('i*.csv').collect()", "i1.csv i2.csv", ""),
    "duckdb": ("duckdb", "open('i.csv','w').write('a\\n1\\n')", """
        import duckdb
        duckdb.sql("copy (select * from 'i.csv') to 'o.parquet'")
        con = duckdb.connect('o.db'); con.execute('create table t(a int)'); con.close()
        """, "i.csv", "o.parquet o.db"),
    "h5py": ("h5py", "import h5py; h5py.File('i.h5','w').close()",
             "import h5py; h5py.File('i.h5','r').close(); h5py.File('o.h5','w').close()", "i.h5", "o.h5"),
    "joblib": ("joblib", "import joblib; joblib.dump(1, 'i.joblib')",
               "import joblib; joblib.dump(joblib.load('i.joblib'), 'o.joblib')", "i.joblib", "o.joblib"),
    "scipy.io": ("scipy", "", "import scipy.io as s; s.savemat('o.mat', {'a': 1})", "", "o.mat"),
    "figure": ("matplotlib", "", """
        import matplotlib; matplotlib.use('Agg')
        import matplotlib.pyplot as plt; plt.figure().savefig('o.png'); plt.close('all')
        """, "", "o.png"),
    "image": ("PIL", "from PIL import Image; Image.new('L',(2,2)).save('i.png')",
              "from PIL import Image; Image.open('i.png').save('o.png')", "i.png", "o.png"),
    "fsspec": ("fsspec", "open('i','w').write('1')", "import fsspec; fsspec.open('i').open().read()", "i", ""),
    "lightgbm": ("lightgbm", """
        import lightgbm as g, numpy as np
        X = np.arange(200.).reshape(100, 2)
        g.train({'verbose': -1}, g.Dataset(X, X[:, 0]), 1).save_model('i.txt')
        """, "import lightgbm as g; g.Booster(model_file='i.txt').save_model('o.txt')", "i.txt", "o.txt"),
    "xgboost": ("xgboost", """
        import xgboost as x, numpy as np
        X = np.arange(200.).reshape(100, 2)
        x.train({}, x.DMatrix(X, X[:, 0]), 1).save_model('i.ubj')
        """, "import xgboost as x; b = x.Booster(); b.load_model('i.ubj'); b.save_model('o.ubj')", "i.ubj", "o.ubj"),
}  # fmt: skip


NEEDS_FOLDERS = {"child", "shell"}
"""What only the folder watch sees."""


@pytest.mark.parametrize("folders", [pytest.param(True, marks=LINUX), False], ids=["watched", "hooks only"])
@pytest.mark.parametrize("way", WAYS)
def test_ways_to_open_a_file(watch: DataWatch, way: str, folders: bool) -> None:
    libraries, preparation, cell, reads, writes = WAYS[way]
    if not folders:
        assert watch._folders is not None
        watch._folders.close()
        reads, writes = ("", "") if way in NEEDS_FOLDERS else (reads, writes)
    for library in libraries.split():
        pytest.importorskip(library)
    exec(textwrap.dedent(preparation), {})
    accesses = execute(watch, cell)
    assert seen(accesses, "read") == set(reads.split())
    assert seen(accesses, "write") == set(writes.split())


def test_a_child_reads_in_a_folder_named_only_in_its_command(
    watch: DataWatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.csv"
    elsewhere.write_text("1")
    accesses = execute(watch, f"import subprocess; subprocess.run(['cat', {str(elsewhere)!r}], capture_output=True)")
    assert not watch.watches_folders or seen(accesses, "read") == {str(elsewhere)}


def test_a_database_of_an_earlier_cell_is_read(watch: DataWatch) -> None:
    namespace: dict[str, object] = {}
    for token, source in enumerate((
        "import sqlite3; con = sqlite3.connect('a.db'); con.execute('create table t(a)'); con.commit()",
        "rows = con.execute('select * from t').fetchall()",
        "con.execute('insert into t values (1)'); con.commit()",
    )):  # fmt: skip
        watch.begin(token)
        exec(source, namespace)
        accesses = watch.end(token)
        expected = [{"write"}, {"read"}, {"write"}][token]
        if watch.watches_folders:
            assert expected <= {access.mode for access in accesses if access.relative == "a.db"}
    namespace["con"].close()  # type: ignore[attr-defined]


def test_nothing_is_recorded_between_executions(watch: DataWatch, project: Path) -> None:
    (project / "before.txt").write_text("1")
    accesses = execute(watch, "x = 1")
    (project / "after.txt").write_text("1")
    assert accesses == []
    assert execute(watch, "x = 2") == []


def test_threads_and_two_executions_at_once(watch: DataWatch, project: Path) -> None:
    """A thread without a context of its own belongs to the newest execution; a cell's own thread to its own."""
    started, go = threading.Event(), threading.Event()
    result: list[Access] = []

    def first() -> None:
        watch.begin("first")
        started.set()
        go.wait(10)
        with open("first.txt", "w") as stream:
            stream.write("1")
        result.extend(watch.end("first"))

    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(10)
    watch.begin("second")
    child = threading.Thread(target=lambda: open("second.txt", "w").close())
    child.start()
    child.join()
    go.set()
    thread.join()
    second = watch.end("second")
    exact = [a for a in result if a.via == "audit"]
    assert seen(exact, "write") == {"first.txt"}
    assert seen([a for a in second if a.via == "audit"], "write") == {"second.txt"}


def test_what_the_tracker_does_itself_is_not_recorded(watch: DataWatch, project: Path) -> None:
    watch.begin("cell")
    with quiet():
        assert current() is None
        (project / "ours.txt").write_text("1")
    assert not any("ours.txt" in path for path, *_ in ACTIVE[-1].files)
    watch.end("cell")


@LINUX
def test_what_is_digested_in_the_background_is_not_read_by_the_cell_that_runs(watch: DataWatch, project: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (project / name).write_text("x,y\n1,2\n")
    watch.begin("cell", "!cat b.csv")
    background = threading.Thread(target=lambda: [(digest(n), profile_file(n)) for n in ("a.csv", "b.csv")])
    background.start()
    background.join()
    assert seen(watch.end("cell"), "read") == {"b.csv"}  # nobody can say who read it: its name stands in the cell


@LINUX
def test_where_the_launcher_sends_what_a_kernel_says_is_no_data(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``jupyter lab > nohup.out`` in the project's folder; children of cells write there, too."""
    with (project / "nohup.out").open("w") as stream:
        monkeypatch.setattr("sys.stdout._original_stdstream_copy", stream.fileno(), raising=False)
        watch = DataWatch(project)
        watch.start()
        command = f"import subprocess; subprocess.run(['echo', 'hi'], stdout={stream.fileno()})"
        assert execute(watch, command) == []
        assert execute(watch, "open('a.txt', 'w').write('x')")[0].relative == "a.txt"
        watch.stop()


def test_read_and_then_overwritten_is_said(watch: DataWatch, project: Path) -> None:
    (project / "a.csv").write_text("1")
    os.utime(project / "a.csv", ns=(1, 1))
    accesses = execute(watch, "t = open('a.csv').read(); open('a.csv', 'w').write(t + '2')")
    assert [(a.mode, a.changed) for a in accesses] == [("read", True), ("write", False)]


def test_read_and_gone_is_said(watch: DataWatch, project: Path) -> None:
    (project / "a.csv").write_text("1")
    accesses = execute(watch, "import os; open('a.csv').read(); os.remove('a.csv')")
    assert [(a.mode, a.gone, a.changed) for a in accesses] == [("read", True, True), ("write", True, False)]


def test_many_files_become_their_folder(watch: DataWatch, project: Path) -> None:
    (project / "images").mkdir()
    for number in range(300):
        (project / "images" / f"{number}.bin").write_bytes(b"1")
    accesses = execute(watch, "for i in range(250): open(f'images/{i}.bin').close()")
    (folder,) = accesses
    assert (folder.kind, folder.relative, len(folder.members), folder.size) == ("folder", "images", 250, 250)


def test_a_cell_that_fails_still_tells(watch: DataWatch, project: Path) -> None:
    (project / "a.csv").write_text("1")
    watch.begin("cell")
    with pytest.raises(FileNotFoundError):
        exec("open('a.csv').close(); open('no.csv')", {})
    assert seen(watch.end("cell"), "read") == {"a.csv"}


def test_tokens_that_are_unknown_or_ended_give_nothing(watch: DataWatch) -> None:
    assert watch.end("never begun") == []


def test_odd_paths_do_not_disturb_the_user(watch: DataWatch, project: Path) -> None:
    class Odd:
        calls = 0

        def __fspath__(self) -> str:
            Odd.calls += 1
            return "odd.txt"

    watch.begin("cell")
    open(Odd(), "w").close()
    with pytest.raises(ValueError, match="null"):
        open("a\0b")  # noqa: SIM115
    name = os.fsdecode(b"\xff\xfe.txt")
    Path(name).write_text("1")
    accesses = watch.end("cell")
    assert Odd.calls == 1
    assert seen(accesses, "write") == {"odd.txt", name}


def test_the_environments_own_files_are_left_out(tmp_path: Path) -> None:
    border = Border(tmp_path)
    out = [os.__file__, pytest.__file__, "/proc/self/stat", "/dev/null", str(tmp_path / ".mlops_nb/x"),
           str(tmp_path / ".ipynb_checkpoints/a.csv"), str(Path.home() / ".ipython/profile_default/history.sqlite"),
           str(tmp_path / "font.ttf"), "/tmp/ipykernel_12/345.py", str(Path.home() / ".jupyter/lab/x"),
           str(Path.home() / ".aws/credentials")]  # fmt: skip
    assert [path for path in out if border.kind(path)] == []
    assert border.kind(str(tmp_path / "src/model.py")) == "code"
    assert border.kind(str(tmp_path / "data/a.csv")) == "file"
    assert border.kind("/mnt/data/a.csv") == "file"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h/a?token=1&n=2#x", "https://***@h/a?token=***&n=2"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("postgresql+psycopg://me:pw@h:5432/db?password=x", "postgresql+psycopg://***@h:5432/db?password=***"),
        ("zip://a.csv::https://h/b.zip?sig=1", "zip://a.csv::https://h/b.zip?sig=***"),
        ("https://h/a?%74oken=1", "https://h/a?%74oken=***"),
        ("https://u:p@ss@h/a", "https://***@h/a"),
    ],
)
def test_urls_lose_their_secrets(url: str, expected: str) -> None:
    assert redact_url(url) == expected


def test_statements() -> None:
    assert "geheim" not in redact_statement("create user x identified by 'geheim'")
    assert statement_mode("-- hello\nselect 1") == "read"
    assert statement_mode("insert into t values (1)") == "write"
    assert path_literals("x = 'a/b.csv' + \"c.txt\"\n!cat d.txt") == ["a/b.csv", "c.txt", "d.txt"]


def test_collections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_nb.capture.data.accesses.CAPACITY", 2)
    collector = Collector("cell")
    for number in range(5):
        collector.note(f"/{number}", "r", "audit")
    assert (len(collector.files), collector.truncated) == (2, True)
