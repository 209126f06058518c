"""Logging through the public functions, read back from the store."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

import mlops_nb
from mlops_nb.entities import Metric, Status
from mlops_nb.errors import InvalidInput, InvalidState, NotFound

ROOT = Path(__file__).resolve().parents[2]


def history(run_id: str, key: str) -> list[tuple[int, float]]:
    frame = mlops_nb.get_metric_history(run_id, key)
    return list(zip(frame["step"], frame["value"], strict=True))


def test_a_run_in_a_script() -> None:
    with mlops_nb.start_run(run_name="first", tags={"team": "risk"}, description="a note") as run:
        mlops_nb.log_params({"lr": 0.1, "layers": [8, 4], "name": "sgd", "on": True, "none": None, "opt": {"a": 1}})
        mlops_nb.log_metrics({"acc": 0.5, "loss": 1})
        mlops_nb.set_tag("phase", 3)
        assert mlops_nb.active_run() is run
    assert mlops_nb.active_run() is None
    found = mlops_nb.get_run(run.run_id)
    assert found.status is Status.FINISHED and found.name == "first" and found.experiment == "Default"
    assert found.params == {"lr": 0.1, "layers": [8, 4], "name": "sgd", "on": True, "none": None, "opt": {"a": 1}}
    assert found.metrics == {"acc": 0.5, "loss": 1.0}
    assert found.tags == {"team": "risk", "phase": "3", "mlflow.note.content": "a note"}
    assert found.info.run_id == run.info.run_id and found.data.metrics["acc"] == 0.5


def test_values_come_back_exactly() -> None:
    values = [math.inf, -math.inf, -0.0, 5e-324, 1e308, 0.1 + 0.2]
    with mlops_nb.start_run() as run:
        for step, value in zip([-5, 3, 3, 0, 2**62, -(2**62)], values, strict=True):
            mlops_nb.log_metric("x", value, step=step)
        mlops_nb.log_metric("nan", math.nan)
        mlops_nb.log_params({"nan": math.nan, "big": "y" * 10_000_000, "odd": "\ud800\x00🎈عربى", "int": 10**30})
    assert [value for _, value in history(run.run_id, "x")] == values
    assert [step for step, _ in history(run.run_id, "x")] == [-5, 3, 3, 0, 2**62, -(2**62)]
    found = mlops_nb.get_run(run.run_id)
    assert math.isnan(found.metrics["nan"]) and math.isnan(found.params["nan"])
    assert found.metrics["x"] == 1e308  # the last by step, as MLflow has it
    assert found.params["big"] == "y" * 10_000_000
    assert found.params["odd"] == "\ud800\x00🎈عربى" and found.params["int"] == 10**30


@pytest.mark.parametrize("name", ["", " ", "x" * 501, "a\x00b", "\ud800", None, 3])
def test_names_that_cannot_be_kept_are_one_sentence(name: object) -> None:
    with mlops_nb.start_run():
        for call in (mlops_nb.log_metric, mlops_nb.log_param, mlops_nb.set_tag):
            with pytest.raises(InvalidInput) as caught:
                call(name, 1.0)  # type: ignore[operator]
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["🎈", "عربى", "a/b c.d-e_f", "x" * 500, "'; drop table runs; --", "${x}"])
def test_odd_names_are_names(name: str) -> None:
    with mlops_nb.start_run(run_name=name) as run:
        mlops_nb.log_metric(name, 1.0)
        mlops_nb.log_param(name, name)
        mlops_nb.set_tag(name, name)
    found = mlops_nb.get_run(run.run_id)
    assert (found.metrics, found.params, found.tags, found.name) == ({name: 1.0}, {name: name}, {name: name}, name)


def test_wrong_values() -> None:
    with mlops_nb.start_run():
        for value in ("0.5", None, [[1.0]], object(), 1j):
            with pytest.raises(InvalidInput, match="must be a number"):
                mlops_nb.log_metric("x", value)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="whole number"):
            mlops_nb.log_metric("x", 1.0, step=1.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="values, 3 steps"):
            mlops_nb.log_metrics({"x": [1.0, 2.0]}, step=[1, 2, 3])


def test_objects_become_their_bounded_repr() -> None:
    class Noisy:
        def __repr__(self) -> str:
            return "n" * 100_000

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    with mlops_nb.start_run() as run:
        mlops_nb.log_params({"noisy": Noisy(), "broken": Broken(), "type": int})
    params = mlops_nb.get_run(run.run_id).params
    assert len(params["noisy"]) < 10_000 and "Broken" in params["broken"] and "int" in params["type"]


def test_a_changed_param_is_amended_with_its_history() -> None:
    from mlops_nb import workspace

    with mlops_nb.start_run() as run:
        for value in (0.1, 0.2, "auto"):
            mlops_nb.log_param("lr", value)
    assert mlops_nb.get_run(run.run_id).params == {"lr": "auto"}
    assert [value for value, _ in workspace.current().store.param_history(run.run_id, "lr")] == [0.1, 0.2, "auto"]


def test_batches() -> None:
    np = pytest.importorskip("numpy")
    with mlops_nb.start_run() as run:
        mlops_nb.log_metrics({"a": np.linspace(0, 1, 1000), "b": list(range(1000))}, step=np.arange(1000) * 2)
        mlops_nb.log_batch([Metric("c", float(i), 0, i) for i in range(10)], {"p": 1}, {"t": "x"})
    assert history(run.run_id, "a")[-1] == (1998, 1.0)
    assert len(history(run.run_id, "b")) == 1000
    assert [step for step, _ in history(run.run_id, "c")] == list(range(10))
    assert mlops_nb.get_run(run.run_id).params == {"p": 1}


def test_nesting_and_its_refusal() -> None:
    with mlops_nb.start_run() as outer:
        with pytest.raises(InvalidState, match="already active"):
            mlops_nb.start_run()
        with mlops_nb.start_run(nested=True) as inner:
            mlops_nb.log_metric("x", 1.0)
        mlops_nb.log_metric("y", 2.0)
    assert mlops_nb.get_run(inner.run_id).parent_run_id == outer.run_id
    assert mlops_nb.get_run(inner.run_id).metrics == {"x": 1.0}
    assert mlops_nb.get_run(outer.run_id).metrics == {"y": 2.0}


def test_exceptions_end_the_run_as_failed_and_interrupts_as_killed() -> None:
    for error, status in ((ValueError("no"), Status.FAILED), (KeyboardInterrupt(), Status.KILLED)):
        with pytest.raises(type(error)), mlops_nb.start_run() as run:
            raise error
        assert mlops_nb.get_run(run.run_id).status is status


def test_going_on_with_a_run() -> None:
    with mlops_nb.start_run(run_name="twice") as run:
        mlops_nb.log_metric("x", 1.0, step=0)
    with mlops_nb.start_run(run_id=run.run_id) as again:
        assert again.run_id == run.run_id
        mlops_nb.log_metric("x", 2.0, step=1)
    found = mlops_nb.get_run(run.run_id)
    assert found.metrics == {"x": 2.0} and found.status is Status.FINISHED and found.name == "twice"
    with pytest.raises(NotFound):
        mlops_nb.start_run(run_id="0" * 32)


def test_logging_without_a_run_starts_one() -> None:
    mlops_nb.log_metric("x", 1.0)
    run = mlops_nb.active_run()
    assert run is not None
    mlops_nb.end_run()
    assert mlops_nb.get_run(run.run_id).metrics == {"x": 1.0}


def test_logging_to_a_run_that_is_over_still_arrives() -> None:
    with mlops_nb.start_run() as run:
        mlops_nb.log_metric("x", 1.0, step=0)
    assert mlops_nb.get_run(run.run_id).metrics == {"x": 1.0}
    run.log_metric("x", 2.0, step=1)
    assert mlops_nb.get_run(run.run_id).metrics == {"x": 2.0}
    assert mlops_nb.get_run(run.run_id).status is Status.FINISHED


def test_experiments() -> None:
    mlops_nb.set_experiment("churn")
    with mlops_nb.start_run() as run:
        pass
    assert mlops_nb.get_run(run.run_id).experiment == "churn"
    frame = mlops_nb.search_runs(experiment_names=["churn"])
    assert frame["run_id"].tolist() == [run.run_id]
    assert mlops_nb.search_runs(experiment_names=["nothing"]).empty


def test_search_as_a_frame_keeps_types() -> None:
    for lr in (0.1, 0.2):
        with mlops_nb.start_run():
            mlops_nb.log_params({"lr": lr, "n": 3, "name": "x"})
            mlops_nb.log_metric("acc", lr * 2)
    frame = mlops_nb.search_runs(filter_string="metrics.acc > 0.3 and params.n = 3")
    assert frame["params.lr"].tolist() == [0.2] and frame["params.lr"].dtype == "float64"
    assert frame["params.n"].dtype == "int64"
    with pytest.raises(InvalidInput) as caught:
        mlops_nb.search_runs(filter_string="metrics.acc >> 3")
    assert "^" in str(caught.value)


# -- whose run is it ------------------------------------------------------------------------------------------------


def test_threads_log_into_the_run_of_the_place_that_started_them() -> None:
    with mlops_nb.start_run() as run:
        threads = [threading.Thread(target=mlops_nb.log_metric, args=(f"k{i}", float(i))) for i in range(4)]
        for thread in threads:
            thread.start()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda i: mlops_nb.log_metric("pool", float(i), step=i), range(10)))
        with ThreadPool(2) as workers:
            workers.map(lambda i: mlops_nb.log_metric("pool2", float(i), step=i), range(10))
        for thread in threads:
            thread.join()
    metrics = mlops_nb.get_run(run.run_id).metrics
    assert metrics == {"k0": 0.0, "k1": 1.0, "k2": 2.0, "k3": 3.0, "pool": 9.0, "pool2": 9.0}


def test_a_thread_that_outlives_its_run_does_not_log_into_the_next() -> None:
    go = threading.Event()

    def late() -> None:
        go.wait(10)
        mlops_nb.log_metric("late", 1.0)

    with mlops_nb.start_run() as first:
        thread = threading.Thread(target=late)
        thread.start()
    with mlops_nb.start_run() as second:
        go.set()
        thread.join()
        mlops_nb.log_metric("own", 1.0)
    assert mlops_nb.get_run(first.run_id).metrics == {"late": 1.0}
    assert mlops_nb.get_run(second.run_id).metrics == {"own": 1.0}


def test_a_reused_pool_logs_into_the_run_that_submits() -> None:
    with ThreadPoolExecutor(1) as pool:
        found = []
        for _ in range(2):
            with mlops_nb.start_run() as run:
                pool.submit(mlops_nb.log_metric, "x", 1.0).result()
            found.append(run.run_id)
    assert all(mlops_nb.get_run(run_id).metrics == {"x": 1.0} for run_id in found)


def test_tasks() -> None:
    async def work(name: str) -> str:
        with mlops_nb.start_run(run_name=name, nested=True) as run:
            await asyncio.sleep(0.01)
            mlops_nb.log_metric("x", float(len(name)))
            await asyncio.sleep(0.01)
        return run.run_id

    async def main() -> list[str]:
        return await asyncio.gather(*(work("n" * i) for i in range(1, 5)))

    found = [mlops_nb.get_run(run_id) for run_id in asyncio.run(main())]
    assert [run.metrics["x"] for run in found] == [1.0, 2.0, 3.0, 4.0]
    assert len({run.run_id for run in found}) == 4


def _log_in_child(step: int) -> int:
    import mlops_nb

    mlops_nb.log_metric("child", float(step), step=step)
    mlops_nb.log_param(f"p{step}", step)
    return os.getpid()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    context = get_context(method)
    with mlops_nb.start_run() as run:
        mlops_nb.log_metric("own", 1.0)
        with context.Pool(2) as pool:
            pids = pool.map(_log_in_child, range(8))
            pool.close()
            pool.join()
        mlops_nb.log_metric("own", 2.0, step=1)
    assert os.getpid() not in pids
    found = mlops_nb.get_run(run.run_id)
    assert sorted(history(run.run_id, "child")) == [(i, float(i)) for i in range(8)]
    assert found.params == {f"p{i}": i for i in range(8)}
    assert found.metrics["own"] == 2.0
    assert len(mlops_nb.search_runs()) == 1


def test_joblib_workers_that_are_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    joblib = pytest.importorskip("joblib")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = []
    for backend in ("loky", "loky", "threading"):
        with mlops_nb.start_run() as run:
            joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(_log_in_child)(i) for i in range(4))
        found.append(run.run_id)
    for run_id in found:
        assert sorted(history(run_id, "child")) == [(i, float(i)) for i in range(4)]
    assert len(mlops_nb.search_runs()) == 3


def test_a_script_that_a_run_starts() -> None:
    Path("child.py").write_text(
        "import mlops_nb\nmlops_nb.log_metric('from_child', 5.0)\n"
        "with mlops_nb.start_run(run_name='inner'):\n    mlops_nb.log_metric('x', 1.0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with mlops_nb.start_run() as run:
        environment.update(os.environ)
        environment["PYTHONPATH"] = str(ROOT)
        subprocess.run([sys.executable, "child.py"], check=True, env=environment, timeout=60)
    assert mlops_nb.get_run(run.run_id).metrics == {"from_child": 5.0}
    inner = mlops_nb.get_run("inner")
    assert inner.parent_run_id == run.run_id and inner.metrics == {"x": 1.0}


# -- files ------------------------------------------------------------------------------------------------------------


def test_files_of_a_run() -> None:
    from mlops_nb import workspace

    Path("data").mkdir()
    Path("data/a.txt").write_text("alpha")
    Path("data/b").mkdir()
    Path("data/b/c.bin").write_bytes(b"\x00\x01")
    with mlops_nb.start_run() as run:
        mlops_nb.log_artifact("data/a.txt")
        mlops_nb.log_artifact("data", "copy")
        mlops_nb.log_artifacts("data", "plain")
        mlops_nb.log_text("héllo", "notes/hello.txt")
        mlops_nb.log_dict({"a": [1, 2]}, "conf.json")
        mlops_nb.log_dict({"a": [1, 2]}, "conf.yaml")
        for path in ("../x", "/etc/x", "a/../../b", "", "a\\b", "a\x00"):
            with pytest.raises(InvalidInput):
                mlops_nb.log_text("x", path)
        with pytest.raises(InvalidInput, match="does not exist"):
            mlops_nb.log_artifact("nothing.txt")
    space = workspace.current()
    mlops_nb.get_run(run.run_id)
    entries = {entry.path: entry for entry in space.store.artifacts(run.run_id)}
    assert sorted(entries) == [
        "a.txt", "conf.json", "conf.yaml", "copy/data/a.txt", "copy/data/b/c.bin", "notes/hello.txt",
        "plain/a.txt", "plain/b/c.bin",
    ]  # fmt: skip
    assert space.artifacts.read(entries["notes/hello.txt"].digest).decode() == "héllo"
    assert entries["a.txt"].digest == entries["plain/a.txt"].digest


def test_figures_and_tables() -> None:
    plt = pytest.importorskip("matplotlib.figure")
    from mlops_nb import workspace

    figure = plt.Figure()
    figure.subplots().plot([1, 2])
    with mlops_nb.start_run() as run:
        mlops_nb.log_figure(figure, "plot.png")
        mlops_nb.log_figure(figure, "plot.svg")
        mlops_nb.log_table({"a": [1, 2]}, "table.json")
        with pytest.raises(InvalidInput, match="cannot save a int"):
            mlops_nb.log_figure(3, "x.png")
    mlops_nb.get_run(run.run_id)
    entries = {entry.path: entry.digest for entry in workspace.current().store.artifacts(run.run_id)}
    assert workspace.current().artifacts.read(entries["plot.png"])[:4] == b"\x89PNG"
    assert b"<svg" in workspace.current().artifacts.read(entries["plot.svg"])


def test_datasets() -> None:
    pd = pytest.importorskip("pandas")
    from mlops_nb import workspace

    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "a"]})
    frame.to_csv("train.csv", index=False)
    with mlops_nb.start_run() as run:
        first = mlops_nb.log_dataset("train.csv", context="training")
        second = mlops_nb.log_dataset(frame, name="frame")
        with pytest.raises(InvalidInput, match="does not exist"):
            mlops_nb.log_dataset("missing.csv")
    assert first.digest.startswith("sha256:") and first.size == Path("train.csv").stat().st_size
    assert second.profile["rows"] == 3 and second.size >= frame["x"].nbytes
    mlops_nb.get_run(run.run_id)
    assert {ref.name for ref in workspace.current().store.data(run.run_id)} == {"train.csv", "frame"}
