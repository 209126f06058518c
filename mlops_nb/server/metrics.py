"""MLflow's routes of what is logged: metrics and params as they come, and curves read back."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from functools import partial
from typing import Any

from mlops_nb.entities import Batch, now_ms
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.server.logged import keep_points
from mlops_nb.server.routing import Delivery, Request, Route
from mlops_nb.server.runs import find_run, read_run_id, take_fields
from mlops_nb.wire.mlflow import history_points, number_json, read_points, read_tags
from mlops_nb.wire.names import HISTORY_LIMIT, check_batch_size, check_key
from mlops_nb.wire.strict import read_fields

RUNS = "/api/2.0/mlflow/runs"
METRICS = "/api/2.0/mlflow/metrics"
BULK_RUNS_LIMIT = 100
BULK_POINTS_LIMIT = 2500

POINT = {
    "key": "text!", "value": "float!", "timestamp": "int!", "step": "int", "model_id": "text", "dataset_name": "text",
    "dataset_digest": "text", "run_id": "text",
}  # fmt: skip


def log_metric(request: Request) -> Delivery:
    """One point."""
    fields = request.fields
    check_key("Metric name", fields["key"], path="name")
    batch = Batch(read_run_id(request), "", metrics=read_points([fields]))
    return Delivery([batch], partial(keep_points, request, batch, [fields]) if fields.get("model_id") else None)


def log_param(request: Request) -> Delivery:
    """One param; text, as MLflow has it."""
    key = check_key("Param key", request.fields["key"])
    return Delivery([Batch(read_run_id(request), "", params=[(key, request.fields.get("value", ""), now_ms())])])


def log_batch(request: Request) -> Delivery:
    """Metrics, params and tags."""
    fields = request.fields
    metrics, params, tags = (fields.get(name, []) for name in ("metrics", "params", "tags"))
    check_batch_size(metrics, params, tags)
    metrics = [read_fields(each, POINT) for each in metrics]
    for place, each in enumerate(metrics):
        check_key("Metric name", each["key"], path=f"metrics[{place}].name")
    at = now_ms()
    values = read_tags(params)
    if len(values) != len(params):
        seen = [each["key"] for each in params]
        twice = sorted({key for key in seen if seen.count(key) > 1})
        raise InvalidInput(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param "
            "value per param key."
        )
    for place, key in enumerate(values):
        check_key("Param key", key, path=f"params[{place}].key")
    labels = read_tags(tags)
    for place, key in enumerate(labels):
        check_key("key", key, path=f"tags[{place}].key")
    batch = Batch(read_run_id(request), "", metrics=read_points(metrics), tags={**labels})
    batch.params = [(key, value, at) for key, value in values.items()]
    after = [take_fields(request, batch)]
    if any(each.get("model_id") for each in metrics):
        after.append(partial(keep_points, request, batch, metrics))
    calls = [call for call in after if call is not None]
    return Delivery([batch], partial(_call_all, calls) if calls else None)


def _call_all(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


def get_history(request: Request) -> dict[str, Any]:
    """The points of a metric in MLflow's order; in pages if a size is asked for."""
    fields = request.fields
    limit, offset = fields.get("max_results"), _read_offset(fields.get("page_token"))
    if limit is not None and limit <= 0:
        raise InvalidInput(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
        )
    key = fields["metric_key"]
    points = _read_history(request, read_run_id(request), key)[offset:]
    answer: dict[str, Any] = {"metrics": [_point(key, row) for row in (points if limit is None else points[:limit])]}
    if limit is not None and len(points) > limit:
        answer["next_page_token"] = str(offset + limit)
    return answer


def _read_offset(token: str | None) -> int:
    if not token:
        return 0
    if not token.isdecimal() or len(token) > 12:
        raise InvalidInput("Invalid page token", hint="Begin again without a page token.")
    return int(token)


