"""Every error of the function, with the HTTP status it is answered with.

AnalyticsError
  ├─ InvalidSetting            refuses to start
  ├─ SchemaMissing             refuses to start
  ├─ DatabaseAway (503)        no answer, or no commit: the event comes again
  ├─ UnstorableEvent (400)     PostgreSQL refuses the event itself: it would for ever
  ├─ Unreadable (400, 408, 413, 431)
  ├─ NotFound (404)
  └─ MethodNotAllowed (405)
`task_events.MalformedEvent` (400) joins them at the edge.

What Knative's Kafka dispatcher does with an answer, and so what a status means here (measured, v1.23):

    2xx, empty body                      delivered
    2xx with any other body              dead letter, no retry (unless the body is a CloudEvent: published)
    404 408 409 429 5xx, no answer       retried with the Trigger's back-off, then dead letter
    every other 3xx and 4xx              dead letter at once

A response header that starts with `kne-` can wedge the dispatcher: no answer here has one.
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """`status` is the HTTP status; a command line prints the sentence and exits with 2."""

    status: int = 500


class InvalidSetting(AnalyticsError):
    """The sentence names the environment variable and never shows a password."""


class SchemaMissing(AnalyticsError):
    """Starting again cannot help before `analytics migrate` ran."""


class DatabaseAway(AnalyticsError):
    """Nothing is known to be stored: the event is still the dispatcher's."""

    status = 503


class UnstorableEvent(AnalyticsError):
    """Well-formed, but no row: a text index entry too long, a number out of range."""

    status = 400


class Unreadable(AnalyticsError):
    """`status` says which limit of HTTP or of ours the request broke."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class NotFound(AnalyticsError):
    """Retried by the dispatcher, unlike most of 4xx: a wrong path may be a roll-out in progress."""

    status = 404


class MethodNotAllowed(AnalyticsError):
    """Events are POSTed, probes use GET."""

    status = 405
