"""Deployments that scale and nodes that are drained: never to nothing, and never not at all."""

from __future__ import annotations

from collections.abc import Iterator

from helm.gates.objects import Object, Objects, labels_of, name_of, selects, template

Faults = Iterator[tuple[Object | str, str]]


def autoscalers_have_a_target_and_a_floor(objects: Objects) -> Faults:
    for each in objects.of("HorizontalPodAutoscaler"):
        spec, target = each["spec"], each["spec"]["scaleTargetRef"]
        found = objects.find(target["kind"], target["name"])
        if found is None:
            yield each, f"there is no {target['kind']} {target['name']}."
        elif "replicas" in found["spec"]:
            yield found, "replicas is set, and every upgrade would undo what the autoscaler did."
        if spec.get("minReplicas", 1) < 2:
            yield each, "minReplicas is below 2: one node drained is an outage."
        if spec.get("minReplicas", 1) > spec["maxReplicas"]:
            yield each, "minReplicas is above maxReplicas."
        if "behavior" not in spec:
            yield each, "it says nothing of how fast it scales."


def budgets_protect_and_let_go(objects: Objects) -> Faults:
    for each in objects.of("PodDisruptionBudget"):
        spec = each["spec"]
        protected = [one for one in objects.of("Deployment", "StatefulSet") if _selects(each, one)]
        if not protected:
            yield each, "it selects no pod of this environment."
        for one in protected:
            least = _least(objects, one)
            if spec.get("maxUnavailable") in {0, "0%"} or _blocks(spec.get("minAvailable"), least):
                yield each, "it allows no disruption: no node could ever be drained."
            if least < 2:
                yield each, f"{name_of(one)} may be a single pod: the budget does not keep it up."


def what_scales_has_a_budget(objects: Objects) -> Faults:
    for each in objects.of("HorizontalPodAutoscaler"):
        target = objects.find(each["spec"]["scaleTargetRef"]["kind"], each["spec"]["scaleTargetRef"]["name"])
        budgets = objects.of("PodDisruptionBudget")
        if target is not None and not any(_selects(budget, target) for budget in budgets):
            yield target, "no PodDisruptionBudget selects its pods."


def _selects(budget: Object, workload: Object) -> bool:
    return selects(budget["spec"].get("selector") or {}, labels_of(template(workload)))


def _least(objects: Objects, workload: Object) -> int:
    """The fewest pods the workload may have when nothing is wrong."""
    scaler = objects.find("HorizontalPodAutoscaler", name_of(workload))
    if scaler is not None:
        return int(scaler["spec"].get("minReplicas", 1))
    return int(workload["spec"].get("replicas", 1))


def _blocks(least_available: object, least: int) -> bool:
    if isinstance(least_available, str):
        return least_available == "100%"
    return isinstance(least_available, int) and least_available >= least


INVARIANTS = (autoscalers_have_a_target_and_a_floor, budgets_protect_and_let_go, what_scales_has_a_budget)
