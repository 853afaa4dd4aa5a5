"""The command line: `serve` is the issuer, `token` asks a running one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dev_issuer import client, grants
from dev_issuer.errors import DevIssuerError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except DevIssuerError as error:
        print(f"dev-issuer: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(options: argparse.Namespace) -> None:
    from dev_issuer import server

    server.serve(options.host, options.port, options.data, audience=options.audience, url=options.issuer)


def _token(options: argparse.Namespace) -> None:
    user_id = grants.checked_user_id(options.user_id)
    print(client.fetch_token(options.issuer or client.issuer_of(options.system), user_id, options.role))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev-issuer",
        description="A development OIDC issuer. It gives a token to whoever asks: never for real data.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the issuer until SIGTERM or Ctrl-C")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=int, default=0, help="port to listen on (default: any free one, printed)"
    )
    serve.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="where the signing key is kept"
    )
    serve.add_argument("--audience", default="task-api", help="aud of the tokens (default: %(default)s)")
    serve.add_argument("--issuer", metavar="URL", help="its public address (default: http://HOST:PORT)")
    serve.set_defaults(run=_serve)

    token = commands.add_parser("token", help="print a bearer token for a user")
    where = token.add_mutually_exclusive_group()
    system = Path(os.environ.get("LOCAL_DATA", ".local"), "system.json")
    where.add_argument("--system", type=Path, default=system, metavar="FILE", help="(default: %(default)s)")
    where.add_argument("--issuer", metavar="URL", help="ask this issuer instead of the running laptop system")
    token.add_argument("--role", action="append", default=[], help="a role for the claim `roles`; repeatable")
    token.add_argument("user_id", metavar="USER_ID", help="the user, as `sub` of the token")
    token.set_defaults(run=_token)
    return parser


if __name__ == "__main__":
    sys.exit(main())
