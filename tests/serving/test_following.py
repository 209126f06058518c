"""A service follows its alias without dropping a request; a challenger gets its share, a shadow is asked unheard."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest

import mlops_nb
from mlops_nb.models import Column, Signature
from mlops_nb.registry import promote
from mlops_nb.serving import LogSettings, read_answers, serve
from mlops_nb.serving.background import BackgroundService
from mlops_nb.workspace import Workspace, open_workspace, using
from tests.serving.live import invoke, own_settings, wait_for

BODY = {"inputs": {"x": [1.0]}}
SIGNATURE = Signature((Column("double", "x"),), (Column("long"),))


def constant(value: int) -> Callable[[Any], list[int]]:
    return lambda frame: [value] * len(frame)


def broken(frame: Any) -> list[int]:
    raise RuntimeError("never works")


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("follow")
    with own_settings(folder), using(open_workspace(str(folder / ".mlops_nb"))) as space:
        for number, rule in enumerate((constant(1), constant(2), constant(3), broken)):
            with mlops_nb.start_run(run_name=f"v{number}"):
                mlops_nb.log_model(
                    rule, "rule", signature=SIGNATURE, requirements=[], registered_model_name="rule",
                    input_example=pandas.DataFrame({"x": [1.0]}) if rule is broken else None,
                )  # fmt: skip
        promote("rule", 1, alias="champion")
        yield space
        space.close()


@pytest.fixture(scope="module")
def service(space: Workspace) -> Iterator[BackgroundService]:
    options: dict[str, Any] = {"challenger": "models:/rule/2", "share": 0.3, "shadow": "models:/rule/3"}
    with serve("models:/rule@champion", space=space, follow_every=0.1, log=LogSettings(every=0.1), **options) as found:
        yield found


def test_each_gets_its_share_and_answers_for_itself(service: BackgroundService) -> None:
    roles: Counter[str] = Counter()
    for number in range(300):
        reply = invoke(service, BODY, headers={"X-Request-Id": f"r{number}"})
        role = reply.headers["x-model-role"]
        roles[role] += 1
        assert reply.json == {"predictions": [{"champion": 1, "challenger": 2}[role]]}
        assert reply.headers["x-model-version"] == {"champion": "1", "challenger": "2"}[role]
    assert 60 <= roles["challenger"] <= 120 and roles["champion"] + roles["challenger"] == 300
    again = [invoke(service, BODY, headers={"X-Request-Id": "r7"}).headers["x-model-role"] for _ in range(3)]
    assert len(set(again)) == 1  # by the id: the same question is answered by the same

    def shadows() -> dict[str, int]:
        rows = [row for table in read_answers(str(service.folder)) for row in table.to_pylist()]
        return {row["request_id"]: row["output.prediction"] for row in rows if row["role"] == "shadow"}

    def dropped() -> int:
        return int(service.status()["shadow_dropped"])

    wait_for(lambda: len(shadows()) + dropped() >= 300, "the shadow's rows")
    assert set(shadows().values()) == {3}
    assert [model["role"] for model in service.status()["models"]] == ["champion", "challenger", "shadow"]


def test_it_follows_the_alias_and_no_request_is_dropped(service: BackgroundService, space: Workspace) -> None:
    statuses: Counter[int] = Counter()
    versions: list[str] = []
    ended = threading.Event()

    def go_on() -> None:
        client = http.client.HTTPConnection(service.url.rpartition("/")[2], timeout=60)  # one connection, kept alive
        while not ended.is_set():
            client.request("POST", "/v2/models/rule/infer", json.dumps(
                {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}]}))  # fmt: skip
            answer = client.getresponse()
            found = json.loads(answer.read())
            statuses[answer.status] += 1
            if answer.headers["x-model-role"] == "champion":
                assert found["outputs"][0]["data"] == [int(found["model_version"])]
                versions.append(found["model_version"])
        client.close()

    asking = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        wait_for(lambda: "1" in versions, "an answer of version 1")
        promote("rule", 3, alias="champion", space=space)
        wait_for(lambda: "3" in versions, "an answer of version 3")
    finally:
        ended.set()
        for thread in asking:
            thread.join(60)
    assert set(statuses) == {200} and not any(thread.is_alive() for thread in asking)
    assert service.status()["models"][0]["uri"] == "models:/rule/3"


def test_a_version_that_fails_on_its_own_example_is_not_taken(service: BackgroundService, space: Workspace) -> None:
    promote("rule", 4, alias="champion", space=space)
    wait_for(lambda: "never works" in service.log(), "the refusal")
    assert "goes on with the one before" in service.log()
    assert invoke(service, BODY).status == 200


def test_code_that_comes_with_a_version_is_of_that_version(space: Workspace, tmp_path: Path) -> None:
    """Two versions with a module of the same name: a process can have only one of them, so it is replaced."""
    for number in (1, 2):
        module = tmp_path / str(number) / "own_rule.py"
        module.parent.mkdir()
        module.write_text(f"def rule(frame):\n    return [{number}0] * len(frame)\n", encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch, using(space), mlops_nb.start_run():
            patch.syspath_prepend(str(module.parent))
            import own_rule  # type: ignore[import-not-found]

            mlops_nb.log_model(
                own_rule.rule, "rule", signature=SIGNATURE, requirements=[], code_paths=[str(module)],
                registered_model_name="coded",
            )  # fmt: skip
            import sys

            del sys.modules["own_rule"]
    promote("coded", 1, alias="champion", space=space)
    with serve("models:/coded@champion", space=space, follow_every=0.1, log=None) as service:
        assert service.predict({"x": [1.0]}) == [10]
        promote("coded", 2, alias="champion", space=space)
        wait_for(lambda: service.predict({"x": [1.0]}) == [20], "the second version")
