"""The hand-written Kafka: nothing acknowledged is lost there, and everybody may only what they need."""

from __future__ import annotations

from collections.abc import Iterator

from helm.gates.objects import Object, Objects, labels_of, name_of
from task_events import EVENT_TYPES

Faults = Iterator[tuple[Object | str, str]]

WEEK = 7 * 24 * 3600 * 1000
EVENTS, DEAD_LETTERS, DEAD_LETTER_STATE = "tasks.events", "tasks.dead-letter", "tasks.dead-letter-state"
# Besides the application's own, what each user may change: nobody may alter or create a topic.
REFUSED = {"All", "Alter", "AlterConfigs", "ClusterAction", "Create", "IdempotentWrite"}
OURS = ("tasks.", "task.", "knative-trigger-", "taskctl")


def topics_are_all_there(objects: Objects) -> Faults:
    found = {_topic(each) for each in objects.of("KafkaTopic")}
    wanted = {EVENTS, DEAD_LETTERS, DEAD_LETTER_STATE, *EVENT_TYPES}
    for name in sorted(wanted - found) if found else []:
        yield f"KafkaTopic/{name}", "there is no such topic: who writes to it waits for ever."


def topics_keep_what_they_hold(objects: Objects) -> Faults:
    for each in objects.of("KafkaTopic"):
        config = each["spec"].get("config", {})
        if _topic(each) == DEAD_LETTER_STATE:
            if config.get("cleanup.policy") != "compact":
                yield (
                    each,
                    "cleanup.policy is not compact: what was decided about a dead letter is forgotten.",
                )
        elif 0 <= int(config.get("retention.ms", 0)) < WEEK:
            yield each, "retention.ms is below 7 days: a weekend's outage would lose events."
        if each["spec"].get("replicas", 0) < 3:
            yield each, "replicas is below 3: two copies may not both be there."


def copies_have_as_many_partitions(objects: Objects) -> Faults:
    topics = {_topic(each): each for each in objects.of("KafkaTopic")}
    events = topics.get(EVENTS)
    for name, each in topics.items():
        if (
            events
            and name != DEAD_LETTER_STATE
            and each["spec"]["partitions"] != events["spec"]["partitions"]
        ):
            yield each, f"it has another number of partitions than {EVENTS}: a task has another place there."


def owned_by_the_cluster(objects: Objects) -> Faults:
    for each in objects.of("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        if labels_of(each).get("strimzi.io/cluster") != "tasks":
            yield each, "strimzi.io/cluster is not tasks: no operator looks at it."


def users_may_what_they_need(objects: Objects) -> Faults:
    for each in objects.of("KafkaUser"):
        if (each["spec"].get("authentication") or {}).get("type") not in {"scram-sha-512", "tls"}:
            yield each, "nobody has to prove to be this user."
        for acl in (each["spec"].get("authorization") or {}).get("acls", []):
            resource, operations = acl["resource"], set(acl.get("operations", []))
            if acl.get("type", "allow") == "allow" and operations & REFUSED:
                yield each, f"{', '.join(sorted(operations & REFUSED))} is more than anybody needs."
            name = resource.get("name", "")
            if resource["type"] in {"topic", "group"} and not name.startswith(OURS):
                yield each, f"{resource['type']} {name or '(all)'} is not one of ours."
        if not (each["spec"].get("authorization") or {}).get("acls"):
            yield each, "it says nothing of what the user may do."


def listeners_are_closed(objects: Objects) -> Faults:
    for each in objects.of("Kafka"):
        kafka = each["spec"]["kafka"]
        for listener in kafka["listeners"]:
            if listener.get("tls") is not True or "authentication" not in listener:
                yield each, f"listener {listener['name']} takes anybody, or in plain text."
            if listener["type"] == "internal" and not listener.get("networkPolicyPeers"):
                yield each, f"listener {listener['name']} has no networkPolicyPeers: every pod may come."
        if (kafka.get("authorization") or {}).get("type") != "simple":
            yield each, "authorization is not simple: whoever comes in may do everything."


def what_is_acknowledged_is_on_two_brokers(objects: Objects) -> Faults:
    for each in objects.of("Kafka"):
        config = each["spec"]["kafka"].get("config", {})
        for key, least in {"default.replication.factor": 3, "min.insync.replicas": 2}.items():
            if int(config.get(key, 0)) < least:
                yield each, f"{key} is below {least}."
        for key in ("auto.create.topics.enable", "unclean.leader.election.enable"):
            if config.get(key) is not False:
                yield each, f"{key} is not false."
        if any(volume.get("deleteClaim") for volume in _volumes(objects)):
            yield each, "deleteClaim: the events would go with the objects."


def brokers_are_apart(objects: Objects) -> Faults:
    for each in objects.of("KafkaNodePool"):
        if each["spec"]["replicas"] < 3:
            yield each, "fewer than 3: one down, and there is no majority."
        constraints = each["spec"].get("template", {}).get("pod", {}).get("topologySpreadConstraints", [])
        if not any(one["whenUnsatisfiable"] == "DoNotSchedule" for one in constraints):
            yield each, "two of them may stand on one node."
        if "limits" not in each["spec"].get("resources", {}):
            yield each, "it has no limits."


def _topic(each: Object) -> str:
    return str(each["spec"].get("topicName", name_of(each)))


def _volumes(objects: Objects) -> list[Object]:
    return [
        volume
        for pool in objects.of("KafkaNodePool")
        for volume in pool["spec"]["storage"].get("volumes", [pool["spec"]["storage"]])
    ]


INVARIANTS = (
    topics_are_all_there,
    topics_keep_what_they_hold,
    copies_have_as_many_partitions,
    owned_by_the_cluster,
    users_may_what_they_need,
    listeners_are_closed,
    what_is_acknowledged_is_on_two_brokers,
    brokers_are_apart,
)
