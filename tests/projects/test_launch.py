"""Entry points as runs: the shapes of MLflow's documentation, hostile values, failures, interruption."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil
import pytest

import mlops_nb
from mlops_nb.cli import main
from mlops_nb.entities import Run, Status
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.projects.environments import why_not_here
from mlops_nb.projects.events import Interruption
from mlops_nb.projects.launch import CommandFailed, Launch, launch
from mlops_nb.projects.sites import Site
from mlops_nb.projects.spec import Environment, read_project
from mlops_nb.workspace import current
from tests.house import ROOT

HERE = Site("current", None, {"PYTHONPATH": str(ROOT)})
SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))\n"

# The three shapes of MLflow's documentation: parameters with types and defaults, several entry points, python_env.
PARAMETERS = """
name: My Project
entry_points:
  main:
    parameters:
      data_file: path
      regularization: {type: float, default: 0.1}
    command: "python show.py -r {regularization} {data_file}"
"""
SEVERAL = """
name: several
entry_points:
  main:
    command: "python show.py main"
  validate:
    parameters:
      data_file: path
      mode: {type: string, default: fast}
    command: "python show.py {data_file} --mode={mode}"
"""
WITH_ENVIRONMENT = """
name: with environment
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      l1_ratio: {type: float, default: 0.1}
    command: "python show.py {alpha} {l1_ratio}"
"""


def project(folder: Path, text: str) -> Path:
    """A project with a script that shows its arguments."""
    folder.mkdir(exist_ok=True)
    (folder / "MLproject").write_text(text, encoding="utf-8")
    (folder / "show.py").write_text(SHOW, encoding="utf-8")
    return folder


def shown(run: Run) -> list[str]:
    """The arguments that the script got."""
    found: list[str] = json.loads("".join(line.text for _, line in current().store.logs(run.run_id)))
    return found


def start(folder: Path, entry_point: str = "main", **params: object) -> Run:
    """Run an entry point here."""
    return launch(read_project(folder), HERE, Launch(entry_point, params), current())


def test_parameters_with_types_and_defaults(tmp_path: Path) -> None:
    folder = project(tmp_path, PARAMETERS)
    run = start(folder, data_file="data.csv", regularization="0.5")
    assert shown(run) == ["-r", "0.5", str(Path.cwd() / "data.csv")]
    assert run.params == {"data_file": "data.csv", "regularization": 0.5}
    assert (run.name, run.status, run.source_type) == ("My Project", Status.FINISHED, "PROJECT")
    with pytest.raises(InvalidInput, match="'data_file' has no default and was not given"):
        start(folder)
    with pytest.raises(InvalidInput, match=r"regularisation.*did you mean 'regularization'"):
        start(folder, data_file="a", regularisation=1)


def test_several_entry_points(tmp_path: Path) -> None:
    folder = project(tmp_path, SEVERAL)
    assert shown(start(folder)) == ["main"]
    run = start(folder, "validate", data_file="/a.csv")
    assert shown(run) == ["/a.csv", "--mode=fast"] and run.tags["mlflow.project.entryPoint"] == "validate"
    assert shown(start(folder, "show.py", lr="0.1")) == ["--lr", "0.1"], "a script gets them as options"
    with pytest.raises(NotFound, match=r"no entry point 'validat'.*validate"):
        start(folder, "validat")


def test_python_env_that_is_met_here_runs_here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path, WITH_ENVIRONMENT)
    needs = f"python: '{sys.version_info[0]}.{sys.version_info[1]}'\ndependencies: [pyyaml>=5, nbformat]\n"
    (folder / "python_env.yaml").write_text(needs, encoding="utf-8")
    assert main(["run", str(folder), "-p", "alpha=0.25", "--json"]) == 0
    (run,) = json.loads(capfd.readouterr().out)
    assert run["params"] == {"alpha": 0.25, "l1_ratio": 0.1}


def test_what_is_not_met_here_is_said() -> None:
    reasons = why_not_here("", Environment("2.7", ("no-such-package-of-ours>=1", "nbformat>=5", "nbformat>999")))
    assert [reason.split()[0] for reason in reasons] == ["Python", "no-such-package-of-ours>=1", "nbformat>999"]


@pytest.mark.parametrize("value", ["a b", "; touch pwned", "$(touch pwned)", "`id`", "'\"\n\\", "--help", "{x}", "ü🙂"])
def test_hostile_values_stay_one_argument(tmp_path: Path, value: str) -> None:
    command = "python show.py '{x}' | cat"
    folder = project(tmp_path, f'entry_points: {{main: {{parameters: {{x: string}}, command: "{command}"}}}}')
    assert shown(start(folder, x=value)) == [value]
    assert not (folder / "pwned").exists() and not Path("pwned").exists()


def test_a_script_logs_into_its_run(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("entry_points: {main: {command: python train.py}}", encoding="utf-8")
    (tmp_path / "train.py").write_text("import mlops_nb\nmlops_nb.log_metric('acc', 0.5)\n", encoding="utf-8")
    assert start(tmp_path).metrics == {"acc": 0.5}
    assert mlops_nb.active_run() is None


def test_a_failing_command_is_kept_and_exits_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fail.py").write_text("import sys; print('before'); sys.exit(3)\n", encoding="utf-8")
    assert main(["run", str(tmp_path), "--entry-point", "fail.py", "--json"]) == 1
    caught = capfd.readouterr()
    (run,) = json.loads(caught.out)
    assert run["status"] == "FAILED" and "ended with status 3" in caught.err and "mlops-nb log" in caught.err
    assert current().store.logs(run["run_id"])[0][1].text == "before\n"
    assert main(["run", str(tmp_path), "--entry-point", "none.py"]) == 2
    assert main(["run", str(tmp_path), "--entry-point", "../out.py"]) == 2
    assert main(["run", str(tmp_path), "--entry-point", "fail.py", "--env", "locked"]) == 2, "it states no environment"


def test_an_interrupted_command_leaves_nothing_behind(tmp_path: Path) -> None:
    stop, seen = Interruption(), list[str]()
    (tmp_path / "wait.py").write_text(
        "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('begun', flush=True)\ntime.sleep(600)\n",
        encoding="utf-8",
    )

    def echo(stream: str, text: str) -> None:
        seen.append(text)
        if len(seen) == 1:
            stop.request()

    before = {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)}
    with pytest.raises(CommandFailed, match="SIGINT") as failed:
        launch(read_project(tmp_path), HERE, Launch("wait.py", interruption=stop, echo=echo), current())
    assert current().store.get_run(failed.value.run_id).status is Status.KILLED
    left = {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)} - before
    assert left == set() and seen[0] == "begun\n"


def test_the_help_of_a_project_tells_its_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "described", SEVERAL)
    assert main(["run", str(folder), "--help"]) == 0
    told = capsys.readouterr().out
    assert "data_file  path, required" in told and "mode       str, default fast" in told
