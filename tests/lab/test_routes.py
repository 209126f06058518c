"""The routes that the front end calls, in a real Jupyter server under a prefix."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.entities import RunEnd, Status
from mlops_nb.lab import API
from mlops_nb.workspace import Workspace, open_workspace
from tests.lab.conftest import Ask
from tests.store.contract.making import T0, add

LONG = "x" * 5000
WILD = '<script>alert(1)</script> "quoted" \u202eright'


@pytest.fixture
def runs(space: Workspace) -> list[str]:
    """Three runs of a cell, one of another notebook in another experiment, oldest first."""
    ids = []
    for seed, acc in enumerate((0.8, 0.9, 0.85)):
        ids.append(
            add(
                space.store, f"fit-{seed}", at=T0 + seed * 1000, params={"lr": 0.1 * (seed + 1), "wild": WILD},
                metrics={"acc": acc, "loss": 1 - acc, "odd": math.nan}, tags={"note": LONG},
                end=RunEnd(Status.FINISHED, T0 + seed * 1000 + 500),
                facts={"code": f"lr = {seed}\nacc = fit(lr)", "restart_run_all": "clean",
                       "outputs": [{"output_type": "stream", "name": "stdout", "text": "hello"}]},
                start={"notebook": "work/a.ipynb", "cell_id": "c1", "line": "L1", "user": "ann"},
            )
        )  # fmt: skip
    ids.append(add(space.store, "other", at=T0 + 9000, experiment="elsewhere", start={"notebook": "b.ipynb"}))
    return ids


async def test_hello_says_versions_store_and_user(ask: Ask, runs: list[str], jp_root_dir: Path) -> None:
    hello = await ask("GET", "hello")
    assert hello["api"] == API
    assert hello["store"]["ok"]
    assert Path(hello["store"]["where"]) == jp_root_dir / ".mlops_nb"
    assert hello["root_dir"] == str(jp_root_dir)
    assert hello["sequence"] > 0 and hello["user"]


async def test_looking_makes_no_store(ask: Ask, jp_root_dir: Path) -> None:
    assert (await ask("GET", "hello"))["sequence"] == 0
    assert await ask("GET", "count") == {"total": 0}
    for path in ("runs", "runs/changes", "words", "models", "offers", "jobs", "services"):
        await ask("GET", path)
    assert (await ask("GET", "groups", by="experiment"))["groups"] == []
    assert not (jp_root_dir / ".mlops_nb").exists()


async def test_a_store_that_is_deleted_is_not_shown_on(ask: Ask, runs: list[str], jp_root_dir: Path) -> None:
    """The server had it open: what it goes on to read would be what nobody else sees."""
    before = await ask("GET", "runs", count=True)
    shutil.rmtree(jp_root_dir / ".mlops_nb")
    gone = await ask("GET", "runs/changes", since=before["sequence"], store=before["store"])
    assert gone["reset"] and (await ask("GET", "runs"))["runs"] == []
    other = open_workspace(start=jp_root_dir)
    run_id = add(other.store, "of the new store")
    found = await ask("GET", "runs", count=True)
    assert [row["run_id"] for row in found["runs"]] == [run_id] and found["total"] == 1
    other.close()


async def test_rows_carry_what_a_list_shows(ask: Ask, runs: list[str]) -> None:
    page = await ask("GET", "runs", count=True, limit=2, order_by="metrics.acc DESC")
    assert [row["name"] for row in page["runs"]] == ["fit-1", "fit-2"]
    assert page["total"] == 4
    assert [(await ask("GET", "count", filter=text))["total"] for text in ("", "metrics.acc > 0.8")] == [4, 2]
    row = page["runs"][0]
    assert row["contents_path"] == "work/a.ipynb" and row["cell_id"] == "c1"
    assert row["metrics"]["odd"] == "NaN" and row["params"]["wild"] == WILD
    assert len(row["tags"]["note"]) == 200
    assert row["duration_ms"] == 500 and row["kind"] == "run"
    assert page["best"]["acc"] == {"value": 0.9, "run_id": row["run_id"], "direction": "max"}
    rest = await ask("GET", "runs", limit=9, order_by="metrics.acc DESC", page_token=page["next_page_token"])
    assert [each["name"] for each in rest["runs"]] == ["fit-0", "other"]


async def test_scopes_filters_and_nesting(ask: Ask, space: Workspace, runs: list[str]) -> None:
    mine = await ask("GET", "runs", scope="notebook", notebook="work/a.ipynb", filter="metrics.acc > 0.8 or name = 'x'")
    assert [row["name"] for row in mine["runs"]] == ["fit-2", "fit-1"]
    child = add(space.store, "child", at=T0 + 99_000, start={"parent_run_id": runs[0]})
    tops = await ask("GET", "runs", parent="none")
    assert child not in [row["run_id"] for row in tops["runs"]]
    assert next(row for row in tops["runs"] if row["run_id"] == runs[0])["children"] == 1
    assert [row["run_id"] for row in (await ask("GET", "runs", parent=runs[0]))["runs"]] == [child]
    status, refusal = await ask("GET", "runs", filter="metrics.acc >")
    assert status == 400 and "acc" in refusal["message"]
    assert (await ask("GET", "check", filter="metrics.acc >"))["ok"] is False
    assert (await ask("GET", "check", filter="metrics.acc > 1"))["ok"] is True


async def test_changes_are_what_came_after(ask: Ask, space: Workspace, runs: list[str]) -> None:
    page = await ask("GET", "runs")
    none = await ask("GET", "runs/changes", since=page["sequence"], store=page["store"])
    assert none["runs"] == [] and not none["reset"]
    space.store.update_run(runs[0], lifecycle_stage="deleted")
    found = await ask("GET", "runs/changes", since=page["sequence"], store=page["store"])
    assert [(row["run_id"], row["deleted"]) for row in found["runs"]] == [(runs[0], True)]
    assert (await ask("GET", "runs/changes", since=10**9))["reset"] is True
    assert (await ask("GET", "runs/changes", since=0, store="another"))["reset"] is True


async def test_groups_with_figures(ask: Ask, runs: list[str]) -> None:
    found = await ask("GET", "groups", by="experiment", metrics="acc")
    group = next(each for each in found["groups"] if each["label"] == "exp")
    assert group["count"] == 3 and group["metrics"]["acc"]["mean"] == pytest.approx(0.85)
    page = await ask("GET", "runs", filter=group["filter"])
    assert len(page["runs"]) == 3
    cells = await ask("GET", "groups", by="cell")
    assert cells["groups"][1]["label"] == "work/a.ipynb / fit-2"


async def test_words_and_values(ask: Ask, runs: list[str]) -> None:
    words = await ask("GET", "words")
    assert {"acc", "loss"} <= set(words["metrics"]) and "elsewhere" in words["experiments"]
    assert len((await ask("GET", "values", field="params.lr"))["values"]) == 3
    assert (await ask("GET", "values", field="notebook"))["values"] == ["work/a.ipynb", "b.ipynb"]


async def test_the_page_of_a_run(ask: Ask, runs: list[str]) -> None:
    page = await ask("GET", f"runs/{runs[1]}")
    assert page["code"] == "lr = 1\nacc = fit(lr)" and page["restart_run_all"] == "clean"
    assert [row["name"] for row in page["revisions"]] == ["fit-2", "fit-1", "fit-0"]
    assert page["previous"]["run_id"] == runs[0]
    assert page["outputs"][0]["text"] == "hello"
    code = await ask("GET", f"runs/{runs[1]}/code", against=runs[0])
    assert "-lr = 0" in code["diff"] and "+lr = 1" in code["diff"]
    assert (await ask("GET", "runs/nobody"))[0] == 404


async def test_curves_are_thinned_and_keep_their_extremes(ask: Ask, space: Workspace) -> None:
    from array import array

    from mlops_nb.entities import Batch, Points

    run_id = add(space.store, "long")
    values = array("d", [0.5] * 20_000)
    values[12_345] = 9.0
    values[777] = math.nan
    points = Points(values, array("q", range(20_000)), array("q", [T0] * 20_000))
    space.store.apply([Batch(run_id, "", metrics={"loss": points})])
    [curve] = (await ask("GET", f"runs/{run_id}/curves", names="loss", points=200))["curves"]
    assert curve["count"] == 20_000 and 100 < len(curve["x"]) <= 300
    assert curve["y"][curve["x"].index(12_345)] == 9.0
    assert "NaN" in curve["y"] and curve["max"] == 9.0
    [near] = (await ask("GET", f"runs/{run_id}/curves", points=200, **{"from": 12_300, "to": 12_400}))["curves"]
    assert near["x"][0] == 12_299 and near["x"][-1] == 12_401
    sparks = await ask("GET", "sparks", runs=run_id, metric="loss")
    assert sparks["curves"][run_id]["metric"] == "loss"
    assert 1 < len(sparks["curves"][run_id]["values"]) <= 60


async def test_the_log_is_text(ask: Ask, space: Workspace) -> None:
    """What was displayed stands in it as plain text, not as an image's bytes."""
    from mlops_nb.entities import Batch, LogLine

    shown = {"data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480>"}, "metadata": {}}
    run_id = add(space.store, "drawn")
    lines = [LogLine(T0, "stdout", "one\n"), LogLine(T0 + 1, "display", json.dumps(shown))]
    space.store.apply([Batch(run_id, "", logs=lines)])
    log = await ask("GET", f"runs/{run_id}/log")
    assert [line["text"] for line in log["lines"]] == ["one\n", "<Figure size 640x480>\n"]


