"""The event that goes to the dead letter sink: the original and why it could not be delivered."""

from __future__ import annotations

import base64
import logging

from knative_local.broker.answers import Failed
from knative_local.broker.event import Event, is_extension

_OWN = ("knativeerrordest", "knativeerrorcode", "knativeerrordata")

logger = logging.getLogger(__name__)


def dead_letter(event: Event, destination: str, failure: Failed) -> Event:
    """A reason from an earlier life of the event is taken off: Knative would mix it with the new one."""
    attributes = {name: value for name, value in event.attributes.items() if name not in _OWN}
    attributes |= _legal(attributes, failure.extensions)
    attributes["knativeerrordest"] = destination
    if failure.code is not None:
        attributes["knativeerrorcode"] = str(failure.code)
    if failure.body:
        attributes["knativeerrordata"] = base64.b64encode(failure.body).decode()
    return Event(attributes, event.data)


def _legal(attributes: dict[str, str], extensions: dict[str, str]) -> dict[str, str]:
    """In Knative 1.23 an illegal name wedges the Trigger and a known one overwrites the event: left out."""
    legal = {}
    for name, value in extensions.items():
        if name in attributes or name in _OWN or not is_extension(name, value):
            logger.warning("event=%s the answer's header kne-%s is ignored", attributes["id"], name)
        else:
            legal[name] = value
    return legal
