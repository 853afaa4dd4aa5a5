"""Identities: an account per workload, no token, and no right in the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from helm.gates.objects import Object, Objects, annotations_of, name_of, pod

Faults = Iterator[tuple[Object | str, str]]

HOOK = "helm.sh/hook"
WEIGHT = "helm.sh/hook-weight"
RIGHTS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def of_its_own_without_a_token(objects: Objects) -> Faults:
    for each in objects.workloads():
        if pod(each).get("automountServiceAccountToken") is not False:
            yield each, "automountServiceAccountToken is not false: a token is mounted."
        if pod(each).get("serviceAccountName") != name_of(each):
            yield each, "its service account is not its own: one of its name."
        account = objects.find("ServiceAccount", name_of(each))
        if account is None:
            yield each, "there is no service account of its name."
        elif account.get("automountServiceAccountToken") is not False:
            yield account, "automountServiceAccountToken is not false."


def without_rights(objects: Objects) -> Faults:
    for each in objects.of(*RIGHTS):
        yield each, "nothing of ours asks the API server; a right would be one too many."


def there_before_the_hook_and_not_deleted_with_it(objects: Objects) -> Faults:
    """What a hook uses is a hook before it; what a running workload uses is none, for Helm replaces hooks."""
    for each in objects.workloads():
        account = objects.find("ServiceAccount", str(pod(each).get("serviceAccountName")))
        if account is None:
            continue
        if annotations_of(account).get(HOOK) != annotations_of(each).get(HOOK):
            yield account, f"it is a hook where {name_of(each)} is none, or the other way round."
        elif HOOK in annotations_of(each) and int(annotations_of(account)[WEIGHT]) >= int(
            annotations_of(each)[WEIGHT]
        ):
            yield account, f"it is made after {name_of(each)}, which needs it."


INVARIANTS = (of_its_own_without_a_token, without_rights, there_before_the_hook_and_not_deleted_with_it)
