"""A real service over a real pipeline: both protocols, their clients, the border, what is logged and counted."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_nb.serving import LogSettings, read_answers, read_feedback
from mlops_nb.serving.background import BackgroundService
from tests.serving.live import ask, invoke, own_settings, save_churn, serving, wait_for

ROW = {"age": 41.5, "visits": 3, "paying": True, "plan": "gold"}
LIMIT = 1 << 20


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BackgroundService, Any, Any]]:
    folder = tmp_path_factory.mktemp("churn")
    with own_settings(folder):
        uri, model, frame = save_churn(folder)
        log = LogSettings(every=0.2, redact=("paying",))
        with serving(uri, folder, max_bytes=LIMIT, timeout=30, log=log) as service:
            yield service, model, frame


@pytest.fixture
def service(churn: tuple[BackgroundService, Any, Any]) -> BackgroundService:
    return churn[0]


def test_every_form_gives_what_the_model_gives(churn: tuple[BackgroundService, Any, Any]) -> None:
    service, model, frame = churn
    wanted = {"predictions": model.predict(frame).tolist()}
    split = json.loads(frame.to_json(orient="split", index=False, double_precision=15))
    records = json.loads(frame.to_json(orient="records", double_precision=15))
    columns = json.loads(frame.to_json(orient="columns", double_precision=15))
    bodies = [
        {"dataframe_split": {"columns": split["columns"], "data": split["data"]}},
        {"dataframe_records": records},
        {"instances": split["data"]},
        {"inputs": {name: list(values.values()) for name, values in columns.items()}},
    ]
    for body in bodies:
        assert invoke(service, body).json == wanted
    csv = invoke(service, frame.to_csv(index=False).encode(), headers={"Content-Type": "text/csv; charset=utf-8"})
    assert csv.json == wanted
    assert service.predict(frame) == wanted["predictions"]


def test_an_answer_says_whose_it_is(service: BackgroundService) -> None:
    reply = invoke(service, {"inputs": ROW}, headers={"X-Request-Id": "my-own.1"})
    assert reply.status == 200
    assert (reply.headers["x-request-id"], reply.headers["x-model-role"]) == ("my-own.1", "champion")
    forged = invoke(service, {"inputs": ROW}, headers={"X-Request-Id": "../../etc"})
    assert forged.headers["x-request-id"] != "../../etc" and len(forged.headers["x-request-id"]) == 24


WRONG = {
    "a type": ({"inputs": {**ROW, "age": "old"}}, "'age' should be double and is string"),
    "a fraction": ({"inputs": {**ROW, "visits": 0.5}}, "'visits' should be long"),
    "missing": ({"inputs": {name: ROW[name] for name in ("age", "visits", "paying")}}, "'plan' (string) is missing"),
    "extra": ({"inputs": {**ROW, "zip": 1}}, "does not know the column 'zip'"),
    "a category": ({"inputs": {**ROW, "plan": "platinum"}}, "'plan' has a category that the model does not know"),
    "a missing number": ({"inputs": {**ROW, "visits": None}}, "'visits' should be long and has missing values"),
    "no value": ({"inputs": {**ROW, "age": None}}, "'age' has no value in row 0"),
    "no text": ({"inputs": {**ROW, "plan": None}}, "'plan'"),
    "params": ({"inputs": ROW, "params": {"k": 1}}, "k"),
    "NaN": (b'{"inputs": {"age": NaN}}', "JSON has no NaN"),
    "infinity": (b'{"inputs": {"age": -Infinity}}', "JSON has no"),
    "nothing": (b"", "empty"),
    "half": (b'{"dataframe_records": [{"age": 4', "not JSON"),
    "not text": (b'{"inputs": "\xff\xfe"}', "not JSON"),
    "no rows": ({"dataframe_split": {"columns": ["age"], "data": []}}, "no rows"),
    "ragged": ({"dataframe_split": {"columns": ["age", "plan"], "data": [[1, "free"], [1]]}}, "Row 1 has 1 values"),
    "deep": (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nested more than"),
    "deeper": (b'{"inputs": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", "not JSON"),
    "a huge number": (b'{"inputs": {"age": 1, "visits": ' + b"9" * 5000 + b"}}", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_by_column(service: BackgroundService, name: str) -> None:
    body, words = WRONG[name]
    reply = invoke(service, body)
    assert reply.status == 400 and words in reply.said, reply.body
    assert reply.json["error_code"] == "INVALID_PARAMETER_VALUE" and reply.json["request_id"]
    assert invoke(service, {"inputs": ROW}).status == 200


def test_what_is_hardly_http_costs_nobody_else_anything(service: BackgroundService) -> None:
    host, port = service.url.partition("//")[2].split(":")
    head = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    statuses = []
    for sent in (
        b"\x16\x03\x01 no http at all\r\n\r\n", head + b"Content-Length: -5\r\n\r\n",
        head + b"Content-Length: 99999999999\r\n\r\n", head + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", b"GET /ping HTTP/9.9\r\n\r\n",
    ):  # fmt: skip
        connection = socket.create_connection((host, int(port)), timeout=60)
        with connection, contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)  # whoever waits for more does so in vain
            statuses.append(connection.recv(65_536)[9:12])
        assert invoke(service, {"inputs": ROW}).status == 200
    assert set(statuses) <= {b"", b"400", b"413", b"431"}, statuses


def test_limits_and_ways_that_are_none(service: BackgroundService) -> None:
    assert invoke(service, b'{"inputs": "' + b"x" * LIMIT + b'"}').status == 413
    assert invoke(service, {"inputs": ROW}, headers={"Content-Type": "text/plain"}).status == 415
    assert invoke(service, {"inputs": ROW}, headers={"Content-Encoding": "gzip"}).status == 415
    assert ask(service, "/invocations").status == 405
    assert ask(service, "/nothing/../here").status == 404
    assert ask(service, "/v2/models/other/infer", {"inputs": []}).status == 404
    assert ask(service, "/v2/models/churn/versions/9/infer", {"inputs": []}).status == 404


def test_pages_from_elsewhere_stay_outside(service: BackgroundService) -> None:
    assert invoke(service, {"inputs": ROW}, headers={"Host": "evil.example"}).status == 403
    assert invoke(service, {"inputs": ROW}, headers={"Origin": "http://evil.example"}).status == 403
    assert invoke(service, {"inputs": ROW}, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert ask(service, "/metrics", headers={"Host": "evil.example"}).status == 403
    assert invoke(service, {"inputs": ROW}, headers={"Origin": service.url}).status == 200


def test_it_tells_of_itself(service: BackgroundService) -> None:
    import mlops_nb

    for path in ("/ping", "/health", "/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready"):
        assert ask(service, path).status == 200, path
    assert ask(service, "/version").body.decode() == mlops_nb.__version__
    assert ask(service, "/v2").json["name"] == "mlops_nb"
    model = ask(service, "/v2/models/churn/versions/1").json
    assert [(each["name"], each["datatype"]) for each in model["inputs"]] == [
        ("age", "FP64"), ("visits", "INT64"), ("paying", "BOOL"), ("plan", "BYTES"),
    ]  # fmt: skip


def test_the_description_has_an_example_that_works(service: BackgroundService) -> None:
    paths = ask(service, "/openapi.json").json["paths"]
    example = paths["/invocations"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert len(invoke(service, example).json["predictions"]) == 2
    infer = paths["/v2/models/churn/infer"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert ask(service, "/v2/models/churn/infer", infer).status == 200
    page = ask(service, "/docs")
    assert page.headers["content-type"].startswith("text/html") and b"silver" in page.body
    assert "script-src" in page.headers["content-security-policy"]


def test_an_inference_client_gets_right_answers(churn: tuple[BackgroundService, Any, Any]) -> None:
    """Triton's own, which speaks the protocol with bytes unless told otherwise."""
    import numpy

    client = pytest.importorskip("tritonclient.http")
    service, model, frame = churn
    triton = client.InferenceServerClient(service.url.partition("//")[2])
    assert triton.is_server_live() and triton.is_server_ready() and triton.is_model_ready("churn", "1")
    assert triton.get_model_metadata("churn")["outputs"][0]["datatype"] == "INT64"
    kinds = {"age": "FP64", "visits": "INT64", "paying": "BOOL", "plan": "BYTES"}
    for binary in (True, False):
        inputs = []
        for name, kind in kinds.items():
            values = frame[name].to_numpy(dtype=object if kind == "BYTES" else None)
            inputs.append(client.InferInput(name, [len(frame)], kind))
            inputs[-1].set_data_from_numpy(values, binary_data=binary)
        for outputs in (None, [client.InferRequestedOutput("prediction", binary_data=binary)]):
            result = triton.infer("churn", inputs, outputs=outputs, request_id="t1", model_version="1")
            assert numpy.array_equal(result.as_numpy("prediction"), model.predict(frame))
            assert result.get_response()["id"] == "t1"
    with pytest.raises(client.InferenceServerException, match="no output 'nothing'"):
        triton.infer("churn", inputs, outputs=[client.InferRequestedOutput("nothing")])
    triton.close()


