"""A CRD's structural schema as a JSON Schema that refuses what the API server would prune.

What a JSON Schema cannot say is left out: CEL rules (`x-kubernetes-validations`) and defaults.
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

# What people write into metadata; the rest is the API server's.
METADATA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 253, "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
COMBINED = ("allOf", "anyOf", "oneOf")
KEPT = (
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "required",
    "type",
    "uniqueItems",
)


def json_schema(api_version: str, kind: str, structural: Schema) -> Schema:
    """The schema of a whole object of this kind."""
    converted = _value(structural)
    properties = converted.setdefault("properties", {})
    properties |= {"apiVersion": {"const": api_version}, "kind": {"const": kind}, "metadata": METADATA}
    converted["required"] = sorted({*converted.get("required", ()), "apiVersion", "kind", "metadata"})
    converted["additionalProperties"] = False
    return converted


def _value(schema: Schema) -> Schema:
    """A value and everything in it; where the CRD keeps unknown fields, they are let through."""
    converted = _constraints(schema)
    if "properties" in schema:
        converted["properties"] = {key: _value(each) for key, each in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        converted["additionalProperties"] = _value(schema["additionalProperties"])
    elif schema.get("type") == "object" and not _is_open(schema):
        converted["additionalProperties"] = False
    if "items" in schema:
        converted["items"] = _value(schema["items"])
    return _or_null(converted) if schema.get("nullable") else converted


def _is_open(schema: Schema) -> bool:
    return bool(
        schema.get("x-kubernetes-preserve-unknown-fields")
        or schema.get("x-kubernetes-embedded-resource")
        or schema.get("additionalProperties") is True
    )


def _constraints(schema: Schema) -> Schema:
    """Of one level. In combinations nothing is refused as unknown: they only add constraints."""
    converted = {key: schema[key] for key in KEPT if key in schema}
    if "pattern" in schema and _compiles(schema["pattern"]):
        converted["pattern"] = schema["pattern"]
    for key in COMBINED:
        if key in schema:
            converted[key] = [_constraint_only(each) for each in schema[key]]
    if "not" in schema:
        converted["not"] = _constraint_only(schema["not"])
    if schema.get("x-kubernetes-int-or-string"):
        converted["type"] = ["integer", "string"]
    return converted


def _constraint_only(schema: Schema) -> Schema:
    converted = _constraints(schema)
    if "properties" in schema:
        converted["properties"] = {key: _constraint_only(each) for key, each in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        converted["items"] = _constraint_only(schema["items"])
    return converted


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _compiles(pattern: str) -> bool:
    """Go's expressions are nearly Python's; the few that are not are left to the API server."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
