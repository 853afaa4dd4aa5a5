"""A question to a container registry: which digest has this tag?"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import NamedTuple

from images.errors import ImagesError, UsageError

# An index first: a digest of one platform's manifest would break every other platform.
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
TIMEOUT = 20.0


class Reference(NamedTuple):
    host: str
    repository: str
    tag: str

    @property
    def url(self) -> str:
        # Docker Hub answers at another name than its own; engines speak HTTP to registries of this machine only.
        host = "registry-1.docker.io" if self.host == "docker.io" else self.host
        scheme = "http" if re.match(r"(localhost|127\.0\.0\.1)(:|$)", host) else "https"
        return f"{scheme}://{host}/v2/{self.repository}/manifests/{self.tag}"


def parse(reference: str) -> Reference:
    match = re.fullmatch(r"([\w.-]+(?::\d+)?)/([\w./-]+):([\w.-]+)", reference)
    if not match:
        raise UsageError(f"{reference!r} is not a full reference like docker.io/library/python:3.13.0-slim.")
    return Reference(*match.groups())


def digest(reference: str) -> str:
    """The digest of the tag, computed from the very bytes the registry sends: it is never taken on trust."""
    where = parse(reference)
    try:
        return f"sha256:{hashlib.sha256(_manifest(where)).hexdigest()}"
    except (OSError, HTTPException, ValueError, KeyError) as error:
        raise ImagesError(
            f"The digest of {reference} could not be looked up at {where.host} ({error}); nothing was changed."
        ) from error


def _manifest(where: Reference) -> bytes:
    headers = {"Accept": ", ".join(MANIFESTS)}
    try:
        return _get(where.url, headers)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 401:
                raise
            token = _token(error.headers)
    return _get(where.url, headers | {"Authorization": f"Bearer {token}"})


def _token(headers: Message) -> str:
    """An anonymous token, from where the registry's 401 says."""
    challenge = headers.get("WWW-Authenticate", "")
    scheme, _, rest = challenge.partition(" ")
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme.lower() != "bearer" or "realm" not in parameters:
        raise ValueError(f"it wants a login: {challenge}")
    query = urllib.parse.urlencode(
        {key: parameters[key] for key in ("service", "scope") if key in parameters}
    )
    answer = json.loads(_get(f"{parameters['realm']}?{query}", {}))
    return str(answer.get("token") or answer["access_token"])


def _get(url: str, headers: dict[str, str]) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"it names a strange address: {url}")
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (looked at above)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310  (looked at above)
        content: bytes = response.read()
    return content
