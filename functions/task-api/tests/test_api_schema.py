"""Requests made up from the OpenAPI document, valid and invalid ones."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .api_process import ApiProcess
from .tokens import Signer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OPERATIONS = {
    "GET /v1/tasks",
    "POST /v1/tasks",
    "GET /v1/tasks/{task_id}",
    "PATCH /v1/tasks/{task_id}",
    "DELETE /v1/tasks/{task_id}",
    "POST /v1/tasks/{task_id}/restore",
}
EXAMPLES = 6


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_gets_an_answer_that_is_not_documented(
    api: ApiProcess, signer: Signer, user_id: str, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {signer.token(user_id)}"}
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    explored = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.label not in OPERATIONS:
            continue  # probes take nothing that could be varied

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def explore(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)
            explored.add(case.operation.label)

        explore()
    assert explored == OPERATIONS
