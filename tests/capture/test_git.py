"""The state of a repository, also of one that means harm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlops_nb.capture import git
from mlops_nb.capture.git import DIFF_LIMIT, git_state


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def run(folder: Path, *arguments: str) -> str:
    settings = ("user.name=n", "user.email=e@example.org", "init.defaultBranch=main", "core.hooksPath=")
    options = [part for setting in settings for part in ("-c", setting)]
    done = subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "init", "-q")
    (folder / "a.py").write_text("x = 1\n")
    (folder / "b.py").write_text("y = 1\n")
    run(folder, "add", ".")
    run(folder, "commit", "-qm", "first")
    return folder


def test_a_clean_repository(repository: Path) -> None:
    (repository / "sub").mkdir()
    state = git_state(repository / "sub")
    assert state == {
        "root": str(repository), "commit": run(repository, "rev-parse", "HEAD"), "branch": "main", "dirty": False,
        "remote": None, "changed": [], "untracked": [], "redactions": 0,
    }  # fmt: skip


def test_changes(repository: Path) -> None:
    (repository / "a.py").write_text('x = 2\npassword = "hunter2"\n')
    run(repository, "mv", "b.py", "ü b\n.py")
    (repository / "new file.py").write_text("")
    (repository / "staged.py").write_text("z = 1\n")
    run(repository, "add", "staged.py")
    state = git_state(repository)
    assert state is not None
    assert state["dirty"] and sorted(state["changed"]) == ["a.py", "staged.py", "ü b\n.py"]
    assert state["untracked"] == ["new file.py"]
    assert "+x = 2" in state["diff"] and "+z = 1" in state["diff"]
    assert '+password = "[redacted]"' in state["diff"] and state["redactions"] == 1


def test_untracked_files_alone_do_not_make_it_dirty(repository: Path) -> None:
    (repository / "new.py").write_text("")
    state = git_state(repository)
    assert state is not None and not state["dirty"] and state["untracked"] == ["new.py"] and "diff" not in state


def test_before_the_first_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    state = git_state(tmp_path)
    assert state is not None and state["untracked"] == ["a.py"]
    assert (state["commit"], state["branch"]) == (None, "main")
    run(tmp_path, "add", "a.py")
    state = git_state(tmp_path)
    assert state is not None and state["dirty"] and "+x = 1" in state["diff"]


def test_worktree_and_detached_head(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / "a.py").write_text("x = 3\n")
    state = git_state(tmp_path / "tree")
    assert state is not None
    assert state["root"] == str(tmp_path / "tree") and state["branch"] is None and state["dirty"]
    assert state["commit"] == run(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@host.example/x.git", "https://***@host.example/x.git"),
        ("https://abcdef@host.example/x.git", "https://***@host.example/x.git"),
        ("git@host.example:me/x.git", "git@host.example:me/x.git"),
        ("ssh://git@host.example/x.git", "ssh://git@host.example/x.git"),
        ("/srv/x.git", "/srv/x.git"),
    ],
)
def test_remotes_are_shown_without_credentials(repository: Path, url: str, shown: str) -> None:
    run(repository, "remote", "add", "aside", "/elsewhere")
    run(repository, "remote", "add", "origin", url)
    state = git_state(repository)
    assert state is not None and state["remote"] == shown


def test_no_program_of_the_repository_is_run(repository: Path, tmp_path: Path) -> None:
    evil, seen = tmp_path / "evil", tmp_path / "seen"
    evil.write_text(f"#!/bin/sh\necho $0 $@ >> {seen}\ncat\n")
    evil.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=evil filter=evil\n")
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho hook >> {seen}\n")
    hook.chmod(0o755)
    for setting in (
        "core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean",
        "filter.evil.smudge", "filter.evil.process", "core.pager", "pager.status", "pager.diff", "core.sshCommand",
        "core.editor", "credential.helper", "gpg.program", "alias.status", "alias.config",
    ):  # fmt: skip
        run(repository, "config", setting, str(evil) if not setting.startswith("alias") else f"!{evil}")
    run(repository, "config", "filter.evil.required", "true")
    (repository / "a.py").write_text("x = 2\n")
    os.utime(repository / "b.py", (1, 1))  # git has to look into it
    state = git_state(repository)
    assert state is not None and "a.py" in state["changed"] and "+x = 2" in state["diff"]
    assert not seen.exists()


def test_the_index_is_not_written(repository: Path) -> None:
    os.utime(repository / "a.py", (1, 1))
    before = (repository / ".git" / "index").read_bytes()
    git_state(repository)
    assert (repository / ".git" / "index").read_bytes() == before
    assert not (repository / ".git" / "index.lock").exists()


def test_a_large_diff_is_cut(repository: Path) -> None:
    (repository / "a.py").write_text("".join(f"x = {number}\n" for number in range(600_000)))
    state = git_state(repository)
    assert state is not None
    assert len(state["diff"]) < DIFF_LIMIT + 100 and "characters left out …" in state["diff"]


def test_names_are_bounded(repository: Path) -> None:
    for number in range(300):
        (repository / f"n{number}").touch()
    state = git_state(repository)
    assert state is not None and len(state["untracked"]) == 200


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "missing") is None


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) is None


def test_a_broken_repository_gets_a_note(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    state = git_state(tmp_path)
    assert state is not None and set(state) == {"root", "note"} and "not a git repository" in state["note"]


def test_variables_that_point_elsewhere_are_ignored(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    state = git_state(repository)
    assert state is not None and state["branch"] == "main"


def test_a_git_that_hangs_is_given_up(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "_TIMEOUT", 0.1)
    state = git_state(repository)
    assert state == {"root": str(repository), "note": "git did not finish in time"}
