"""What the broker can refuse: each class knows the HTTP status it is answered with."""

from __future__ import annotations

from knative_local.errors import KnativeLocalError


class BrokerError(KnativeLocalError):
    """The sentence goes into the answer's `detail`."""

    status = 500
    title = "Internal error"


class MalformedEventError(BrokerError):
    status = 400
    title = "Not a CloudEvent"


class UnknownPathError(BrokerError):
    status = 404
    title = "No such Broker or sink"


class WrongMethodError(BrokerError):
    status = 405
    title = "Events are posted"


class HeadersTooLargeError(BrokerError):
    status = 431
    title = "Attributes too large"


class RecordTooLargeError(BrokerError):
    """503 although it is permanent, because that is what Knative's receiver answers (measured: no 413)."""

    status = 503
    title = "Event too large"


class StoreUnavailableError(BrokerError):
    """Nothing of the failed batch is promised; what was acknowledged before stays."""

    status = 503
    title = "The event could not be stored"


class AbandonedError(BrokerError):
    """The broker stops while a delivery waits for its next attempt: the event stays uncommitted."""
