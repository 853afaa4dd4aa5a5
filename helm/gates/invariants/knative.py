"""Our two functions: what of them is public, how they start, scale and stop, and where their events go."""

from __future__ import annotations

from collections.abc import Iterator

from helm.gates.objects import (
    Object,
    Objects,
    annotations_of,
    containers,
    environment,
    labels_of,
    name_of,
    pod,
    template,
)

Faults = Iterator[tuple[Object | str, str]]

VISIBILITY = "networking.knative.dev/visibility"
SCALE = "autoscaling.knative.dev/"
PUBLIC = {"task-api"}
PORT = 8080
# Requests one Trigger of the Kafka broker can have in flight (measured: 50 to 99).
IN_FLIGHT = 99
# Knative drains for 30 s before the process hears SIGTERM; then the services take up to 20 s (task-api) or 25 s.
GRACE = {"task-api": 55, "analytics": 60}
INGRESSES = {"Kafka": "kafka-broker-ingress", "MTChannelBasedBroker": "broker-ingress"}


def both_are_there(objects: Objects) -> Faults:
    for name in GRACE:
        if objects.find("ksvc", name) is None:
            yield f"Service/{name}", "there is no such Knative Service."


def private_unless_meant_for_users(objects: Objects) -> Faults:
    for each in objects.of("ksvc"):
        wanted = None if name_of(each) in PUBLIC else "cluster-local"
        if labels_of(each).get(VISIBILITY) != wanted:
            yield each, f"{VISIBILITY} is not {wanted}: everybody, or nobody, could call it."
    for mapping in objects.of("DomainMapping"):
        if mapping["spec"]["ref"]["name"] not in PUBLIC:
            yield mapping, "it gives a public name to a private service."


def traffic_is_left_to_the_roll_out(objects: Objects) -> Faults:
    for each in objects.of("ksvc"):
        if "traffic" in each["spec"]:
            yield each, "spec.traffic: an upgrade would undo the split of a roll-out."
        if "name" in template(each).get("metadata", {}):
            yield each, "a revision's name: the second upgrade would be refused."


def probes_are_quick_and_do_not_ask_for_the_database(objects: Objects) -> Faults:
    for each in objects.of("ksvc"):
        for container in containers(each):
            if [port["containerPort"] for port in container.get("ports") or []] != [PORT]:
                yield each, f"its port is not {PORT}."
            ready = container.get("readinessProbe") or {}
            if "periodSeconds" in ready:
                yield each, "readinessProbe.periodSeconds: Knative then asks once a second, not every 25 ms."
            if (container.get("startupProbe") or {}).get("httpGet", {}).get("port") != PORT:
                # deploy.go and the webhook of Serving 1.23 fill in the port of the other two only.
                yield each, f"startupProbe does not name port {PORT}: Kubernetes refuses the pod."
            for probe in ("readinessProbe", "livenessProbe"):
                if (container.get(probe) or {}).get("httpGet", {}).get("path") != "/livez":
                    yield each, f"{probe} does not ask /livez: a database away would take every pod out."


def stops_with_time_to_drain(objects: Objects) -> Faults:
    for each in objects.of("ksvc"):
        least = GRACE.get(name_of(each), 0)
        if pod(each).get("timeoutSeconds", 300) < least:
            yield each, f"timeoutSeconds is below the {least} s a stop takes."


def scales_within_reason(objects: Objects) -> Faults:
    for each in objects.of("ksvc"):
        said = annotations_of(template(each))
        least, most = (int(said.get(f"{SCALE}{key}-scale", 0)) for key in ("min", "max"))
        limit = pod(each).get("containerConcurrency", 0)
        if most and least > most:
            yield each, "min-scale is above max-scale."
        if f"{SCALE}min-scale" not in said or f"{SCALE}max-scale" not in said:
            yield each, "min-scale or max-scale is not said."
        if name_of(each) in _subscribers(objects) and most and limit and limit * most < IN_FLIGHT:
            yield (
                each,
                f"all its pods take {limit * most} requests; a Trigger can have {IN_FLIGHT} in flight.",
            )


def somebody_runs_the_relay(objects: Objects) -> Faults:
    api = objects.find("ksvc", "task-api")
    asleep = api is not None and annotations_of(template(api)).get(f"{SCALE}min-scale") == "0"
    woken = any(
        ping["spec"]["sink"].get("ref", {}).get("name") == "task-api"
        and ping["spec"]["sink"].get("uri") == "/relay"
        for ping in objects.of("PingSource")
    )
    if api is not None and asleep and not woken:
        yield api, "it may be at zero pods, and no PingSource wakes its relay."


def events_go_to_the_broker_there_is(objects: Objects) -> Faults:
    api, brokers = objects.find("ksvc", "task-api"), objects.of("Broker")
    if api is None or not brokers:
        return
    broker = brokers[0]
    host = INGRESSES.get(annotations_of(broker).get("eventing.knative.dev/broker.class", ""), "?")
    namespace = broker["metadata"].get("namespace")
    sink = str(environment(containers(api)[0]).get("K_SINK", {}).get("value"))
    if not sink.startswith(f"http://{host}.") or not sink.endswith(f"/{namespace}/{name_of(broker)}"):
        yield api, f"K_SINK is {sink}, which is not where Broker {name_of(broker)} takes events."


def _subscribers(objects: Objects) -> set[str]:
    return {
        each["spec"]["subscriber"]["ref"]["name"]
        for each in objects.of("Trigger")
        if (each["spec"].get("subscriber") or {}).get("ref", {}).get("kind") == "Service"
    }


INVARIANTS = (
    both_are_there,
    private_unless_meant_for_users,
    traffic_is_left_to_the_roll_out,
    probes_are_quick_and_do_not_ask_for_the_database,
    stops_with_time_to_drain,
    scales_within_reason,
    somebody_runs_the_relay,
    events_go_to_the_broker_there_is,
)
