"""Brokers, Triggers, sinks and ping sources as the broker process gets them."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

import cronsim

from knative_local import contract
from knative_local.manifests.core import ConfigMap
from knative_local.manifests.document import KeyPath
from knative_local.manifests.eventing import Broker, KafkaSink, PingSource, Trigger
from knative_local.manifests.inspection import Ineffective, ineffective, nearest
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.planning.addresses import Addresses
from knative_local.planning.destinations import Destinations
from knative_local.planning.triggers import plan_trigger

_CLASS = "eventing.knative.dev/broker.class"
_PARTITIONS = "default.topic.partitions"
_RETENTION = "default.topic.config.retention.ms"
_ENFORCED = {_PARTITIONS, _RETENTION}
_REASON = "topics live in the local store, on one disk"
_KAFKA_ONLY = {
    "bootstrap.servers",
    "default.topic.replication.factor",
    "auth.secret.ref.name",
    "auth.secret.ref.namespace",
}


def plan_contract(manifests: Manifests, addresses: Addresses) -> contract.Contract:
    destinations = Destinations(manifests, addresses)
    return contract.Contract(
        brokers=[_broker(manifests, loaded) for loaded in manifests.of(Broker)],
        triggers=[plan_trigger(manifests, destinations, loaded) for loaded in manifests.of(Trigger)],
        sinks=[_sink(loaded) for loaded in manifests.of(KafkaSink)],
        pings=[_ping(destinations, loaded) for loaded in manifests.of(PingSource)],
    )


def without_effect(manifests: Manifests) -> list[Ineffective]:
    """Keys of a Broker's ConfigMap are known only from the Broker."""
    return [
        ineffective(config.document, ("data", key), _REASON)
        for loaded in manifests.of(Broker)
        if (config := _config(manifests, loaded)) is not None
        for key in config.body.data
        if key not in _ENFORCED
    ]


def _broker(manifests: Manifests, loaded: Loaded[Broker]) -> contract.Broker:
    annotations = loaded.body.metadata.annotations
    if annotations.broker_class != "Kafka":
        at: KeyPath = ("metadata", "annotations", _CLASS)
        raise loaded.document.error(at, f"only class Kafka runs here, not '{annotations.broker_class}'")
    default = contract.Broker(name=loaded.name, namespace=loaded.namespace, topic="")
    config = _config(manifests, loaded)
    retention = _number(config, _RETENTION, default.retention_seconds * 1000)
    return contract.Broker(
        name=loaded.name,
        namespace=loaded.namespace,
        topic=annotations.external_topic or f"knative-broker-{loaded.namespace}-{loaded.name}",
        partitions=int(_number(config, _PARTITIONS, default.partitions)),
        retention_seconds=retention / 1000,
    )


def _config(manifests: Manifests, loaded: Loaded[Broker]) -> Loaded[ConfigMap] | None:
    reference = loaded.body.spec.config
    if reference is None:
        return None
    namespace = reference.namespace or loaded.namespace
    config = manifests.find(ConfigMap, namespace, reference.name)
    if config is None:
        reason = f"there is no ConfigMap '{reference.name}' in namespace {namespace}"
        known = [found.name for found in manifests.of(ConfigMap)]
        raise loaded.document.error(("spec", "config", "name"), reason + nearest(reference.name, known))
    for key in config.body.data:
        known_keys = _ENFORCED | _KAFKA_ONLY
        if key not in known_keys and not key.startswith("default.topic.config."):
            raise config.document.error(("data", key), f"unknown key '{key}'{nearest(key, known_keys)}")
    return config


def _number(config: Loaded[ConfigMap] | None, key: str, default: float) -> float:
    text = config.body.data.get(key) if config else None
    if config is None or text is None:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise config.document.error(("data", key), f"'{text}' is not a positive number")
    return int(text)


def _sink(loaded: Loaded[KafkaSink]) -> contract.Sink:
    spec = loaded.body.spec
    if spec.num_partitions < 1:
        raise loaded.document.error(("spec", "numPartitions"), f"{spec.num_partitions} is less than 1")
    return contract.Sink(
        name=loaded.name,
        namespace=loaded.namespace,
        topic=spec.topic,
        partitions=spec.num_partitions,
        content_mode=spec.content_mode,
    )


def _ping(destinations: Destinations, loaded: Loaded[PingSource]) -> contract.Ping:
    spec = loaded.body.spec
    url, _ = destinations.resolve(loaded, spec.sink, ("spec", "sink"))
    _check(loaded, "schedule", _cron, spec.schedule)
    if spec.timezone is not None:
        _check(loaded, "timezone", zoneinfo.ZoneInfo, spec.timezone)
    return contract.Ping(
        name=loaded.name,
        namespace=loaded.namespace,
        schedule=spec.schedule,
        sink_url=url,
        timezone=spec.timezone,
        content_type=spec.content_type,
        data=spec.data,
    )


def _cron(text: str) -> object:
    from datetime import UTC, datetime  # noqa: PLC0415

    return cronsim.CronSim(text, datetime.now(UTC))


def _check(loaded: Loaded[PingSource], field: str, parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except (ValueError, cronsim.CronSimError, zoneinfo.ZoneInfoNotFoundError):
        raise loaded.document.error(("spec", field), f"'{text}' is not a {field}") from None
