"""Where projects come from: repositories at a revision, checked before git sees them, asked about before they run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.projects import sources
from mlops_nb.projects.sources import find_source, is_address, split_address
from mlops_nb.workspace import current


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, the first one tagged; a project in its root and one in a folder."""
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    command = "entry_points: {main: {parameters: {x: {type: string, default: a}}, command: 'python say.py {x}'}}\n"
    (folder / "MLproject").write_text(f"name: outside\n{command}", encoding="utf-8")
    (folder / "sub" / "MLproject").write_text(f"name: below\n{command}", encoding="utf-8")
    for place in (folder, folder / "sub"):
        (place / "say.py").write_text("import sys; print('first', sys.argv[1:])\n", encoding="utf-8")
    (folder / "out").symlink_to("/etc")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "tag", "v1")
    (folder / "say.py").write_text("import sys; print('second', sys.argv[1:])\n", encoding="utf-8")
    git(folder, "commit", "-qam", "second")
    return folder


def test_a_revision_and_a_folder_are_checked_out(repository: Path) -> None:
    address = repository.as_uri()
    newest = find_source(address, current())
    tagged = find_source(address, current(), revision="v1")
    assert "second" in (newest.folder / "say.py").read_text() and "first" in (tagged.folder / "say.py").read_text()
    assert newest.commit == git(repository, "rev-parse", "HEAD") and newest.trusted
    assert find_source(address, current(), revision=newest.commit[:8]).folder == newest.folder
    below = find_source(f"{address}#sub", current())
    assert (below.folder / "MLproject").read_text().startswith("name: below")
    assert find_source(f"{repository}#sub", current()).folder == below.folder, "a repository's folder is one too"
    git(repository, "commit", "-q", "--allow-empty", "-m", "third")
    assert find_source(address, current()).commit == git(repository, "rev-parse", "main"), "it is fetched again"


@pytest.mark.parametrize(
    "target",
    [
        "ext::sh -c touch% pwned", "fd::17", "--upload-pack=touch pwned", "-u:x", "https://-oProxyCommand=x/a.git",
        "ssh://-oProxyCommand=touch/a", "javascript://a/b", "https://host/a.git\n", "https://ana:secret@host/a.git",
        "https://host/a.git#../b", "https://host/a.git#/etc", "https://host/a.git#--x", "git+ext::x",
    ],
)  # fmt: skip
def test_addresses_that_git_must_not_see(target: str) -> None:
    with pytest.raises(InvalidInput):
        split_address(target)


@pytest.mark.parametrize(
    "revision", ["--upload-pack=touch pwned", "-q", "a..b", "a b", "", "@{-1}", "a\nb", "$(id)", "HEAD^{/x}", ":/x"]
)
def test_revisions_that_git_must_not_see(repository: Path, revision: str) -> None:
    with pytest.raises(InvalidInput, match="is not a revision"):
        find_source(repository.as_uri(), current(), revision=revision)


def test_what_is_not_there_is_one_sentence(repository: Path) -> None:
    for target, revision, reason in (
        (repository.as_uri(), "v9", "no revision 'v9'"),
        (f"{repository.as_uri()}#nowhere", None, "no folder 'nowhere'"),
        (f"{repository.as_uri()}#out", None, "outside its folder"),
        ((repository.parent / "none").as_uri(), None, "cannot be fetched"),
        (str(repository.parent / "none"), None, "is not a folder"),
    ):
        with pytest.raises((InvalidInput, NotFound), match=reason):
            find_source(target, current(), revision=revision)


def test_addresses_are_told_from_paths() -> None:
    assert all(map(is_address, ("https://h/a", "git@h:a.git", "ssh://h/a", "file:///a", "git+https://h/a#b")))
    assert not any(map(is_address, ("a.ipynb", "folder", "a#b", "C:\\x", "01a2", "name with: colon")))


def test_a_project_from_outside_shows_what_it_runs_and_waits(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources, "_is_own", lambda address: False)
    address = repository.as_uri()
    assert main(["run", address]) == 2
    refused = capfd.readouterr().err
    assert "main: python say.py {x}" in refused and "--trust" in refused and "second" not in refused
    assert main(["run", address, "--trust", "-p", "x=$(touch pwned)"]) == 0
    assert "second ['$(touch pwned)']" in capfd.readouterr().err
    assert main(["run", address]) == 0, "the user has said yes to this commit"
    git(repository, "commit", "-q", "--allow-empty", "-m", "third")
    assert main(["run", address]) == 2, "and not to the next one"
    assert not Path("pwned").exists()
