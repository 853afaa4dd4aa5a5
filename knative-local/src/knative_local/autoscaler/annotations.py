"""One revision's annotations over the cluster's defaults, with the bounds that Knative's webhook checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from knative_local.autoscaler.cluster import ClusterDefaults
from knative_local.autoscaler.settings import Scaling
from knative_local.durations import go_seconds
from knative_local.manifests.document import Document, KeyPath
from knative_local.manifests.inspection import Ineffective, ineffective
from knative_local.manifests.metadata import RevisionAnnotations
from knative_local.manifests.reading import Loaded
from knative_local.manifests.serving import Service

T = TypeVar("T", int, float)

_AT: KeyPath = ("spec", "template", "metadata", "annotations")
_HOUR = 3600.0
_CLASS = "autoscaling.knative.dev/class"
_KEPT = {"autoscaling.knative.dev/min-scale"}
_KPA, _HPA = "kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"
_NOT_MEASURED = "nothing measures Pods here: with Knative's HPA class min-scale instances run"


class _Reader:
    """Reads single annotations; whatever is wrong becomes an error with the annotation's line."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def number(self, key: str, text: str | None, default: T, least: T, most: T) -> T:
        kind = type(default)

        def parse(text: str) -> T:
            try:
                return kind(text)
            except ValueError:
                raise ValueError(f"'{text}' is not {'an integer' if kind is int else 'a number'}") from None

        return self._within(key, text, default, (least, most), parse)

    def duration(self, key: str, text: str | None, default: float, most: float = _HOUR) -> float:
        return self._within(key, text, default, (0.0, most), go_seconds)

    def window(self, key: str, text: str | None, default: float) -> float:
        return self._within(key, text, default, (6.0, _HOUR), go_seconds)

    def fail(self, key: str, reason: str) -> NoReturn:
        name = key if "/" in key else f"autoscaling.knative.dev/{key}"
        raise self._document.error((*_AT, name), reason)

    def _within(
        self, key: str, text: str | None, default: T, bounds: tuple[T, T], parse: Callable[[str], T]
    ) -> T:
        if text is None:
            return default
        try:
            value = parse(text)
        except ValueError as error:
            self.fail(key, str(error))
        least, most = bounds
        if not least <= value <= most:
            self.fail(key, f"'{text}' is not between {least:g} and {most:g}")
        return value


def scaling_of(document: Document, service: Service, cluster: ClusterDefaults) -> Scaling:
    """Raise `ManifestError` for a value Knative would not admit."""
    given = service.spec.template.metadata.annotations
    read = _Reader(document)
    if given.autoscaler_class == _HPA:
        return _kept(read, service, cluster)
    if given.autoscaler_class not in {None, _KPA}:
        read.fail("class", f"'{given.autoscaler_class}' is neither {_KPA} nor {_HPA}")
    metric = given.metric or "concurrency"
    if metric not in {"concurrency", "rps"}:
        read.fail("metric", f"'{metric}' is neither concurrency nor rps")
    total, target = _targets(read, service, cluster)
    least, most = _bounds(read, service, cluster)
    return Scaling(
        metric="rps" if metric == "rps" else "concurrency",
        total_per_instance=total,
        target=target,
        min_scale=least,
        max_scale=most,
        initial_scale=_initial(read, service, cluster),
        max_scale_up_rate=cluster.max_scale_up_rate,
        max_scale_down_rate=cluster.max_scale_down_rate,
        enable_scale_to_zero=cluster.enable_scale_to_zero,
        scale_to_zero_grace_period=go_seconds(cluster.scale_to_zero_grace_period),
        **_counts(read, given, cluster),
        **_times(read, given, cluster),
    )


def unmeasured(loaded: Loaded[Service]) -> Iterator[Ineffective]:
    """Annotations of the HPA class that change nothing here."""
    given = loaded.document.value["spec"]["template"].get("metadata", {}).get("annotations", {})
    if given.get(_CLASS) == _HPA:
        for key in given:
            if key.startswith("autoscaling.knative.dev/") and key not in _KEPT:
                yield ineffective(loaded.document, (*_AT, key), _NOT_MEASURED)


