"""A Job as it will run: once, before the services."""

from __future__ import annotations

from dataclasses import dataclass

from knative_local.manifests.core import Job
from knative_local.manifests.reading import Loaded
from knative_local.planning.environment import Sources
from knative_local.planning.programs import Program, plan_program
from knative_local.planning.services import only_container


@dataclass(frozen=True)
class JobPlan:
    program: Program
    deadline_seconds: float | None


def plan_job(sources: Sources, loaded: Loaded[Job]) -> JobPlan:
    spec = ("spec", "template", "spec")
    container = only_container(loaded.document, loaded.body.spec.template.spec.containers, spec)
    program = plan_program(sources, loaded, container, (*spec, "containers", 0))
    deadline = loaded.body.spec.active_deadline_seconds
    return JobPlan(program, None if deadline is None else float(deadline))
