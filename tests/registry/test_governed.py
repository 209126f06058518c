"""Registering, describing, deleting; and resolving what was registered, today and at a date."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.artifacts import tree_digest
from mlops_nb.entities import now_ms
from mlops_nb.errors import CorruptData, InvalidInput, InvalidState, NotFound, PermissionDenied
from mlops_nb.registry import (
    PromotionRefused,
    define_stages,
    delete_version,
    describe,
    drop_alias,
    fetch_model,
    history,
    load_model,
    model_lineage,
    models_from,
    promote,
    register_model,
    rename_model,
    resolve,
    set_gates,
    set_tags,
)
from tests.registry.runs import make_run

ROOT = Path(__file__).parents[2]


def blobs() -> set[str]:
    return set(workspaces.current().artifacts.all_digests())


def test_what_a_run_logged_is_registered_without_a_copy() -> None:
    run = make_run()
    workspaces.current().flush()
    before = blobs()
    version = register_model(
        f"runs:/{run}/model", "churn", tags={"n": 3}, description="first", comment="why", user="ann"
    )
    assert blobs() == before
    files = workspaces.current().store.version_files("churn", 1)
    assert [file.path for file in files] == ["MLmodel", "data/weights.txt"]
    assert (version.run_id, version.path, version.digest) == (run, "model", tree_digest(files))
    assert (version.tags, version.description, version.user) == ({"n": "3"}, "first", "ann")
    assert history("churn").changes[-1].by.why == "why"


@pytest.mark.parametrize(
    "form", ["runs:/{run}/model", "runs:/{run}", "{run}", "fit", "runs:/fit/model", "runs:/{run:.20}/model"]
)
def test_every_way_to_name_the_model_of_a_run(form: str) -> None:
    run = make_run()
    assert register_model(form.format(run=run), "churn").path == "model"


def test_a_model_is_registered_while_its_run_goes_on() -> None:
    with mlops_nb.start_run() as run:
        mlops_nb.log_text("flavors: {}", "m/MLmodel")
        assert register_model(f"runs:/{run.run_id}/m", "churn").version == 1


def test_a_model_at_the_top_of_a_run() -> None:
    with mlops_nb.start_run() as run:
        mlops_nb.log_text("flavors: {}", "MLmodel")
    assert register_model(run.run_id, "churn").run_id == run.run_id
    assert [entry.path for entry in resolve("models:/churn/1").entries] == ["MLmodel"]


def test_a_folder_is_stored_and_registered(tmp_path: Path) -> None:
    folder = tmp_path / "förköp"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {ours: {data: data}}")
    (folder / "data" / "x.bin").write_bytes(b"weights")
    version = register_model(folder, "churn")
    assert (version.run_id, version.path, version.source) == (None, "", str(folder))
    same = register_model("models:/churn/1", "leavers")
    assert same.digest == version.digest
    target = fetch_model("models:/leavers/1", tmp_path / "new")
    assert (target / "data" / "x.bin").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("text", "file", "error"),
    [
        (b"flavors: {sklearn: {pickled_model: model.skops}}", None, CorruptData),
        (b"flavors: {sklearn: {pickled_model: model.skops}}", b"PK cut off", CorruptData),
        (b"flavors: {sklearn: {pickled_model: ../model.skops}}", None, InvalidInput),
        (b"flavors: !!python/object/apply:os.system [id]", None, InvalidInput),
        (b"flavors: {sklearn: {}}\nsignature: {inputs: '[{\"type\": \"quadruple\"}]'}", None, CorruptData),
        (b"\x00\xff", None, CorruptData),
        (b"flavors: {}", None, CorruptData),
    ],
)
def test_a_damaged_folder_is_not_registered(tmp_path: Path, text: bytes, file: bytes | None, error: type) -> None:
    (tmp_path / "MLmodel").write_bytes(text)
    if file is not None:
        (tmp_path / "model.skops").write_bytes(file)
    with pytest.raises(error):
        register_model(tmp_path, "churn")
    assert workspaces.current().store.search_models("").items == []


def test_nothing_is_registered_when_something_is_wrong(tmp_path: Path) -> None:
    run, bare = make_run(), make_run("bare", model=None)
    with mlops_nb.start_run(run_name="two"):
        for name in ("a", "b"):
            mlops_nb.log_text("flavors: {}", f"{name}/MLmodel")
    (tmp_path / "out").write_text("secret")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "MLmodel").symlink_to(tmp_path / "out")
    wrong: list[tuple[object, str, type[Exception]]] = [
        (f"runs:/{run}/model", "a/b", InvalidInput),
        (f"runs:/{run}/data", "churn", NotFound),
        (f"runs:/{run}/model/data", "churn", NotFound),
        (bare, "churn", NotFound),
        ("two", "churn", InvalidInput),
        ("nothing", "churn", NotFound),
        ("./nothing", "churn", NotFound),
        (tmp_path / "link", "churn", InvalidInput),
    ]
    for uri, name, error in wrong:
        with pytest.raises(error):
            register_model(uri, name)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        register_model(run, "churn", tags={"": "x"})
    assert workspaces.current().store.search_models().items == []


def test_bytes_of_a_version_outlive_its_run() -> None:
    run = make_run()
    register_model(run, "churn")
    space = workspaces.current()
    space.store.update_run(run, lifecycle_stage="deleted")
    with pytest.raises(InvalidState, match="deleted"):
        register_model(f"runs:/{run}/model", "churn")
    assert space.store.purge_runs([run]) == 1
    space.artifacts.collect(space.store.digests(), grace_seconds=0)
    folder = fetch_model("models:/churn/1")
    assert (folder / "data" / "weights.txt").read_text() == "weights"
    assert fetch_model("models:/churn/1") == folder
    assert model_lineage("churn/1").nodes["models:/churn/1"].kind == "version"


REGISTER = """
    import sys
    from mlops_nb.registry import register_model
    print("ready", flush=True)
    sys.stdin.readline()
    print([register_model(sys.argv[1], "churn").version for _ in range(10)])
