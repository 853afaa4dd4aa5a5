"""The errors of the contract.

ContractError
  └─ MalformedEvent (400)  not a CloudEvent 1.0, or its data does not fit its type
"""

from __future__ import annotations


class ContractError(Exception):
    """`status` is the HTTP status a receiver answers with."""

    status: int = 500


class MalformedEvent(ContractError):
    """Sending it again cannot help: 400 makes Knative dead-letter it at once."""

    status = 400
