"""The lock: written, read, compared, and really restored by uv; inline metadata by PEP 723."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.capture.environment import environment
from mlops_nb.capture.lock import Lock, difference, lock, parse_lock, read_inline, write_inline
from mlops_nb.errors import InvalidInput

ENVIRONMENT: dict[str, Any] = {
    "python": "3.11.7",
    "implementation": "CPython",
    "platform": "Linux-6.1-x86_64",
    "packages": {"NumPy": "2.4.6", "torch": "2.13.0+cpu", "mine": "0.1", "theirs": "1.0", "old": "1", "wheel-of": "2",
                 "bad name": "1", "evil": "1\n--index-url http://evil"},
    "local": {
        "mine": {"url": "file:///home/me/my%20project", "path": "/home/me/my project", "editable": True,
                 "git": {"commit": "abc123", "branch": "main", "dirty": True}},
        "theirs": {"url": "https://token:x@host/theirs.git", "vcs": "git", "commit": "def456"},
        "old": {"path": "/src/old"},
        "wheel_of": {"url": "https://host/wheel_of-2-py3-none-any.whl"},
    },
}  # fmt: skip


def test_a_lock_says_versions_interpreter_and_where_local_packages_were() -> None:
    assert lock(ENVIRONMENT).splitlines() == [
        "# mlops_nb lock 1",
        "# python: 3.11.7",
        "# implementation: CPython",
        "# platform: Linux-6.1-x86_64",
        "# local: mine==0.1 editable, from /home/me/my project, git abc123 on main with changes",
        "NumPy==2.4.6",
        "# local: old==1 from /src/old",
        "theirs @ git+https://***@host/theirs.git@def456  # 1.0",
        "torch==2.13.0+cpu  # a local version: only the index that it came from has it",
        "wheel-of @ https://host/wheel_of-2-py3-none-any.whl  # 2",
    ]


def test_a_lock_is_read_back() -> None:
    found = parse_lock(lock(ENVIRONMENT))
    assert (found.python, found.platform) == ("3.11.7", "Linux-6.1-x86_64")
    assert found.packages == {"mine": "0.1", "numpy": "2.4.6", "old": "1", "torch": "2.13.0+cpu",
                              "wheel-of": "2", "theirs": "1.0"}  # fmt: skip
    assert set(found.local) == {"mine", "old", "theirs", "wheel-of"}
    assert found.local["theirs"] == "git+https://***@host/theirs.git@def456"


def test_requirements_of_others_are_read() -> None:
    text = "-i https://host\n# comment: x\nA_b.C==1.0 ; python_version > '3'\nd===2\n\ne>=1\nf == 3 \\\n  --hash=a:0\n"
    assert parse_lock(text).packages == {"a-b-c": "1.0", "d": "2", "f": "3"}
    assert parse_lock("") == Lock()


def test_differences() -> None:
    locked = Lock("3.11.7", "Linux", {"a": "1", "b_x": "1", "c": "1"})
    current = Lock("3.12.1", "Linux", {"a": "1", "B-X": "2", "d": "1"})
    assert difference(locked, current) == {
        "added": {"d": "1"}, "removed": {"c": "1"}, "changed": {"b-x": ["1", "2"]}, "python": ["3.11.7", "3.12.1"]
    }  # fmt: skip
    assert difference(locked, locked) == {"added": {}, "removed": {}, "changed": {}}


def test_this_environment_is_locked() -> None:
    facts = environment()
    found = parse_lock(lock(facts))
    assert found.python == facts["python"]
    assert found.packages["pytest"] == facts["packages"]["pytest"]


versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc[0-9])?(\+cu[0-9]{2})?", fullmatch=True)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)


@given(st.dictionaries(names, versions))
def test_any_environment_comes_back(packages: dict[str, str]) -> None:
    text = lock({"packages": packages, "python": "3.12.0"})
    assert parse_lock(text).packages == packages
    assert text == lock({"packages": dict(reversed(packages.items())), "python": "3.12.0"})


def make_wheel(folder: Path, name: str, version: str) -> None:
    """The smallest wheel that an installer takes."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


def test_uv_restores_a_lock(tmp_path: Path) -> None:
    """Another version first, then the lock: what uv lists afterwards is what was locked."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv is not installed")
    for name, version in (("alpha", "1.0"), ("alpha", "2.0"), ("beta", "0.1+local.1"), ("gamma", "3.0")):
        make_wheel(tmp_path, name, version)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def call(*words: str) -> str:
        return subprocess.run([str(uv), *words], check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    offline = ["--python", str(python), "--offline", "--no-index", "--find-links", str(tmp_path)]
    call("venv", "--python", sys.executable, str(tmp_path / "env"))
    call("pip", "install", *offline, "alpha==2.0", "gamma")
    text = lock({"packages": {"Alpha": "1.0", "beta": "0.1+local.1", "mine": "1"}, "local": {"mine": {"path": "/x"}}})
    (tmp_path / "lock.txt").write_text(text)
    call("pip", "sync", *offline, "lock.txt")
    listed = json.loads(call("pip", "list", "--python", str(python), "--format", "json"))
    current = {entry["name"]: entry["version"] for entry in listed}
    assert difference(parse_lock(text), current) == {"added": {}, "removed": {"mine": "1"}, "changed": {}}


SCRIPT = """#!/usr/bin/env python
# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "requests<3",  # a comment
#   "rich",
# ]
#
# [tool.uv]
# exclude-newer = "2026-01-01T00:00:00Z"
# ///
import requests
"""


def test_inline_metadata_is_read_and_replaced() -> None:
    found = read_inline(SCRIPT)
    assert found is not None and found["dependencies"] == ["requests<3", "rich"]
    again = write_inline(SCRIPT, ">=3.11", ["numpy==2.4.6"])
    assert read_inline(again) == {"requires-python": ">=3.11", "dependencies": ["numpy==2.4.6"], "tool": found["tool"]}
    assert again.startswith("#!/usr/bin/env python\n# /// script\n") and again.endswith("# ///\nimport requests\n")


def test_inline_metadata_is_new_after_the_first_line() -> None:
    assert write_inline("#!/bin/sh\nx = 1", "", []).splitlines() == [
        "#!/bin/sh", "# /// script", "# dependencies = [", "# ]", "# ///", "x = 1"
    ]  # fmt: skip
    assert read_inline("x = 1") is None
    assert read_inline("# /// other\n# a = 1\n# ///\n") is None


one_line = st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.just('a\u2028b\\"')


@given(one_line, st.lists(one_line))
def test_inline_metadata_comes_back(python: str, dependencies: list[str]) -> None:
    found = read_inline(write_inline("import numpy\n", python, dependencies))
    assert found == ({"requires-python": python} if python else {}) | {"dependencies": dependencies}


@pytest.mark.parametrize("source", [SCRIPT + SCRIPT, "# /// script\n# a = = 1\n# ///\n"])
def test_inline_metadata_that_is_wrong_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match="/// script"):
        read_inline(source)
    with pytest.raises(InvalidInput, match="/// script"):
        write_inline(source, "", [])


def test_a_requirement_with_a_line_break_is_refused() -> None:
    with pytest.raises(InvalidInput, match="requirement"):
        write_inline("", "", ["numpy\n# ///\nimport os"])
