"""``knative-local run``."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from knative_local import profile as profiles
from knative_local.errors import UsageError
from knative_local.manifests import reading
from knative_local.manifests.inspection import Ineffective
from knative_local.planning.plan import make_plan
from knative_local.supervision.console import Console
from knative_local.supervision.options import Options
from knative_local.supervision.port_book import PortBook
from knative_local.supervision.supervisor import run

_FULL = {errno.ENOSPC, errno.EDQUOT}


def command(profile_path: Path, folders: Sequence[Path], options: Options, *, explain: bool) -> int:
    """Check everything first; run, or say what has no effect here."""
    profile = profiles.read(profile_path)
    manifests = reading.read(folders or profile.manifest_folders())
    if explain:
        with contextlib.closing(PortBook(manifests, profile, None)) as book:
            _print_explanation(make_plan(manifests, profile, book.ports).ineffective)
        return 0
    with contextlib.closing(Console()) as console, _of_the_data_folder(options.data):
        asyncio.run(_until_signal(options, profile, manifests, console))
    return 0


@contextlib.contextmanager
def _of_the_data_folder(folder: Path) -> Iterator[None]:
    """A folder that is full, or not ours to write, is the user's to mend: one sentence is enough."""
    try:
        yield
    except OSError as error:
        place = Path(error.filename or folder).resolve()
        if not place.is_relative_to(folder.resolve()) or (
            error.filename is None and error.errno not in _FULL  # a write does not say of which file
        ):
            raise
        raise UsageError(f"{place} cannot be written: {error.strerror}") from None


async def _until_signal(
    options: Options, profile: profiles.Profile, manifests: reading.Manifests, console: Console
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(options, profile, manifests, console, stop)


def _print_explanation(ineffective: Sequence[Ineffective]) -> None:
    """Grouped by reason: the same few are behind most fields."""
    places = {entry: f"{entry.file}:{entry.line}" for entry in ineffective}
    width = max((len(place) for place in places.values()), default=0)
    print(f"{len(ineffective)} without effect on one machine:")
    for reason in dict.fromkeys(entry.reason for entry in ineffective):
        print(f"\n{reason}")
        for entry, place in places.items():
            if entry.reason == reason:
                print(f"  {place:<{width}}  {entry.path}")
