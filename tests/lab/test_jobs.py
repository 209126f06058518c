"""Jobs: real processes of the command line, that are followed, survive their server, and can be stopped."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from mlops_nb.lab.jobs import Jobs
from mlops_nb.workspace import Workspace
from tests.lab.conftest import Ask

PATIENCE = 120


def notebook(path: Path, *sources: str, params: str = "n = 1  # how many, 1..9") -> None:
    """A notebook with a cell of parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in (params, *sources)]
    cells[0].metadata["tags"] = ["parameters"]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


async def over(ask: Ask, job_id: str) -> dict[str, Any]:
    """The job when it is over."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        job: dict[str, Any] = await ask("GET", f"jobs/{job_id}")
        if job["state"] != "running":
            return job
        await asyncio.sleep(0.1)
    raise AssertionError(f"still running: {job}")


async def test_a_form_is_made_of_a_notebook(ask: Ask, jp_root_dir: Path) -> None:
    notebook(jp_root_dir / "work" / "a.ipynb", "m = n")
    form = await ask("GET", "parameters", notebook="work/a.ipynb")
    [field] = form["parameters"]
    assert (field["name"], field["kind"], field["default"], field["minimum"], field["maximum"]) == ("n", "int", 1, 1, 9)
    assert (await ask("GET", "parameters", notebook="../a.ipynb"))[0] == 400
    assert (await ask("GET", "parameters", notebook="gone.ipynb"))[0] == 404


@pytest.mark.slow
async def test_a_notebook_is_run_as_a_job(ask: Ask, jp_root_dir: Path, space: Workspace) -> None:
    notebook(jp_root_dir / "work" / "a.ipynb", "print('n is', n)")
    words = ["work/a.ipynb", "-p", "n=7", "-o", "work/out.ipynb"]
    job = await ask("POST", "jobs", {"verb": "run", "words": words, "title": "seven"})
    assert (job["state"], job["title"]) == ("running", "seven")
    done = await over(ask, job["job_id"])
    assert (done["state"], done["exit_status"]) == ("finished", 0), done["log"]
    assert "2 of 2" in done["log"] or "3 of 3" in done["log"], done["log"]
    assert done["contents_path"] == "work/out.ipynb" and (jp_root_dir / "work" / "out.ipynb").exists()
    assert space.store.get_run(done["run_id"]).params["n"] == 7
    assert [each["job_id"] for each in (await ask("GET", "jobs"))["jobs"]] == [job["job_id"]]
    await ask("DELETE", f"jobs/{job['job_id']}")
    assert (await ask("GET", f"jobs/{job['job_id']}"))[0] == 404


@pytest.mark.slow
async def test_a_job_survives_its_server_and_is_cancelled(ask: Ask, jp_root_dir: Path, space: Workspace) -> None:
    notebook(jp_root_dir / "slow.ipynb", "import time, pathlib\npathlib.Path('here').touch()\ntime.sleep(600)")
    found = job = await ask("POST", "jobs", {"verb": "run", "words": ["slow.ipynb"]})
    until = time.monotonic() + PATIENCE
    while not (jp_root_dir / "here").exists() or not found["run_id"]:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
        found = await ask("GET", f"jobs/{job['job_id']}")
    assert space.store.get_run(found["run_id"]).status == "RUNNING"
    family = psutil.Process(job["pid"]).children(recursive=True)
    later = Jobs()  # what a server that has been started anew knows
    assert later.get(space, job["job_id"])["state"] == "running"
    later.cancel(space, job["job_id"])
    done = await over(ask, job["job_id"])
    assert done["state"] == "cancelled"
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    assert space.store.get_run(found["run_id"]).status == "KILLED"


@pytest.mark.parametrize(
    ("verb", "words", "said"),
    [
        ("server", [], "not a job"),
        ("run", [], "required"),
        ("run", ["a.ipynb", "--store", "/tmp/x"], "--store"),
        ("run", ["../../etc/a.ipynb"], "leads out"),
        ("run", ["a.ipynb", "-o", "/../x.ipynb"], "leads out"),
        ("run", ["a.ipynb", "--outptu", "x"], "--outptu"),
        ("reproduce", ["x", "--help"], "help"),
    ],
)
async def test_what_makes_no_sense_starts_nothing(
    ask: Ask, jp_root_dir: Path, verb: str, words: list[str], said: str
) -> None:
    status, refusal = await ask("POST", "jobs", {"verb": verb, "words": words})
    assert status == 400 and said in refusal["message"], refusal
    assert not (jp_root_dir / ".mlops_nb" / "jobs").exists()


async def test_a_job_whose_process_is_gone_says_lost(ask: Ask, space: Workspace) -> None:
    place = space.make_folder(space.root / "jobs" / ("0" * 32))
    facts = {"job_id": "0" * 32, "verb": "run", "words": [], "title": "t", "started": 1, "user": "", "pid": 1}
    facts |= {"born": 1.0, "contents_path": None}
    (place / "job.json").write_text(json.dumps(facts))
    (place / "log.txt").write_text("cell: 3 of 12 cells\n")
    job = await ask("GET", f"jobs/{'0' * 32}")
    assert (job["state"], job["message"], job["log"]) == ("lost", "cell: 3 of 12 cells", "cell: 3 of 12 cells\n")
