"""Lines of the profile that a user can paste, with addresses and tokens filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import aiohttp

from knative_local.placeholders import Template

_TOKEN = "token:"  # noqa: S105 - the name of a placeholder
_ISSUER = "issuer"


async def complete(
    hints: Iterable[str], urls: Mapping[str, str], session: aiohttp.ClientSession
) -> list[str]:
    """``{urls.NAME}`` and ``{token:USER}``; a line whose value is not to be had is left out."""
    values = {f"urls.{name}": partial(str, url) for name, url in urls.items()}
    templates = [Template(hint) for hint in hints]
    for name in {name for template in templates for name in template.names()}:
        if name.startswith(_TOKEN) and _ISSUER in urls:
            token = await _token(session, urls[_ISSUER], name.removeprefix(_TOKEN))
            if token:
                values[name] = partial(str, token)
    known = [template for template in templates if values.keys() >= set(template.names())]
    return [template.fill(values) for template in known]


async def _token(session: aiohttp.ClientSession, issuer: str, user: str) -> str | None:
    form = {"grant_type": "client_credentials", "client_id": user}
    try:
        async with session.post(f"{issuer}/token", data=form, timeout=aiohttp.ClientTimeout(5)) as response:
            answer = await response.json() if response.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    token = answer.get("access_token")
    return str(token) if token else None
