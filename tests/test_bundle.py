"""The front end's bundle: committed, stamped with its sources' hash, and never stale."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path

from mlops_nb.lab.describing import write_types

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "labextension"
BUNDLE = ROOT / "mlops_nb" / "labextension"
JUPYTERLAB = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas" / "@jupyterlab"
FILES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "webpack.config.js")
FOLDERS = ("src", "style", "schema", "scripts")


def digest_sources(root: Path) -> str:
    """The same hash as ``scripts/stamp.mjs`` writes: names, lengths and bytes of all that the bundle is built from."""
    paths = [root / name for name in FILES if (root / name).exists()]
    paths += [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    names = {
        path.relative_to(root).as_posix(): path for path in paths if not path.name.endswith((".test.ts", ".test.tsx"))
    }
    seen = hashlib.sha256()
    for name in sorted(names, key=str.encode):
        content = names[name].read_bytes()
        seen.update(name.encode() + b"\0" + str(len(content)).encode() + b"\0" + content)
    return seen.hexdigest()


def test_the_bundle_is_built_from_these_sources() -> None:
    stamp = (BUNDLE / "sources.sha256").read_text().strip()
    assert stamp == digest_sources(SOURCES), "the bundle is stale: cd labextension && npm ci && npm run build:prod"


def test_a_changed_source_makes_it_stale(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("one")
    before = digest_sources(tmp_path)
    (tmp_path / "src" / "a.test.ts").write_text("tests are not in the bundle")
    assert digest_sources(tmp_path) == before
    (tmp_path / "src" / "a.ts").write_text("two")
    assert digest_sources(tmp_path) != before


def test_the_bundle_is_whole_and_small() -> None:
    described = json.loads((BUNDLE / "package.json").read_text())
    assert (BUNDLE / described["jupyterlab"]["_build"]["load"]).exists()
    assert (BUNDLE / "schemas" / described["name"] / "plugin.json").exists()
    scripts = list((BUNDLE / "static").glob("*.js"))
    compressed = sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in scripts)
    assert compressed <= 400_000
    assert not [path for path in scripts if b"eval(" in path.read_bytes()], "a page with a strict policy refuses eval"


def test_the_types_are_those_of_the_server() -> None:
    written = (SOURCES / "src" / "types.ts").read_text(encoding="utf-8")
    assert written == write_types(), "python -m mlops_nb.lab.describing > labextension/src/types.ts"


def test_sources_keep_the_budgets_of_the_house() -> None:
    for path in [*(SOURCES / "src").rglob("*.ts"), *(SOURCES / "src").rglob("*.tsx")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 450 or path.name == "types.ts", f"{path.name} has {len(lines)} lines"
        if path.name != "api.ts":
            text = "\n".join(lines)
            asked = "makeRequest" in text or "fetch(" in text.replace("state.fetch(", "")
            assert not asked, f"{path.name} does HTTP"
        assert "dangerouslySetInnerHTML" not in "\n".join(lines) and "innerHTML" not in "\n".join(lines)


def test_no_key_of_ours_is_one_of_jupyterlabs() -> None:
    """In a notebook the nearer selector wins: a key of ours that is Lab's, too, would merge cells."""
    schemas = [json.loads(path.read_text()) for path in JUPYTERLAB.rglob("*.json")]
    taken = {tuple(each["keys"]) for schema in schemas for each in schema.get("jupyter.lab.shortcuts", ())}
    assert len(taken) > 50, "JupyterLab's own are found"
    ours = json.loads((SOURCES / "schema" / "plugin.json").read_text(encoding="utf-8"))["jupyter.lab.shortcuts"]
    assert [each for each in ours if tuple(each["keys"]) in taken] == []
