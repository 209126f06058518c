"""MLproject files: what others wrote is read, what we write is read again, nothing leaves the folder."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.projects.declarations import read_parameters
from mlops_nb.projects.kinds import Text
from mlops_nb.projects.spec import EntryPoint, Environment, Project, inside, read_project, write_project

# The shapes of MLflow's documentation: parameters with types and defaults, several entry points, python_env.
DOCUMENTED = """
name: My Project
python_env: files/config/python_env.yaml
entry_points:
  main:
    parameters:
      data_file: path
      regularization: {type: float, default: 0.1}
    command: "python train.py -r {regularization} {data_file}"
  validate:
    parameters:
      data_file: path
      mode: {type: string, default: fast}
      source: uri
    command: "python validate.py {data_file} --mode={mode} {source}"
  prepare:
"""
PYTHON_ENV = """
python: "3.8.15"
build_dependencies:
  - pip
dependencies:
  - mlflow==2.3
  - -r requirements.txt
"""


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A project as others write it."""
    (tmp_path / "MLproject").write_text(DOCUMENTED, encoding="utf-8")
    config = tmp_path / "files" / "config"
    config.mkdir(parents=True)
    (config / "python_env.yaml").write_text(PYTHON_ENV, encoding="utf-8")
    (config / "requirements.txt").write_text(
        "# these\nnumpy==1.24 \\\n  --hash=sha256:ab\npandas # x\n", encoding="utf-8"
    )
    return tmp_path


def test_a_project_of_others_is_read(documented: Path) -> None:
    project = read_project(documented)
    assert (project.name, list(project.entry_points)) == ("My Project", ["main", "validate", "prepare"])
    assert project.environment == Environment("3.8.15", ("mlflow==2.3", "numpy==1.24 --hash=sha256:ab", "pandas"))
    point = project.entry_point()
    contract = point.contract(project.name)
    assert [str(parameter.type) for parameter in point.parameters.values()] == ["path", "float"]
    with pytest.raises(InvalidInput, match="'data_file' has no default"):
        contract.check({})
    with pytest.raises(InvalidInput, match="is not a float"):
        contract.check({"data_file": "x", "regularization": Text("much")})
    values = contract.check({"data_file": Text("a; b.csv")})
    assert point.fill(values, project.folder).words == ["python", "train.py", "-r", "0.1", str(Path.cwd() / "a; b.csv")]


def test_all_kinds_of_entry_points_are_found(documented: Path) -> None:
    (documented / "my script.py").write_text("", encoding="utf-8")
    (documented / "nb.ipynb").write_text("", encoding="utf-8")
    project = read_project(documented)
    assert project.entry_point("my script.py").fill({}, documented).words == ["python", "my script.py"]
    assert project.entry_point("nb.ipynb").fill({}, documented).words == ["mlops-nb", "run", "nb.ipynb"]
    with pytest.raises(NotFound, match=r"no entry point 'valdate' \(did you mean 'validate'\?\)"):
        project.entry_point("valdate")
    with pytest.raises(NotFound):
        project.entry_point("absent.py")
    with pytest.raises(InvalidInput, match="empty command"):
        project.entry_point("prepare").fill({}, documented)


def test_a_folder_without_the_file_has_its_scripts(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    assert read_project(tmp_path).entry_point("train.py").command == 'python "train.py"'
    with pytest.raises(NotFound, match="It has: none"):
        read_project(tmp_path).entry_point()


def test_a_conda_file_is_taken_as_requirements(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("conda_env: conda.yaml", encoding="utf-8")
    (tmp_path / "conda.yaml").write_text(
        "dependencies: [python=3.10, pip, conda-forge::numpy=1.26.4=py310, 'scipy>=1.10', {pip: ['mlflow>=2']}]",
        encoding="utf-8",
    )
    assert read_project(tmp_path).environment == Environment("3.10", ("numpy==1.26.4", "scipy>=1.10", "mlflow>=2"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: [", "not valid YAML"), ("- 1", "not a mapping"), ("docker_env: {image: x}", "Docker"),
        ("entry_points: [a]", "not a mapping"), ("entry_points: {main: x}", "not a mapping"),
        ("entry_points: {main: {command: [a]}}", "not text"),
        ("entry_points: {main: {parameters: [a]}}", "not a mapping"),
        ("entry_points: {main: {command: 'a {x}'}}", "not among its parameters"),
        ("entry_points: {main: {parameters: {x: {type: float, default: y}}}}", "default of the parameter 'x'"),
        ("entry_points: {main: {parameters: {x: {type: int, minimum: a}}}}", "limit of the parameter 'x'"),
        ("entry_points: {main: {parameters: {x: {type: date, minimum: a}}}}", "limit of the parameter 'x'"),
        ("python_env: ../outside.yaml", "outside its folder"), ("python_env: /etc/passwd", "outside its folder"),
        ("conda_env: link.yaml", "outside its folder"), ("python_env: absent.yaml", "cannot be read"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"), ("a: " + "x" * 1_000_001, "larger than"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "outside.yaml").write_text("python: '3'", encoding="utf-8")
    (project / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (project / "MLproject").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=reason):
        read_project(project)


def test_requirements_outside_are_refused(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("python_env: e.yaml", encoding="utf-8")
    (tmp_path / "e.yaml").write_text("dependencies: ['-r ../../x.txt']", encoding="utf-8")
    with pytest.raises(InvalidInput, match="outside its folder"):
        read_project(tmp_path)


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    if not os.path.lexists(tmp_path / "a" / "x"):
        with pytest.raises((InvalidInput, NotFound)):
            read_project(tmp_path).entry_point("a/x.py")
    with pytest.raises(InvalidInput):
        inside(tmp_path, "a\0b")


CELL = """
lr: float = 0.1  # step (0, 1]
depth = 4  # 1..8
sizes: list[int] = [1, 2]
solver = "adam"  # in {adam, sgd}
since: date | None = None
day: date = date(2024, 1, 31)  # 2024-01-01..
data: Path
fast = True
"""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    point = EntryPoint(
        "main", "mlops-nb run nb.ipynb -p lr={lr} -p 'sizes={sizes}' {fast} {since} {day}", read_parameters(CELL)
    )
    written = Project(tmp_path, "names: 'quoted' # é", {"main": point}, Environment("3.11", ("numpy==2.1",)))
    write_project(written)
    again = read_project(tmp_path)
    assert (again.name, again.environment) == (written.name, written.environment)
    assert again.entry_point().parameters == point.parameters
    words = again.entry_point().fill({"data": Path("x")}, tmp_path).words
    assert words[3:] == ["-p", "lr=0.1", "-p", "sizes=[1, 2]", "True", "None", "2024-01-31"]
    assert again.entry_point().contract("p").check({"data": "x", "day": "2024-02-01"})["day"] == date(2024, 2, 1)