"""


def test_two_processes_register_at_once_and_none_is_lost() -> None:
    run = make_run()
    workspaces.current().flush()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(REGISTER), run], env=env, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = [number for process in processes for number in eval(process.communicate(timeout=60)[0])]
    assert sorted(found) == list(range(1, 21))
    assert len(history("churn").versions) == 20


def test_described_tagged_and_renamed() -> None:
    register_model(make_run(), "churn")
    assert describe("churn", "who leaves").description == "who leaves"
    assert describe("churn/1", "first").description == "first"
    assert set_tags("churn/1", {"a": 1, "b": None}).tags == {"a": "1"}
    assert rename_model("churn", "leavers").name == "leavers"
    assert resolve("models:/leavers/1").version == 1
    for reference in ("churn", "churn/1", "leavers/2"):
        with pytest.raises(NotFound):
            describe(reference, "x")


def test_what_is_in_use_is_not_deleted() -> None:
    run = make_run()
    for _ in range(2):
        register_model(run, "churn")
    promote("churn", 1, alias="champion")
    promote("churn", 2, stage="Production")
    for reference in ("churn/1", "churn/2", "churn@champion"):
        with pytest.raises(InvalidState, match="in use"):
            delete_version(reference)
    drop_alias("churn", "champion", comment="retired")
    assert delete_version("churn/1", comment="old").version == 1
    last = history("churn").changes[-1]
    assert (last.action, last.version, last.by.why) == ("delete_version", 1, "old")


def test_resolving_at_a_date() -> None:
    run = make_run()
    moments = []
    space = workspaces.current()

    def now() -> int:
        return space.store.model_changes("churn")[-1].by.time

    def wait() -> None:
        """Until the next change gets a later time: they are told apart by the millisecond."""
        before = now()
        while now_ms() <= before:
            pass

    for number in (1, 2):
        register_model(run, "churn")
        promote("churn", number, alias="champion", stage="Production", archive=True)
        moments.append(now())
        wait()
    delete_version_at = now()
    for uri in ("models:/churn@champion", "models:/churn/production", "models:/churn/latest"):
        assert resolve(uri, at=moments[0]).version == 1
        assert resolve(uri, at=moments[1]).version == resolve(uri).version == 2
        with pytest.raises(NotFound, match="named no version at 20"):
            resolve(uri, at=moments[0] - 60_000)
    with pytest.raises(NotFound):
        resolve("models:/churn/2", at=moments[0])
    wait()
    delete_version("churn/1")
    with pytest.raises(NotFound, match="deleted since"):
        resolve("models:/churn@champion", at=moments[0])
    assert resolve("models:/churn@champion", at=delete_version_at).version == 2
    for wrong in ("yesterday", "2026-13-01", True, ""):
        with pytest.raises(InvalidInput, match="no point in time"):
            resolve("models:/churn@champion", at=wrong)


def test_a_project_has_stages_of_its_own() -> None:
    register_model(make_run(), "churn")
    assert define_stages(["Shadow"]) == ["Shadow"]
    assert promote("churn", 1, stage="shadow").stage == "Shadow"
    assert resolve("models:/churn/SHADOW").version == 1
    with pytest.raises(InvalidState, match="churn/1"):
        define_stages(["Canary"])
    with pytest.raises(InvalidInput):
        define_stages(["a", "A"])
    with pytest.raises(InvalidInput, match="Shadow"):
        promote("churn", 1, stage="Canary")


def test_which_models_came_from_a_file() -> None:
    make_run("one", data="x")
    two = make_run("two", data="y")
    for name in ("one", "two"):
        register_model(f"runs:/{name}/model", name)
    (file,) = {ref.path for ref in workspaces.current().store.data(two) if ref.context == "test"}
    assert [version.name for version in models_from(file)] == ["two"]
    graph = model_lineage("two/1")
    assert {node.kind for node in graph.nodes.values()} == {"version", "run", "data"}
    assert [version.name for version in models_from(f"runs:/{two}")] == ["two"]


def test_loading_by_uri_and_what_was_trusted_is_in_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlops_nb.start_run():
        info = mlops_nb.log_model(
            lambda rows: [row > 3 for row in rows], "rule", requirements=[], registered_model_name="alarm"
        )
    assert load_model("models:/alarm/1").predict([1, 5]) == [False, True]
    assert load_model(info.uri, native=True)([4]) == [True]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MLOPS_NB_HOME", str(tmp_path))
    monkeypatch.setattr("mlops_nb.models.trust.was_made_here", lambda digest: False)
    with pytest.raises(PermissionDenied, match="trust="):
        load_model("models:/alarm/1")
    assert load_model("models:/alarm/1", trust=("pickle",)).predict([5]) == [True]
    last = history("alarm").changes[-1]
    assert (last.action, last.version, last.subject) == ("trust", 1, "pickle")
    from mlops_nb.registry import allow_safe_formats_only

    allow_safe_formats_only()
    with pytest.raises(PermissionDenied, match="safe formats only"):
        load_model("models:/alarm/1", trust=("pickle",))


def test_what_an_evaluation_finds_counts_for_the_version() -> None:
    import numpy

    rows, truth = numpy.array([[1.0], [-1.0], [2.0]]), numpy.array([True, False, True])
    with mlops_nb.start_run():
        good = mlops_nb.log_model(lambda rows: rows[:, 0] > 0, "good", requirements=[])
        mlops_nb.log_model(lambda rows: rows[:, 0] > 1.5, "bad", registered_model_name="sign", requirements=[])
    mlops_nb.evaluate(good.uri, rows, truth)
    register_model(good.uri, "sign")
    set_gates("sign", "@best", [{"check": "better", "metric": "accuracy_score", "than": "@now"}])
    promote("sign", 1, alias="now")
    with pytest.raises(PromotionRefused, match="version 1 was not measured"):
        promote("sign", 2, alias="best")
    mlops_nb.evaluate("models:/sign@now", rows[:2], truth[:2])
    with pytest.raises(PromotionRefused, match="not measured on the same data"):
        promote("sign", 2, alias="best")
    found = mlops_nb.evaluate(load_model("models:/sign/1"), rows, truth, compare_to="models:/sign/2")
    assert found.metrics["accuracy_score"] == pytest.approx(2 / 3)
    assert promote("sign", 2, alias="best").version == 2
