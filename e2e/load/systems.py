"""Where a load goes, and who is asked about it."""

from __future__ import annotations

import argparse
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import httpx

from e2e.load import laptop, users
from e2e.load.cluster import ClusterSampler, cluster_client
from e2e.load.errors import LoadError
from e2e.load.hey import Target
from e2e.load.ledger import Ledger
from e2e.load.sampling import Sampler

PATH = "/v1/tasks"


class System(NamedTuple):
    """`targets` by user."""

    targets: dict[str, Target]
    sampler: Sampler
    ledger: Ledger | None


@contextlib.asynccontextmanager
async def found(options: argparse.Namespace, variables: Mapping[str, str]) -> AsyncIterator[System]:
    """Raise LoadError where something is missing or does not answer."""
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(verify=_trust(options), timeout=10))
        if options.system == "local":
            facts = laptop.facts(options.data)
            url, issuer, database = facts["urls"]["task-api"], facts["urls"]["issuer"], facts["database_url"]
            sampler: Sampler = laptop.LaptopSampler(client, facts["urls"]["status"])
            tokens = await users.from_issuer(client, issuer, options.users)
        else:
            url, database = options.url.rstrip("/"), variables.get("DATABASE_URL")
            tokens = await _cluster_tokens(client, options, variables)
            kubernetes = await stack.enter_async_context(cluster_client())
            sampler = ClusterSampler(kubernetes, options.namespace)
        await users.check(client, url + PATH, tokens)
        ledger = await Ledger.open(database, list(tokens)) if database else None
        if ledger:
            stack.push_async_callback(ledger.close)
        trust = {"SSL_CERT_FILE": str(options.ca)} if options.ca else {}
        yield System({name: Target(url + PATH, tokens[name], trust) for name in tokens}, sampler, ledger)


async def _cluster_tokens(
    client: httpx.AsyncClient, options: argparse.Namespace, variables: Mapping[str, str]
) -> dict[str, str]:
    if token := variables.get("TOKEN"):
        return users.from_token(token)
    if not options.issuer:
        raise LoadError(
            "--system cluster needs TOKEN in the environment, or --issuer for the development issuer"
        )
    return await users.from_issuer(client, options.issuer, options.users)


def _trust(options: argparse.Namespace) -> ssl.SSLContext | bool:
    if not options.ca:
        return True
    try:
        return ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise LoadError(f"--ca {options.ca}: {error}") from None
