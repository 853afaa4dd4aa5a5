"""What the platform asks: probes, and the poke that wakes the relay."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from task_api.dependencies import state
from task_api.lean import LeanRoute
from task_api.openapi import UNAVAILABLE, answers

router = APIRouter(tags=["platform"], route_class=LeanRoute)


@router.get("/livez", response_class=Response, responses=answers(200, {}), summary="The process runs")
async def livez() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    response_class=Response,
    responses=answers(200, {}, UNAVAILABLE),
    summary="It can serve requests",
)
async def readyz(request: Request) -> Response:
    await state(request)["readiness"].check()
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.post("/relay", include_in_schema=False, status_code=204)
async def wake_relay(request: Request) -> Response:
    """A PingSource posts here: with `minScale: 0` nothing else would wake a relay whose events wait."""
    relay = state(request)["relay"]
    if relay is not None:
        relay.wake()
    return Response(status_code=204)
