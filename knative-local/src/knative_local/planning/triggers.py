"""A Trigger as the broker process gets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from knative_local import contract
from knative_local.durations import iso_seconds
from knative_local.manifests.document import KeyPath
from knative_local.manifests.eventing import Broker, Delivery, Filter, Trigger
from knative_local.manifests.inspection import nearest
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.planning.destinations import Destinations

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*")
_ORDER = "kafka.eventing.knative.dev/delivery.order"

# Knative's config-br-defaults: for a Broker that says nothing about delivery.
_CLUSTER_DELIVERY = contract.Delivery(retry=10, backoff_policy="exponential", backoff_seconds=0.2)


def plan_trigger(
    manifests: Manifests, destinations: Destinations, loaded: Loaded[Trigger]
) -> contract.Trigger:
    document, spec = loaded.document, loaded.body.spec
    broker = manifests.find(Broker, loaded.namespace, spec.broker)
    if broker is None:
        known = [found.name for found in manifests.of(Broker)]
        reason = f"there is no Broker '{spec.broker}' in namespace {loaded.namespace}"
        raise document.error(("spec", "broker"), reason + nearest(spec.broker, known))
    url, name = destinations.resolve(loaded, spec.subscriber, ("spec", "subscriber"))
    return contract.Trigger(
        name=loaded.name,
        namespace=loaded.namespace,
        broker=spec.broker,
        subscriber_url=url,
        subscriber_name=name,
        filters=_filters(loaded),
        delivery=_delivery(destinations, loaded, broker),
        ordered=_ordered(loaded),
    )


def _ordered(loaded: Loaded[Trigger]) -> bool:
    order = loaded.body.metadata.annotations.delivery_order
    if order not in {None, "ordered", "unordered"}:
        at = ("metadata", "annotations", _ORDER)
        raise loaded.document.error(at, f"'{order}' is neither ordered nor unordered")
    return order == "ordered"


def _delivery(
    destinations: Destinations, trigger: Loaded[Trigger], broker: Loaded[Broker]
) -> contract.Delivery:
    """A Trigger's delivery replaces the Broker's as a whole, unless it says nothing that counts."""
    own = trigger.body.spec.delivery
    if own is not None and (own.dead_letter_sink or own.retry is not None or own.timeout):
        return _converted(destinations, trigger, own)
    inherited = broker.body.spec.delivery
    return _CLUSTER_DELIVERY if inherited is None else _converted(destinations, broker, inherited)


def _converted(
    destinations: Destinations, owner: Loaded[Trigger] | Loaded[Broker], given: Delivery
) -> contract.Delivery:
    at: KeyPath = ("spec", "delivery")
    default = contract.Delivery()
    url = None
    if given.dead_letter_sink is not None:
        url, _ = destinations.resolve(owner, given.dead_letter_sink, (*at, "deadLetterSink"))
    if given.retry is not None and given.retry < 0:
        raise owner.document.error((*at, "retry"), f"{given.retry} is less than 0")
    return contract.Delivery(
        retry=given.retry or 0,
        backoff_policy=given.backoff_policy or default.backoff_policy,
        backoff_seconds=_seconds(owner, (*at, "backoffDelay"), given.backoff_delay, default.backoff_seconds),
        timeout_seconds=_seconds(owner, (*at, "timeout"), given.timeout, default.timeout_seconds),
        dead_letter_url=url,
    )


def _seconds(owner: Loaded[Trigger] | Loaded[Broker], at: KeyPath, text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        return iso_seconds(text)
    except ValueError as error:
        raise owner.document.error(at, str(error)) from None


def _filters(loaded: Loaded[Trigger]) -> list[contract.Filter]:
    """``filters`` overrides the older ``filter``."""
    spec = loaded.body.spec
    if spec.filters:
        at: KeyPath = ("spec", "filters")
        return [_filter(loaded, given, (*at, index)) for index, given in enumerate(spec.filters)]
    if spec.filter is not None and spec.filter.attributes:
        return [contract.Exact(spec.filter.attributes, empty_is_any=True)]
    return []


def _filter(loaded: Loaded[Trigger], given: Filter, at: KeyPath) -> contract.Filter:
    dialects = [name for name in ("exact", "prefix", "suffix", "all", "any", "not_") if getattr(given, name)]
    if len(dialects) != 1:
        raise loaded.document.error(at, f"one dialect per element, not {len(dialects)}")
    (dialect,) = dialects
    simple: Mapping[str, Callable[[dict[str, str]], contract.Filter]] = {
        "exact": contract.Exact,
        "prefix": contract.Prefix,
        "suffix": contract.Suffix,
    }
    if dialect in simple:
        attributes: dict[str, str] = getattr(given, dialect)
        _check_attributes(loaded, attributes, (*at, dialect))
        return simple[dialect](attributes)
    if given.not_ is not None:
        return contract.Not(_filter(loaded, given.not_, (*at, "not")))
    inner = [
        _filter(loaded, item, (*at, dialect, index)) for index, item in enumerate(getattr(given, dialect))
    ]
    return contract.All(inner) if dialect == "all" else contract.Any(inner)


def _check_attributes(loaded: Loaded[Trigger], attributes: dict[str, str], at: KeyPath) -> None:
    for name, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(name):
            raise loaded.document.error((*at, name), f"'{name}' is not a CloudEvents attribute name")
        if not value:
            raise loaded.document.error((*at, name), "is empty, and would match nothing")