def _read_history(request: Request, run_id: str, key: str) -> list[tuple[int, int, float]]:
    try:
        return history_points(request.space.store.history(run_id, key))
    except NotFound:
        find_run(request, run_id)  # says it in MLflow's words
        raise


def _point(key: str, row: tuple[int, int, float]) -> dict[str, Any]:
    return {"key": key, "value": number_json(row[2]), "timestamp": row[0], "step": row[1]}


def get_history_bulk(request: Request) -> dict[str, Any]:
    """The points of one metric of many runs."""
    fields = request.fields
    run_ids = fields.get("run_id", [])
    if not run_ids:
        raise InvalidInput("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > BULK_RUNS_LIMIT:
        raise InvalidInput(
            f"GetMetricHistoryBulk request cannot specify more than {BULK_RUNS_LIMIT} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    key, limit = fields["metric_key"], min(fields.get("max_results", HISTORY_LIMIT), HISTORY_LIMIT)
    found: list[dict[str, Any]] = []
    for run_id in sorted(set(run_ids)):
        found += [{**_point(key, row), "run_id": run_id} for row in _read_history(request, run_id, key)]
        if len(found) >= limit:
            break
    return {"metrics": found[: max(limit, 0)]}


def get_history_sampled(request: Request) -> dict[str, Any]:
    """The points of one metric of many runs, so many of each, evenly spaced, the first and the last among them."""
    fields = request.fields
    run_ids = fields["run_ids"]
    if len(run_ids) > BULK_RUNS_LIMIT:
        raise InvalidInput(
            f"GetMetricHistoryBulkInterval request must specify at most {BULK_RUNS_LIMIT} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    limit = fields.get("max_results", BULK_POINTS_LIMIT)
    if not 1 <= limit <= BULK_POINTS_LIMIT:
        raise InvalidInput(f"max_results must be between 1 and {BULK_POINTS_LIMIT}.")
    first, last = fields.get("start_step"), fields.get("end_step")
    if (first is None) != (last is None):
        raise InvalidInput("If either start step or end step are specified, both must be specified.")
    if first is not None and last is not None and first > last:
        raise InvalidInput(
            f"end_step must be greater than start_step. Found start_step={first} and end_step={last}."
        )
    key = fields["metric_key"]
    found = []
    for run_id in run_ids:
        rows = sorted(_read_history(request, run_id, key), key=lambda row: (row[1], row[0]))
        if first is not None and last is not None:
            steps = [row[1] for row in rows]
            rows = rows[bisect.bisect_left(steps, first) : bisect.bisect_right(steps, last)]
        found += [{**_point(key, row), "run_id": run_id} for row in _sample(rows, limit)]
    return {"metrics": found}


def _sample(rows: list[Any], limit: int) -> list[Any]:
    if len(rows) <= limit:
        return rows
    if limit == 1:
        return rows[-1:]
    return [rows[place * (len(rows) - 1) // (limit - 1)] for place in range(limit)]


_ID = {"run_id": "text", "run_uuid": "text"}

ROUTES = (
    Route("POST", f"{RUNS}/log-metric", log_metric, "append", "write", {**POINT, **_ID}),
    Route("POST", f"{RUNS}/log-parameter", log_param, "append", "write", {**_ID, "key": "text!", "value": "text"}),
    Route("POST", f"{RUNS}/log-batch", log_batch, "append", "write",
          {**_ID, "metrics": "objects", "params": "objects", "tags": "objects"}),
    Route("GET", f"{METRICS}/get-history", get_history,
          fields={**_ID, "metric_key": "text!", "page_token": "text", "max_results": "int"}),
    Route("GET", f"{METRICS}/get-history-bulk", get_history_bulk,
          fields={"run_id": "texts", "metric_key": "text!", "max_results": "int"}),
    Route("GET", f"{METRICS}/get-history-bulk-interval", get_history_sampled,
          fields={"run_ids": "texts!", "metric_key": "text!", "start_step": "int", "end_step": "int",
                  "max_results": "int"}),
)  # fmt: skip
