"""Asks a running issuer for a token."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from dev_issuer.errors import NoSystem, TokenRefused

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def issuer_of(system: Path) -> str:
    """The issuer's address in the `system.json` of a running laptop system."""
    try:
        url = json.loads(system.read_bytes())["urls"]["issuer"]
    except FileNotFoundError as error:
        raise NoSystem(f"No system is running: there is no {system}; start one with `make run`.") from error
    except OSError as error:
        raise NoSystem(f"{system} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoSystem(f"{system} does not name an issuer: is it the file of a running system?") from error
    return str(url)


def fetch_token(issuer_url: str, user_id: str, roles: Sequence[str]) -> str:
    """An access token for the user, or the sentence that says why there is none."""
    form = [("grant_type", "client_credentials"), ("client_id", user_id), *(("role", role) for role in roles)]
    status, body = _post(issuer_url, urlencode(form))
    try:
        answer = json.loads(body)
        if status == 200:
            return str(answer["access_token"])
        raise TokenRefused(f"{issuer_url} answered {status}: {answer['error_description']}")
    except (ValueError, KeyError, TypeError) as error:
        raise TokenRefused(f"{issuer_url} answered {status} with no token: is it a dev-issuer?") from error


def _post(issuer_url: str, form: str) -> tuple[int, bytes]:
    url = urlsplit(issuer_url)
    try:
        connection = _connection(url)
        connection.request("POST", f"{url.path.rstrip('/')}/token", form, _FORM)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoSystem(f"No issuer answers at {issuer_url} ({error}): is the system running?") from error


def _connection(url: SplitResult) -> http.client.HTTPConnection:
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("not an http address")
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port, timeout=10)
