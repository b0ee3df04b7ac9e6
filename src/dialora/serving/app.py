"""The web application of served systems: its routes, and what stands of them in OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dialora.errors import DialoraError
from dialora.printable import clean_message
from dialora.serving.bodies import MIB, BodyReader, wait_for_hang_up
from dialora.serving.description import PATH_SUMMARIES, describe_api, describe_errors
from dialora.serving.guard import Guard, build_error
from dialora.serving.pages import load_page
from dialora.serving.refusals import Refusal
from dialora.serving.schema import Status, Summaries, Systems
from dialora.serving.service import SummaryService


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server answers."""

    token: str | None = None
    """What /v1/* and /metrics ask for; None where nobody is asked."""
    is_loopback: bool = True
    """Only this machine asks."""
    max_body: int = 8 * MIB
    """Bytes."""
    queue_tokens: int = 500_000
    """Source tokens of all systems that are not yet written, beyond which requests are refused."""
    body_seconds: float = 30
    """Within which a body arrives."""


def build_app(service: SummaryService, options: ServerOptions) -> FastAPI:
    """Build the ASGI application; the service says when it is ready."""
    app = FastAPI(title="dialora", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    bodies = BodyReader(options.max_body, options.body_seconds)

    @app.post(
        PATH_SUMMARIES, response_model=Summaries, responses=describe_errors(400, 403, 408, 413, 415, 429, 500, 503)
    )
    async def summarize(request: Request) -> Any:
        """Summarize one conversation or several: text, turns, or an uploaded file of any known format."""
        service.require_ready()
        service.num_taken += 1
        try:
            async with bodies.reading(request) as body:
                work = service.summarize(body, request.headers)
                return Response(await _until_hang_up(request, work), media_type="application/json")
        finally:
            service.num_taken -= 1

    @app.get("/v1/systems", response_model=Systems, responses=describe_errors(403))
    async def list_systems() -> Any:
        """Return the systems that are served."""
        return {"systems": [one.describe() for one in service.served]}

    @app.get("/health", response_model=Status, responses=describe_errors(403))
    async def tell_health() -> Any:
        """Tell that the process is alive."""
        return {"status": "ok"}

    @app.get("/ready", response_model=Status, responses=describe_errors(403, 503))
    async def tell_ready() -> Any:
        """Tell whether requests are taken: not before the systems are loaded, nor while the server ends."""
        if service.is_ending or not service.is_ready:
            raise Refusal(503, "The server is ending." if service.is_ending else "The systems are being loaded.")
        return {"status": "ready"}

    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}

    @app.get("/metrics", response_class=Response, responses={200: text, **describe_errors(403)})
    async def tell_metrics() -> Any:
        """Return counters in Prometheus' text format."""
        return Response(service.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/openapi.json", include_in_schema=False)
    async def tell_openapi() -> Any:
        return description

    add_pages(app)
    app.add_middleware(Guard, metrics=service.metrics, token=options.token, is_loopback=options.is_loopback)
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(DialoraError, _answer_failure)
    app.add_exception_handler(HTTPException, _answer_http)
    description = describe_api(app, service.served, needs_token=options.token is not None)
    return app


def add_pages(app: FastAPI) -> None:
    """Add the page at `/`."""

    page = load_page()

    @app.get("/", include_in_schema=False)
    async def show_page() -> Any:
        return Response(page.html, media_type="text/html", headers={"content-security-policy": page.policy})


async def _until_hang_up(request: Request, work: Awaitable[bytes]) -> bytes:
    """Return what work gives, which is cancelled where the client is gone meanwhile. Raises ClientDisconnect."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(wait_for_hang_up(request))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        gone.cancel()
        if working.cancel():
            await asyncio.wait((working,))


async def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return build_error(error)


async def _answer_failure(request: Request, error: Exception) -> Response:
    return build_error(Refusal(500, clean_message(str(error))[0]))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {
        404: "There is nothing here; see /openapi.json.",
        405: f"{request.method} is not answered here; see /openapi.json.",
    }
    answer = build_error(Refusal(error.status_code, sentences.get(error.status_code, error.detail)))
    answer.headers.update(error.headers or {})
    if answer.headers.get("allow") == "GET":
        answer.headers["allow"] = "GET, HEAD"
    return answer


__all__ = ["ServerOptions", "add_pages", "build_app"]