async def test_files_come_as_downloads_that_nothing_runs(ask: Ask, space: Workspace, runs: list[str]) -> None:
    from mlops_nb.entities import Artifact, Batch

    upload = space.artifacts.begin()
    upload.write(b"<script>alert(1)</script>")
    digest, size = upload.commit()
    space.store.apply([Batch(runs[0], "", artifacts=[Artifact("plots/a.html", digest, size)])])
    found = await ask("GET", f"runs/{runs[0]}/artifacts/plots/a.html")
    assert found.body == b"<script>alert(1)</script>"
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in found.headers["Content-Security-Policy"]
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert (await ask("GET", f"runs/{runs[0]}/artifacts/..%2F..%2Fetc/passwd"))[0] == 400


async def test_runs_are_compared(ask: Ask, runs: list[str]) -> None:
    found = await ask("GET", "compare", runs=runs[:3])
    assert [each["title"] for each in found["sections"]][:2] == ["metrics", "params"]
    assert found["axes"]["metrics"] == ["acc", "loss"]
    assert len(found["rows"]) == 3
    page = await ask("GET", "compare.html", runs=runs[:3])
    assert page.body.startswith(b"<!doctype html>") and b"<script" not in page.body
    assert (await ask("GET", "compare", runs=runs[:1]))[0] == 400


