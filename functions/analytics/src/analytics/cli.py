"""The command line; `analytics` alone serves, because that is what the image's entrypoint runs."""

from __future__ import annotations

import gc

# Nothing that is imported here is ever garbage: a cold start is a tenth shorter without looking. The server
# switches it on again.
gc.disable()

import os  # noqa: E402
import sys  # noqa: E402

from analytics.errors import AnalyticsError  # noqa: E402
from analytics.settings import read_settings  # noqa: E402


def main() -> int:
    """Return the exit code: 2 with one sentence on stderr for what the caller can mend."""
    arguments = sys.argv[1:]
    try:
        if arguments in ([], ["serve"]):
            return _serve()
        gc.enable()
        from analytics.commands import run

        return run(arguments, os.environ)
    except AnalyticsError as error:
        print(error, file=sys.stderr)
        return 2


def _serve() -> int:
    settings = read_settings(os.environ)
    from analytics.server import serve

    serve(settings)
    return 0