def _kept(read: _Reader, service: Service, cluster: ClusterDefaults) -> Scaling:
    """A HorizontalPodAutoscaler knows no zero."""
    least, _ = _bounds(read, service, cluster)
    times = _times(read, service.spec.template.metadata.annotations, cluster)
    return Scaling.fixed(max(1, least), progress_deadline=times["progress_deadline"])


def _counts(read: _Reader, given: RevisionAnnotations, cluster: ClusterDefaults) -> dict[str, Any]:
    panic, threshold = cluster.panic_window_percentage, cluster.panic_threshold_percentage
    burst, activation = cluster.target_burst_capacity, cluster.activation_scale
    return {
        "activation_scale": read.number("activation-scale", given.activation_scale, activation, 2, 1000),
        "panic_window_percentage": read.number(
            "panic-window-percentage", given.panic_window, panic, 1.0, 100.0
        ),
        "panic_threshold_percentage": read.number(
            "panic-threshold-percentage", given.panic_threshold, threshold, 110.0, 1000.0
        ),
        "target_burst_capacity": read.number(
            "target-burst-capacity", given.target_burst_capacity, burst, -1.0, math.inf
        ),
    }


def _times(read: _Reader, given: RevisionAnnotations, cluster: ClusterDefaults) -> dict[str, Any]:
    delay = go_seconds(cluster.scale_down_delay)
    retention = go_seconds(cluster.scale_to_zero_pod_retention_period)
    deadline = "serving.knative.dev/progress-deadline"
    return {
        "stable_window": round(read.window("window", given.window, go_seconds(cluster.stable_window))),
        "scale_down_delay": read.duration("scale-down-delay", given.scale_down_delay, delay),
        "pod_retention_period": read.duration(
            "scale-to-zero-pod-retention-period", given.pod_retention, retention
        ),
        "progress_deadline": read.duration(deadline, given.progress_deadline, 600.0, most=math.inf),
    }


def _targets(read: _Reader, service: Service, cluster: ClusterDefaults) -> tuple[float, float]:
    """What one instance can take, and the part of it that should be used."""
    given = service.spec.template.metadata.annotations
    hard_limit = service.spec.template.spec.container_concurrency
    utilization = read.number(
        "target-utilization-percentage",
        given.utilization,
        cluster.container_concurrency_target_percentage,
        1.0,
        100.0,
    )
    rps = given.metric == "rps"
    default = (
        cluster.requests_per_second_target_default if rps else cluster.container_concurrency_target_default
    )
    if hard_limit and not rps:
        default = float(hard_limit)
    total = read.number("target", given.target, default, 0.01, math.inf)
    if hard_limit and not rps:
        total = min(total, float(hard_limit))
    return total, max(0.01, total * utilization / 100)


def _bounds(read: _Reader, service: Service, cluster: ClusterDefaults) -> tuple[int, int]:
    given = service.spec.template.metadata.annotations
    limit = cluster.max_scale_limit or 1_000_000
    least = read.number("min-scale", given.min_scale, cluster.min_scale, 0, 1_000_000)
    most = read.number("max-scale", given.max_scale, cluster.max_scale, 0, limit)
    if cluster.max_scale_limit and most == 0:
        most = limit
    if most and least > most:
        read.fail("min-scale", f"{least} is more than max-scale {most}")
    return least, most


def _initial(read: _Reader, service: Service, cluster: ClusterDefaults) -> int:
    given = service.spec.template.metadata.annotations.initial_scale
    initial = read.number("initial-scale", given, cluster.initial_scale, 0, 1_000_000)
    if initial == 0 and not cluster.allow_zero_initial_scale:
        read.fail("initial-scale", "0 needs allow-zero-initial-scale = true under [autoscaler]")
    return initial
