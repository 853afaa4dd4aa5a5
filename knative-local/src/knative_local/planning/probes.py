"""A probe as it will be asked."""

from __future__ import annotations

from dataclasses import dataclass

from knative_local.manifests.document import Document, KeyPath
from knative_local.manifests.pod import Port, Probe

_DEFAULT_PERIOD = 10.0  # the kubelet's


@dataclass(frozen=True)
class ProbePlan:
    """Without a path it asks whether the port takes connections."""

    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    initial_delay: float = 0.0
    period: float = _DEFAULT_PERIOD
    timeout: float = 1.0
    successes: int = 1
    failures: int = 3


def plan_probe(document: Document, probe: Probe | None, at: KeyPath, port: Port) -> ProbePlan | None:
    if probe is None:
        return None
    if probe.http_get and probe.tcp_socket:
        raise document.error(at, "has both httpGet and tcpSocket")
    target = probe.http_get or probe.tcp_socket
    if target is not None and target.port not in {None, 0, port.name or "", port.number}:
        inner = "httpGet" if probe.http_get else "tcpSocket"
        raise document.error((*at, inner, "port"), f"'{target.port}' is not the container's port")
    if probe.http_get and probe.http_get.scheme != "HTTP":
        raise document.error((*at, "httpGet", "scheme"), "processes here speak HTTP without TLS")
    for name, value, least in (
        ("initialDelaySeconds", probe.initial_delay_seconds, 0),
        ("periodSeconds", probe.period_seconds, 0),
        ("timeoutSeconds", probe.timeout_seconds, 1),
        ("successThreshold", probe.success_threshold, 1),
        ("failureThreshold", probe.failure_threshold, 1),
    ):
        if value < least:
            raise document.error((*at, name), f"{value} is less than {least}")
    return ProbePlan(
        path=probe.http_get.path if probe.http_get else None,
        headers=tuple((header.name, header.value) for header in probe.http_get.http_headers)
        if probe.http_get
        else (),
        initial_delay=float(probe.initial_delay_seconds),
        period=float(probe.period_seconds) or _DEFAULT_PERIOD,
        timeout=float(probe.timeout_seconds),
        successes=probe.success_threshold,
        failures=probe.failure_threshold,
    )
