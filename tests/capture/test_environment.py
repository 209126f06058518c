"""Where a cell ran."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb.capture import packages
from mlops_nb.capture.environment import environment
from mlops_nb.capture.packages import imported, installed, normalise, origin


def make(folder: Path, name: str, version: str = "1.0", **files: str) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (info / file.replace("__", ".")).write_text(text)
    return info


def test_all_distributions_are_those_of_importlib_metadata() -> None:
    expected: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        expected.setdefault(normalise(distribution.metadata["Name"]), distribution.version)
    found = environment()["packages"]
    assert found == expected and list(found) == sorted(found)


def test_older_layouts(tmp_path: Path) -> None:
    make(tmp_path, "Some_Package.x", "1.0+cu118")
    make(tmp_path, "~ome_package", "0.9")
    (tmp_path / "empty-1.0.dist-info").mkdir()
    (tmp_path / "flat-2.0-py3.11.egg-info").write_text("Version: 2.0\n")
    develop = tmp_path / "develop.egg-info"
    develop.mkdir()
    (develop / "PKG-INFO").write_text("Name: develop\nVersion: 3.0\n")
    egg = tmp_path / "egg-4.0-py3.11.egg" / "EGG-INFO"
    egg.mkdir(parents=True)
    (egg / "PKG-INFO").write_text("Name: egg\nVersion: 4.0\n")
    found = installed([str(tmp_path), str(tmp_path / "missing")])
    assert {name: distribution.version for name, distribution in found.items()} == {
        "some-package-x": "1.0+cu118", "flat": "2.0", "develop": "3.0", "egg": "4.0",
    }  # fmt: skip


def test_the_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    make(tmp_path / "a", "x", "1.0")
    make(tmp_path / "b", "x", "2.0")
    assert installed([str(tmp_path / "b"), str(tmp_path / "a")])["x"].version == "2.0"


def test_an_installation_is_noticed(tmp_path: Path) -> None:
    make(tmp_path, "x")
    assert list(installed([str(tmp_path)])) == ["x"]
    assert installed([str(tmp_path)]) is installed([str(tmp_path)])
    make(tmp_path, "y")
    os.utime(tmp_path, ns=(1, 1))  # as a later second would
    assert list(installed([str(tmp_path)])) == ["x", "y"]


@pytest.mark.parametrize(
    ("direct", "expected"),
    [
        ({"url": "file:///home/me/a%20b", "dir_info": {"editable": True}},
         {"url": "file:///home/me/a%20b", "path": "/home/me/a b", "editable": True}),
        ({"url": "file:///x.whl", "archive_info": {}}, {"url": "file:///x.whl", "path": "/x.whl"}),
        ({"url": "https://me:pw@host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
         {"url": "https://***@host/x.git", "vcs": "git", "commit": "abc"}),
        ({"nothing": 1}, None),
        ([], None),
    ],
)  # fmt: skip
def test_where_a_distribution_came_from(tmp_path: Path, direct: object, expected: dict[str, object] | None) -> None:
    make(tmp_path, "x", direct_url__json=json.dumps(direct))
    found = origin(installed([str(tmp_path)])["x"])
    assert found == (None if expected is None else {"version": "1.0", **expected})


def test_imported_modules_lead_to_their_distributions(tmp_path: Path) -> None:
    make(tmp_path, "plain")
    make(tmp_path, "by-top-level", top_level__txt="toplevel\n")
    make(tmp_path, "by_record", RECORD="recorded/__init__.py,x,1\nby_record-1.0.dist-info/RECORD,,\nmod.py,,\n")
    make(tmp_path, "unused", RECORD="unused/__init__.py,,\n")
    found = installed([str(tmp_path)])
    modules = ["plain.sub", "toplevel", "recorded.a.b", "mod", "json", "__main__", "unknown"]
    assert imported(found, modules) == ["by-record", "by-top-level", "plain"]


def test_editable_packages_in_use_have_their_git_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "trunk"], cwd=project, check=True)
    (project / "localmodule.py").write_text("")
    direct = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    make(tmp_path / "site", "localmodule", direct_url__json=direct)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(project))
    assert "git" not in environment()["local"]["localmodule"]
    __import__("localmodule")
    local = environment()["local"]["localmodule"]
    assert local["editable"] and local["path"] == str(project)
    assert local["git"] == {"commit": None, "branch": "trunk", "dirty": False, "remote": None}
    del sys.modules["localmodule"]


def test_only_variables_of_the_list_are_kept() -> None:
    given = {"OMP_NUM_THREADS": "2", "TZ": "UTC", "HOME": "/home/me", "API_KEY": "x"}
    facts = environment({**given, "CUDA_VISIBLE_DEVICES": "x" * 9999})
    assert facts["threads"] == {"OMP_NUM_THREADS": "2"}
    assert set(facts["variables"]) == {"TZ", "CUDA_VISIBLE_DEVICES"}
    assert len(facts["variables"]["CUDA_VISIBLE_DEVICES"]) == 500


def test_the_machine() -> None:
    facts = environment()
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["cpus"] >= 1 and facts["memory"] > 10**8 and facts["cpu"]
    assert json.dumps(facts)


def test_it_is_fast_and_imports_nothing_heavy() -> None:
    program = (
        "import sys, mlops_nb.capture.environment as e, mlops_nb.capture.estimators, mlops_nb.capture.resources\n"
        "e.environment()\n"
        "heavy = ('numpy', 'pandas', 'importlib.metadata', 'psutil', 'torch', 'sklearn')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"PK")
    assert installed([str(tmp_path / "archive.zip")]) == {}
    packages._cache.clear()
