"""What `GET /status` tells: the state of every Broker, Trigger and sink of this process."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from knative_local.broker.counts import Counts
from knative_local.broker.dispatcher import Dispatcher
from knative_local.broker.log import Log
from knative_local.contract import Broker, Contract, Sink


class TopicStatus(msgspec.Struct, frozen=True):
    """Of a Broker or a sink: `end` counts every record ever appended, `records` those still kept."""

    namespace: str
    name: str
    topic: str
    partitions: int
    end: int
    records: int


class TriggerStatus(msgspec.Struct, frozen=True):
    """`committed` and `lag` count records over all partitions; the counts are those of this process."""

    namespace: str
    name: str
    broker: str
    group: str
    committed: int
    lag: int
    counts: Counts


class Status(msgspec.Struct, frozen=True):
    brokers: list[TopicStatus]
    triggers: list[TriggerStatus]
    sinks: list[TopicStatus]


def status(contract: Contract, log: Log, dispatchers: Iterable[Dispatcher]) -> Status:
    return Status(
        brokers=[_topic(broker, log) for broker in contract.brokers],
        triggers=[_trigger(dispatcher, log) for dispatcher in dispatchers],
        sinks=[_topic(sink, log) for sink in contract.sinks],
    )


def _topic(owner: Broker | Sink, log: Log) -> TopicStatus:
    extents = log.extents(owner.topic).values()
    end = sum(extent.end for extent in extents)
    start = sum(extent.start for extent in extents)
    return TopicStatus(owner.namespace, owner.name, owner.topic, len(extents), end, end - start)


def _trigger(dispatcher: Dispatcher, log: Log) -> TriggerStatus:
    trigger = dispatcher.trigger
    committed = sum(dispatcher.committed.values())
    end = sum(extent.end for extent in log.extents(dispatcher.topic).values())
    return TriggerStatus(
        namespace=trigger.namespace,
        name=trigger.name,
        broker=trigger.broker,
        group=trigger.group,
        committed=committed,
        lag=end - committed,
        counts=dispatcher.counts,
    )