def tensor(name: str, shape: list[int], datatype: str, *data: Any) -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": list(data)}]}


BYTES = {"name": "age", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
OIP_WRONG = {
    "no inputs": ({}, "no list of inputs"),
    "no shape": ({"inputs": [{"name": "age", "datatype": "FP64", "data": [1]}]}, "no shape"),
    "a datatype": (tensor("age", [1], "FP65", 1), "no datatype"),
    "a count": (tensor("age", [2], "FP64", 1), "1 values for the shape"),
    "a huge shape": (tensor("age", [1 << 39, 1 << 39], "FP64", 1), "1 values for the shape"),
    "a value": (tensor("age", [1], "INT64", "1"), "should be INT64"),
    "a range": (tensor("age", [1], "INT8", 300), "beyond the range"),
    "columns": (tensor("age", [1], "FP64", 1), "'visits' (long) is missing"),
    "a matrix": (tensor("x", [1, 2], "FP64", 1, 2), "takes 4 columns"),
    "bytes": ({"inputs": [BYTES]}, "does not fit"),
}  # fmt: skip


@pytest.mark.parametrize("name", OIP_WRONG)
def test_a_wrong_inference_request_is_refused(service: BackgroundService, name: str) -> None:
    body, words = OIP_WRONG[name]
    reply = ask(service, "/v2/models/churn/infer", body)
    assert reply.status == 400 and words in reply.json["error"], reply.body


def test_answers_and_truths_are_logged(service: BackgroundService) -> None:
    assert service.folder is not None
    name = f"joined-{time.time_ns()}"
    body = {"dataframe_records": [ROW, {**ROW, "plan": "free"}]}
    found = invoke(service, body, headers={"X-Request-Id": name}).json["predictions"]
    invoke(service, {"inputs": {"age": "old"}}, headers={"X-Request-Id": f"{name}-bad"})
    assert ask(service, "/feedback", {"request_id": name, "truth": [1, 0]}).json == {"accepted": 2}
    service.feedback(name, "yes", row=1)

    def rows() -> list[dict[str, Any]]:
        return [row for table in read_answers(str(service.folder)) for row in table.to_pylist()
                if row["request_id"].startswith(name)]  # fmt: skip

    wait_for(lambda: len(rows()) == 3, "the log")
    good = [row for row in rows() if row["request_id"] == name]
    assert [row["output.prediction"] for row in good] == found
    assert [row["input.plan"] for row in good] == ["gold", "free"]
    assert [(row["row"], row["status"], row["role"], row["model"], row["version"]) for row in good] == [
        (0, 200, "champion", "churn", "1"), (1, 200, "champion", "churn", "1"),
    ]  # fmt: skip
    assert all("input.paying" not in row and row["latency_ms"] > 0 for row in rows())
    [bad] = [row for row in rows() if row["request_id"] != name]
    assert bad["status"] == 400 and "missing" in bad["error"]

    def truths() -> int:
        return sum(table.num_rows for table in read_feedback(str(service.folder)))

    wait_for(lambda: truths() == 3, "the feedback")
    for wrong in ({}, {"request_id": name}, {"request_id": 1, "truth": 1}, {"request_id": name, "truth": {}}):
        assert ask(service, "/feedback", wrong).status == 400


def test_counters_are_prometheus(service: BackgroundService) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    invoke(service, {"inputs": ROW})
    text = ask(service, "/metrics").body.decode()
    metrics = {metric.name: metric for metric in text_string_to_metric_families(text)}
    answered = {s.labels["status"]: s.value for s in metrics["mlops_nb_requests"].samples if s.name.endswith("_total")}
    assert answered["200"] >= 1 and answered["400"] >= 0
    buckets = [s.value for s in metrics["mlops_nb_request_seconds"].samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] >= answered["200"]
    assert metrics["mlops_nb_model_info"].samples[0].labels["name"] == "churn"
    status = service.status()
    assert status["ready"] == 1 and status["in_flight"] == 0 and status["models"][0]["statuses"]["200"] >= 1


def test_a_thousand_slow_clients_hold_nobody_up(service: BackgroundService) -> None:
    host, port = service.url.partition("//")[2].split(":")
    slow = []
    try:
        for number in range(1000):
            slow.append(socket.create_connection((host, int(port)), timeout=60))
            head = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            slow[-1].sendall(head + (b"Content-Length: 100\r\n\r\n{" if number % 2 else b""))
        for half in slow[:200]:
            half.shutdown(socket.SHUT_WR)
        assert invoke(service, {"inputs": ROW}).status == 200
    finally:
        for each in slow:
            each.close()
    assert invoke(service, {"inputs": ROW}).status == 200
    wait_for(lambda: service.status()["in_flight"] == 0, "the end of the slow clients' requests")
