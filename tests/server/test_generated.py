"""Requests that schemathesis makes of our own description: what fits it and what does not, by the thousand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mlops_nb.server.app import Server
from mlops_nb.server.openapi import describe_routes
from tests.server.live import TOKEN

EXAMPLES = 15
"""Of each kind for each route."""


def without_tuples(schema: Any) -> Any:
    """The same without ``prefixItems``, which schemathesis writes as drafts before 2020 did, and then refuses."""
    if isinstance(schema, list):
        return [without_tuples(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: without_tuples(value) for key, value in schema.items() if key != "prefixItems"}
    if "prefixItems" in schema:
        size = len(schema["prefixItems"])
        found |= {"items": {"anyOf": without_tuples(schema["prefixItems"])}, "minItems": size, "maxItems": size}
    return found


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_generated_requests_are_answered_as_described(server: Server) -> None:
    """No server error, no answer that is not as described, nothing taken that is not as described.

    What fits the schema may still be refused: that a name is empty or a filter makes no sense is in no schema.
    """
    schemathesis = pytest.importorskip("schemathesis")
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi import checks as openapi

    checks = [
        not_a_server_error, openapi.content_type_conformance, openapi.response_schema_conformance,
        openapi.status_code_conformance, openapi.negative_data_rejection, openapi.ignored_auth,
    ]  # fmt: skip
    rules = settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    login = {"Authorization": f"Bearer {TOKEN}"}
    failures: dict[str, str] = {}
    schema = schemathesis.openapi.from_dict(without_tuples(describe_routes()))
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @rules
            def ask(case: Any) -> None:
                case.call_and_validate(base_url=server.url, headers=login, checks=checks)

            try:
                ask()
            except Exception as error:
                several = getattr(error, "exceptions", [error])
                failures[f"{operation.label} {mode.name}"] = "\n".join(map(str, several))
    assert not failures, "\n\n".join(f"## {label}\n{text[:1500]}" for label, text in failures.items())
