"""How events travel: Triggers that keep their names, deliver in full, and lose nothing on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from helm.gates.objects import Object, Objects, annotations_of, name_of, pod
from task_events import EVENT_TYPES

Faults = Iterator[tuple[Object | str, str]]

CLASS = "eventing.knative.dev/broker.class"
TOPIC = "kafka.eventing.knative.dev/external.topic"
# A Trigger's name is its consumer group: renamed, it leaves its backlog behind.
BY_TYPE = {kind.replace(".", "-"): kind for kind in EVENT_TYPES}
FILTERS = {"analytics": [{"prefix": {"type": "task."}}]} | {
    name: [{"exact": {"type": kind}}] for name, kind in BY_TYPE.items()
}
DELIVERY = {"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink"}
ORDER = "kafka.eventing.knative.dev/delivery.order"


def triggers_keep_names_and_filters(objects: Objects) -> Faults:
    found = {name_of(each): each for each in objects.of("Trigger")}
    wanted = set(FILTERS) if _on_kafka(objects) else {"analytics"}
    for name in wanted - found.keys():
        yield (
            f"Trigger/{name}",
            "it is gone or has another name: its backlog stays with the old consumer group.",
        )
    for name, each in found.items():
        if name not in FILTERS:
            yield each, "nobody knows what this Trigger is for: name its filter in invariants/eventing.py."
        elif each["spec"].get("filters") != FILTERS[name]:
            yield each, f"its filters are not {FILTERS[name]}."
        if "filter" in each["spec"]:
            yield each, "spec.filter is the old form, and ignored beside filters."


def delivery_in_full(objects: Objects) -> Faults:
    for each in objects.of("Trigger", "Broker"):
        delivery = each["spec"].get("delivery") or {}
        if delivery.keys() != DELIVERY:
            yield (
                each,
                f"delivery lacks {', '.join(sorted(DELIVERY - delivery.keys())) or 'nothing, and has more'}.",
            )
        if delivery.get("retry", 0) < 1:
            yield each, "it does not retry: one restart of a pod, and events are dead letters."
        if len(delivery.get("deadLetterSink") or {}) != 1:
            yield each, "deadLetterSink is not one of ref and uri."


def dead_letters_have_a_place(objects: Objects) -> Faults:
    places = set()
    for each in objects.of("Trigger", "Broker"):
        sink = (each["spec"].get("delivery") or {}).get("deadLetterSink") or {}
        reference = sink.get("ref") or {}
        places.add((reference.get("kind"), reference.get("name"), sink.get("uri")))
        if reference.get("kind") == "KafkaSink" and reference.get("name") != "dead-letter":
            yield each, f"dead letters go to {reference.get('name')}, where nobody looks for them."
    if len(places) > 1:
        yield "delivery", "dead letters of one system go to several places."


def references_lead_somewhere(objects: Objects) -> Faults:
    """To an object of this environment; a Kubernetes Service for dead letters is the user's."""
    for each in objects.of("Trigger", "Broker", "PingSource", "DomainMapping"):
        for reference in _references(each["spec"]):
            kind = (
                "ksvc" if str(reference.get("apiVersion")).startswith("serving.") else reference.get("kind")
            )
            if kind != "Service" and objects.find(str(kind), str(reference.get("name"))) is None:
                yield each, f"there is no {reference.get('kind')} {reference.get('name')}."
    for trigger in objects.of("Trigger"):
        if objects.find("Broker", trigger["spec"].get("broker", "")) is None:
            yield trigger, f"there is no Broker {trigger['spec'].get('broker')}."


def subscribers_are_the_meant_ones(objects: Objects) -> Faults:
    for each in objects.of("Trigger"):
        subscriber = each["spec"].get("subscriber") or {}
        if (subscriber.get("ref") or {}).get("name") != name_of(each):
            yield each, "its subscriber is not the function or the sink of its name."


def sinks_fill_the_topic_of_their_name(objects: Objects) -> Faults:
    for each in objects.of("KafkaSink"):
        spec, wanted = each["spec"], BY_TYPE.get(name_of(each), "tasks.dead-letter")
        if spec["topic"] != wanted:
            yield each, f"its topic is {spec['topic']}, not {wanted}."
        if spec.get("contentMode") != "binary":
            yield each, "contentMode is not binary: an event could not be sent again as it was."
        if {"numPartitions", "replicationFactor"} & spec.keys():
            yield each, "it makes a topic of its own, which is deleted with it."


def waits_longer_than_the_function(objects: Objects) -> Faults:
    """Or the dispatcher would give up, and send again, what the function still works on."""
    for each in objects.of("Trigger"):
        function = objects.find(
            "ksvc", ((each["spec"].get("subscriber") or {}).get("ref") or {}).get("name", "")
        )
        said = re.fullmatch(r"PT(\d+)S", str((each["spec"].get("delivery") or {}).get("timeout")))
        if said and function and int(said[1]) <= pod(function).get("timeoutSeconds", 300):
            yield each, "delivery.timeout is not above the function's timeoutSeconds."


def the_broker_stands_on_a_topic_that_outlives_it(objects: Objects) -> Faults:
    if not objects.of("Broker"):
        yield "Broker/tasks", "there is no Broker."
    for each in objects.of("Broker"):
        kind, topic = annotations_of(each).get(CLASS), annotations_of(each).get(TOPIC)
        if kind not in {"Kafka", "MTChannelBasedBroker"}:
            yield each, f"nobody reconciles class {kind}."
        if (kind == "Kafka") != (topic is not None):
            yield each, "class and external topic do not fit: a topic of its own is deleted with the Broker."
        if kind != "Kafka" and objects.of("KafkaSink"):
            yield each, f"it is of class {kind}, and there are KafkaSinks."


def what_must_stay_in_order_does(objects: Objects) -> Faults:
    """The topics per type are read by strangers, who may count on a task's order."""
    for each in objects.of("Trigger"):
        if _on_kafka(objects) and annotations_of(each).get(ORDER) not in {"ordered", "unordered"}:
            yield each, f"{ORDER} is not said; the default may change."


def _on_kafka(objects: Objects) -> bool:
    return any(annotations_of(each).get(CLASS) == "Kafka" for each in objects.of("Broker"))


def _references(spec: Object) -> Iterator[Object]:
    places = [spec.get("subscriber"), spec.get("sink"), (spec.get("delivery") or {}).get("deadLetterSink")]
    yield from (place["ref"] for place in places if place and "ref" in place)
    yield from (spec[key] for key in ("config", "ref") if key in spec)


INVARIANTS = (
    triggers_keep_names_and_filters,
    delivery_in_full,
    dead_letters_have_a_place,
    references_lead_somewhere,
    subscribers_are_the_meant_ones,
    sinks_fill_the_topic_of_their_name,
    waits_longer_than_the_function,
    the_broker_stands_on_a_topic_that_outlives_it,
    what_must_stay_in_order_does,
)
