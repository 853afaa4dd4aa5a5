"""Which events a Trigger wants, by the CloudEvents Subscriptions API.

An attribute the event lacks fails `exact`, `prefix` and `suffix`, and so passes a `not` around them. Knative
1.23 differs for `prefix` and `suffix` on an absent core attribute such as `subject`: it discards the event
even inside `not` and `any` (measured), which this broker does not copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from knative_local.contract import All, Any, Exact, Filter, Not, Prefix, Suffix


def matches(wanted: Filter, attributes: Mapping[str, str]) -> bool:
    match wanted:
        case Exact(expected, empty_is_any):
            return all(_equal(attributes.get(name), value, empty_is_any) for name, value in expected.items())
        case Prefix(expected):
            return all(
                name in attributes and attributes[name].startswith(value) for name, value in expected.items()
            )
        case Suffix(expected):
            return all(
                name in attributes and attributes[name].endswith(value) for name, value in expected.items()
            )
        case All(inner):
            return all(matches(each, attributes) for each in inner)
        case Any(inner):
            return any(matches(each, attributes) for each in inner)
        case Not(inner_filter):
            return not matches(inner_filter, attributes)


def _equal(actual: str | None, expected: str, empty_is_any: bool) -> bool:
    """The legacy filter's empty value means any, or none at all (as in Knative's Kafka dispatcher)."""
    return actual == expected or (empty_is_any and not expected)