async def test_csv_runs_nothing_in_a_spreadsheet(ask: Ask, space: Workspace, runs: list[str]) -> None:
    add(space.store, "=HYPERLINK()", at=T0 + 10_000)
    text = (await ask("GET", "runs.csv")).body.decode()
    assert "'=HYPERLINK()" in text and text.count("\n") == 6


async def test_runs_are_renamed_tagged_and_deleted(ask: Ask, space: Workspace, runs: list[str]) -> None:
    assert await ask("POST", "runs/change", {"runs": runs[:2], "tags": {"keep": "yes"}}) == {"changed": 2}
    assert space.store.get_run(runs[1]).tags["keep"] == "yes"
    assert await ask("POST", "runs/change", {"runs": [runs[0]], "deleted": True}) == {"changed": 1}
    assert len((await ask("GET", "runs"))["runs"]) == 3
    assert len((await ask("GET", "runs", deleted=True))["runs"]) == 1
    assert (await ask("POST", "runs/change", {"runs": ["nobody"], "deleted": True}))[0] == 404


async def test_a_notebook_is_made_of_a_run(ask: Ask, space: Workspace, jp_root_dir: Path) -> None:
    cells = [{"index": n, "execution_count": n, "source": source} for n, source in ((1, "x = 1"), (2, "y = x"))]
    run_id = add(space.store, "cut out", facts={"code": "y = x", "slice": cells}, start={"notebook": "a.ipynb"})
    made = await ask("POST", f"runs/{run_id}/notebook", {"kind": "slice"})
    assert (jp_root_dir / made["contents_path"]).read_text().count("x = 1") >= 1
    status, _ = await ask("POST", f"runs/{run_id}/notebook", {"kind": "slice", "path": "../evil.ipynb"})
    assert status == 400
    status, _ = await ask("POST", f"runs/{run_id}/notebook", {"kind": "slice", "path": made["contents_path"]})
    assert status == 409


async def test_the_state_of_a_notebook(ask: Ask, runs: list[str]) -> None:
    found = await ask("GET", "notebook", path="work/a.ipynb")
    assert found["runs"] == 3 and found["cells"]["c1"]["run_id"] == runs[2]
    assert found["cells"]["c1"]["source"].startswith("lr = 2")


async def test_verbs_answer_as_the_command_line_does(ask: Ask, runs: list[str]) -> None:
    found = await ask("POST", "verbs/runs", {"words": ["--limit", "2"]})
    assert [each["name"] for each in found["plain"]] == ["other", "fit-2"]
    for words in (["--store", "/tmp/x"], ["--store=/tmp/x"], ["-h"], ["--nonsense"]):
        assert (await ask("POST", "verbs/runs", {"words": words}))[0] == 400, words
    assert (await ask("POST", "verbs/server", {"words": []}))[0] == 404
    assert (await ask("POST", "verbs/code", {"words": [runs[0], "-o", "/tmp/x"]}))[0] == 400


async def test_the_description_names_every_route(ask: Ask, jp_serverapp: Any) -> None:
    paths = (await ask("GET", "openapi.json"))["paths"]
    assert {"/lab/hello", "/lab/runs/{run}/artifacts/{path}", "/lab/verbs/promote"} <= paths.keys()
