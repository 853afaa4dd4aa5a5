"""Who sends the load: users nobody else has, or the one whose token is given."""

from __future__ import annotations

import base64
import binascii
import json
import uuid

import httpx

from e2e.load.errors import LoadError


async def from_issuer(client: httpx.AsyncClient, issuer: str, count: int) -> dict[str, str]:
    """Tokens by new user, from the development issuer."""
    run = uuid.uuid4().hex[:8]
    return {
        name: await _token(client, issuer, name) for name in (f"load-{run}-{one}" for one in range(count))
    }


def from_token(token: str) -> dict[str, str]:
    """Whose token it is says the token; whether it is valid says the API."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return {claims["sub"]: token}
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise LoadError("TOKEN is not a JSON Web Token with a subject") from None


async def check(client: httpx.AsyncClient, url: str, tokens: dict[str, str]) -> None:
    """Raise LoadError unless the API lets a user read their tasks."""
    headers = {"authorization": f"Bearer {next(iter(tokens.values()))}"}
    try:
        answer = await client.get(url, headers=headers, params={"limit": 1})
    except httpx.HTTPError as error:
        raise LoadError(f"the task API {url} does not answer: {error!r}") from error
    if answer.status_code != 200:
        raise LoadError(f"the task API {url} answered {answer.status_code}: {answer.text[:200]}")


async def _token(client: httpx.AsyncClient, issuer: str, user: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": user}
    try:
        answer = await client.post(f"{issuer.rstrip('/')}/token", data=form)
        token: str = answer.raise_for_status().json()["access_token"]
    except (httpx.HTTPError, KeyError, ValueError) as error:
        raise LoadError(f"the issuer {issuer} gave no token: {error!r}") from error
    return token
