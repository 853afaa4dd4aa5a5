from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from knative_local.broker.answers import Accepted, Failed
from knative_local.broker.event import Event
from knative_local.broker.pings import PingSource
from knative_local.contract import Ping

REFUSED = Failed("HTTP 503", retry=True)


class Clock:
    """A clock that stands still except while somebody sleeps."""

    def __init__(self, moment: str) -> None:
        self.moment = datetime.fromisoformat(moment)
        self.naps: list[float] = []

    def now(self, zone: tzinfo) -> datetime:
        return self.moment.astimezone(zone)

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.moment += timedelta(seconds=seconds)


class Sink:
    """Takes events until it has `wanted`, and notes when each came."""

    def __init__(self, clock: Clock, wanted: int, *answers: Accepted | Failed) -> None:
        self.posts: list[tuple[str, str, Event]] = []
        self._clock = clock
        self._wanted = wanted
        self._answers = list(answers)

    async def post(self, url: str, event: Event, namespace: str, seconds: float) -> Accepted | Failed:
        self.posts.append((self._clock.now(UTC).isoformat(), url, event))
        if len(self.posts) == self._wanted:
            raise asyncio.CancelledError
        return self._answers.pop(0) if self._answers else Accepted()

    @property
    def times(self) -> list[str]:
        return [time for time, _, _ in self.posts]


async def run(clock: Clock, sink: Sink, **changes: Any) -> None:
    ping = Ping(
        **{
            "name": "poke",
            "namespace": "shop",
            "schedule": "*/10 * * * *",
            "sink_url": "http://sink/",
            **changes,
        }
    )
    with pytest.raises(asyncio.CancelledError):
        await PingSource(ping, sink, clock.now, clock.sleep).run()


async def test_an_event_is_sent_whenever_the_schedule_says_so() -> None:
    clock = Clock("2026-02-03T09:58:30+00:00")
    sink = Sink(clock, 3)
    await run(clock, sink)
    assert sink.times == [
        "2026-02-03T10:00:00+00:00",
        "2026-02-03T10:10:00+00:00",
        "2026-02-03T10:20:00+00:00",
    ]


async def test_the_event_is_the_one_of_knative() -> None:
    clock = Clock("2026-02-03T09:59:59+00:00")
    sink = Sink(clock, 2)
    await run(clock, sink, data='{"a": 1}', content_type="application/json")
    (_, url, first), (_, _, second) = sink.posts
    assert url == "http://sink/"
    assert first.data == b'{"a": 1}'
    assert first.attributes.pop("id") != second.attributes["id"]
    assert first.attributes == {
        "specversion": "1.0",
        "source": "/apis/v1/namespaces/shop/pingsources/poke",
        "type": "dev.knative.sources.ping",
        "time": "2026-02-03T10:00:00Z",
        "datacontenttype": "application/json",
    }


async def test_without_data_the_event_has_neither_body_nor_content_type() -> None:
    clock = Clock("2026-02-03T09:59:59+00:00")
    sink = Sink(clock, 1)
    await run(clock, sink)
    (_, _, event) = sink.posts[0]
    assert event.data is None
    assert "datacontenttype" not in event.attributes


async def test_the_schedule_is_in_its_time_zone() -> None:
    clock = Clock("2026-03-28T12:00:00+00:00")
    sink = Sink(clock, 2)
    await run(clock, sink, schedule="0 9 * * *", timezone="Europe/Vienna")
    # The night between them lost an hour to summer time.
    assert sink.times == ["2026-03-29T07:00:00+00:00", "2026-03-30T07:00:00+00:00"]


async def test_a_failed_ping_is_tried_again_five_times_with_doubled_waits() -> None:
    clock = Clock("2026-02-03T09:59:59+00:00")
    sink = Sink(clock, 7, *[REFUSED] * 6)
    await run(clock, sink)
    assert len({event.attributes["id"] for _, _, event in sink.posts[:6]}) == 1
    assert clock.naps[1:6] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8])
    assert sink.times[6] == "2026-02-03T10:10:00+00:00"


async def test_a_ping_that_is_refused_for_good_is_not_tried_again() -> None:
    clock = Clock("2026-02-03T09:59:59+00:00")
    sink = Sink(clock, 2, Failed("HTTP 400", retry=False))
    await run(clock, sink)
    assert sink.times == ["2026-02-03T10:00:00+00:00", "2026-02-03T10:10:00+00:00"]


async def test_a_suspended_machine_sends_late_and_once() -> None:
    clock = Clock("2026-02-03T09:59:00+00:00")
    sink = Sink(clock, 2)

    async def suspended(seconds: float) -> None:
        await clock.sleep(seconds + (1500 if not clock.naps else 0))

    ping = Ping("poke", "shop", "*/10 * * * *", "http://sink/")
    with pytest.raises(asyncio.CancelledError):
        await PingSource(ping, sink, clock.now, suspended).run()
    assert sink.times == ["2026-02-03T10:24:30+00:00", "2026-02-03T10:30:00+00:00"]
