"""An issuer's two documents; a test decides which key is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from .fake_server import Reply, Request, serving
from .tokens import Signer


@contextmanager
def issuer_serving(signer: Signer) -> Iterator[str]:
    """Yield the issuer's URL; it is gone after the block."""

    def answer(request: Request) -> Reply:
        if request.path == "/.well-known/openid-configuration":
            return Reply(200, json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/keys"}).encode())
        return Reply(200, signer.jwks()) if request.path == "/keys" else Reply(404)

    with serving(answer) as issuer:
        yield issuer
