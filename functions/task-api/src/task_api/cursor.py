"""Cursors: opaque to clients, checked part by part when they come back.

They are not signed: a forged one can only name a place in the caller's own list.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec

from task_api.errors import InvalidParameter
from task_api.repository.listing import After

_TaskId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_Key = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"\A[^\x00]*\Z")]


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sort: str
    key: _Key
    task_id: _TaskId


def encode_cursor(sort: str, after: After) -> str:
    packed = msgspec.json.encode(_Cursor(sort, after.key, after.task_id))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(cursor: str, sort: str) -> After:
    """Raise InvalidParameter for what this service did not write, or wrote for another order."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        packed = base64.b64decode(padded, altchars=b"-_", validate=True)
        found = msgspec.json.decode(packed, type=_Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise invalid_cursor() from None
    if found.sort != sort:
        raise InvalidParameter("cursor", "query", f"belongs to sort={found.sort!r}, not to {sort!r}")
    return After(found.key, found.task_id)


def invalid_cursor() -> InvalidParameter:
    return InvalidParameter("cursor", "query", "is not a next_cursor of this service")
