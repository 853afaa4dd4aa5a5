"""The errors of the task API, each with the status it becomes.

TaskApiError
  ├─ ConfigurationError          one sentence on stderr, exit code 2
  │    └─ MigrationMissing       the process refuses to start
  ├─ StatementRefused            PostgreSQL rejected one statement; nothing of it was written
  └─ Problem                     an answer in application/problem+json (RFC 9457)
       ├─ BadRequest 400         MalformedBody, InvalidParameter
       ├─ Unauthorized 401       always with WWW-Authenticate
       ├─ TaskNotFound 404       foreign tasks too: a 403 would tell that they exist
       ├─ StaleVersion 412
       ├─ BodyTooLarge 413       closes the connection
       ├─ UnsupportedContent 415
       ├─ IdempotencyConflict 422
       ├─ PreconditionRequired 428
       └─ Unavailable 503        always with Retry-After: DatabaseUnavailable, IssuerUnavailable, Contended
"""

from __future__ import annotations

from typing import ClassVar

RETRY_AFTER_SECONDS = 2


class TaskApiError(Exception):
    """Everything this package raises on purpose."""


class ConfigurationError(TaskApiError):
    """The message is the whole explanation; nobody wants a traceback for a typo."""


class MigrationMissing(ConfigurationError):
    """The database is older than this release."""


class StatementRefused(TaskApiError):
    """PostgreSQL said ERROR, so the implicit transaction rolled back and may be tried row by row."""

    def __init__(self, name: str, sqlstate: str) -> None:
        super().__init__(f"{name} ({sqlstate})")
        self.is_data = sqlstate.startswith("22")


class Problem(TaskApiError):
    """`slug` names the problem type for programs, `title` for people; both are constant per class."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal Server Error"

    def __init__(
        self,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers or {}
        self.errors = errors


class BadRequest(Problem):
    status = 400
    slug = "bad-request"
    title = "Bad Request"


class MalformedBody(BadRequest):
    slug = "malformed-body"
    title = "The body is not JSON"


class InvalidParameter(BadRequest):
    slug = "invalid-parameter"
    title = "A parameter is invalid"

    def __init__(self, name: str, where: str, message: str) -> None:
        errors = [{"in": where, "name": name, "message": message}]
        super().__init__(f"{name}: {message}", errors=errors)


class Unauthorized(Problem):
    status = 401
    slug = "unauthorized"
    title = "Unauthorized"

    def __init__(self, reason: str | None) -> None:
        """`reason` is None where no token came: RFC 6750 then wants no error code."""
        challenge = (
            "Bearer" if reason is None else f'Bearer error="invalid_token", error_description="{reason}"'
        )
        super().__init__(reason or "A bearer token is required.", headers={"WWW-Authenticate": challenge})


class TaskNotFound(Problem):
    status = 404
    slug = "task-not-found"
    title = "Task not found"

    def __init__(self, task_id: int) -> None:
        super().__init__(f"There is no task {task_id}.")


class StaleVersion(Problem):
    status = 412
    slug = "stale-version"
    title = "The task has changed"

    def __init__(self, version: int) -> None:
        super().__init__(f"The task is at version {version}.", headers={"ETag": f'"{version}"'})


class BodyTooLarge(Problem):
    status = 413
    slug = "body-too-large"
    title = "Content Too Large"

    def __init__(self, limit: int) -> None:
        # The rest of the body is not read; without `close` it would be taken for the next request.
        super().__init__(f"The body may have {limit} bytes.", headers={"Connection": "close"})


class UnsupportedContent(Problem):
    status = 415
    slug = "unsupported-content"
    title = "Unsupported Media Type"


class IdempotencyConflict(Problem):
    status = 422
    slug = "idempotency-conflict"
    title = "Idempotency-Key used with another body"


class PreconditionRequired(Problem):
    status = 428
    slug = "precondition-required"
    title = "Precondition Required"


class Unavailable(Problem):
    status = 503
    slug = "unavailable"
    title = "Service Unavailable"

    def __init__(self, detail: str, retry_after: int = RETRY_AFTER_SECONDS) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class DatabaseUnavailable(Unavailable):
    slug = "database-unavailable"
    title = "The database is away"


class IssuerUnavailable(Unavailable):
    slug = "issuer-unavailable"
    title = "The token issuer is away"


class Contended(Unavailable):
    slug = "contended"
    title = "Too many writers"
