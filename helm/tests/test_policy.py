"""The policy scanners, and that they can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from helm.gates import policy, scanners
from helm.gates.accepted import Acceptance, acceptances, unused
from helm.gates.finding import GateError
from helm.gates.lift import lifted, scannable

from .gated import environments, missing, passes
from .objects import Object, container, one

pytestmark = [pytest.mark.xdist_group("gates"), pytest.mark.timeout(300)]


def scanned(objects: dict[str, Object]) -> list[scanners.Violation]:
    try:
        return scanners.scan(objects)
    except GateError as error:
        missing(str(error))


def bad_service() -> Object:
    service = one("Service", "task-api")
    bad = container(service)
    bad["securityContext"] = {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}}
    bad["image"] = "task-api:latest"
    del bad["resources"]
    return service


def test_should_break_no_rule_but_the_accepted_ones_and_accept_nothing_in_vain() -> None:
    assert passes(policy.check(environments(), complete=True))


def test_should_see_a_bad_knative_service_only_when_its_pod_is_lifted_out() -> None:
    bad = bad_service()
    found = scanned({"as-it-is": bad, "lifted": lifted(bad)})
    assert [each for each in found if each.file == "as-it-is"] == []  # so much for scanning a ksvc
    rules = {each.rule for each in found if each.file == "lifted"}
    assert {"KSV017", "KSV005", "CKV_K8S_16", "CKV_K8S_14", "CKV_K8S_11"} <= rules
    refused = policy.refused(found, {"lifted": lifted(bad)}, acceptances())
    assert "HIGH" in {each.severity for each in refused}
    assert "CKV_K8S_43" not in {each.rule for each in refused}  # accepted, with its reason


def test_should_scan_what_scanners_know_and_nothing_else() -> None:
    assert scannable(lifted(one("Service", "task-api")))
    assert scannable(one("ConfigMap", "tasks-broker"))
    assert not scannable(one("Trigger", "analytics"))


def test_should_accept_a_rule_for_the_named_objects_only() -> None:
    accepted = Acceptance("RULE", ("Deployment/a", "Job/*"), "because")
    assert accepted.covers("RULE", "Deployment/a")
    assert accepted.covers("RULE", "Job/anything")
    assert not accepted.covers("RULE", "Deployment/b")
    assert not accepted.covers("OTHER", "Deployment/a")


def test_should_report_an_acceptance_nobody_needs() -> None:
    accepted = [Acceptance("RULE", ("Deployment/a", "Job/*"), "because")]
    assert unused(accepted, [("RULE", "Deployment/a"), ("OTHER", "Job/x")]) == ["RULE for Job/*"]


@pytest.mark.parametrize(
    "entry",
    [
        'rule = "R"\nobjects = ["a"]',
        'rule = "R"\nobjects = []\nreason = "r"',
        'rule = "R"\nobjects = ["a"]\nreason = " "',
    ],
)
def test_should_refuse_an_acceptance_without_a_reason_or_an_object(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(f"[[accepted]]\n{entry}\n")
    with pytest.raises(GateError, match="needs exactly a rule, objects and a reason"):
        acceptances(file)


def test_should_scan_each_distinct_object_once() -> None:
    (default, *_) = environments()
    assert len(policy._distinct([default, default])) == len(policy._distinct([default]))
