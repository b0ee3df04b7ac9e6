"""The web application of a study: a rater's page with its sheet and events, and the owner's page.

Takes what is blind of a study and a store of events; the key is opened for the owner's page alone, and only where
results are to be shown. `/r/TOKEN` is a rater's, `/owner/TOKEN` the owner's.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dialora.errors import DialoraError, InputError, StageError
from dialora.printable import clean, clean_all
from dialora.study.events import EventStore
from dialora.study.folder import BlindStudy, StudyFolder
from dialora.study.judgements import Event
from dialora.study.records import Sheet
from dialora.study.serving.checking import read_event
from dialora.study.serving.guard import Guard, RateLimit, build_page_policy, read_body, require_own_page
from dialora.study.serving.links import ExpiredError, LinkError, Links
from dialora.study.serving.owner import render_message, render_owner
from dialora.study.serving.progress import measure_progress
from dialora.study.serving.sheet import describe_sheet, describe_state

if TYPE_CHECKING:
    from dialora.comparison.people import StudyResult

EVENTS_PER_ITEM, MORE_EVENTS = 100, 500
"""What a sheet may hold: a person who changes every answer a dozen times stays far below it."""
INVALID = "This link opens nothing. It may have been cut when it was copied: ask whoever invited you to send it again."
EXPIRED = (
    "This invitation has run out. Ask whoever invited you for a new one and open it in this browser: what you have "
    "answered is kept."
)
NOT_SAVED = "This could not be saved just now; it will be tried again."
logger = logging.getLogger("dialora.study")


def build_app(
    folder: StudyFolder,
    store: EventStore,
    *,
    show_results: bool = False,
    url: str | None = None,
    expires_days: float | None = None,
) -> Starlette:
    """Build the ASGI application of a study.

    `url` is where raters reach it, where that is not where it listens; the invitations on the owner's page run out
    `expires_days` from now. Raises StageError where the study or its secret is missing or damaged.
    """
    study, links = folder.load_blind(), Links.open(folder)
    invitations = {sheet.number: links.invite(sheet.number, expires_days=expires_days) for sheet in study.sheets}
    served = _ServedStudy(folder, store, study, links, invitations, show_results, url)
    app = Starlette(
        routes=[
            Route("/r/{token}", served.show_page),
            Route("/r/{token}/sheet", served.give_sheet),
            Route("/r/{token}/events", served.add_event, methods=["POST"]),
            Route("/owner/{token}", served.show_owner),
            Route("/owner/{token}/progress", served.give_progress),
            Route("/healthz", served.tell_health),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={LinkError: _refuse_link, DialoraError: _refuse_event, HTTPException: _refuse},
    )
    app.router.redirect_slashes = False
    return app


@dataclass(slots=True)
class _ServedStudy:
    folder: StudyFolder
    store: EventStore
    study: BlindStudy
    links: Links
    invitations: dict[int, str]
    """Tokens by sheet, for the owner to give out."""
    show_results: bool
    url: str | None
    limit: RateLimit = field(default_factory=RateLimit)
    num_events: dict[int, int] = field(default_factory=dict)
    result: tuple[int, StudyResult | str] | None = None
    """The last one, or why there is none, and of how many events."""

    async def show_page(self, request: Request) -> Response:
        from dialora.study.pages import build_page

        sheet = self._find_sheet(request)
        # As a link names them. Another link to the sheet, after the first ran out, finds what that one left unsent.
        memory = f"{self.links.study}:{sheet.number}"
        return _respond_page(lambda nonce: build_page(clean(self.study.settings.title), nonce, memory=memory))

    async def give_sheet(self, request: Request) -> Response:
        sheet = self._find_sheet(request)
        events = await run_in_threadpool(self.store.load, sheet.number)
        return JSONResponse(describe_sheet(self.study, sheet, events))

    async def add_event(self, request: Request) -> Response:
        sheet = self._find_sheet(request)
        require_own_page(request, self.url)
        self.limit.admit(sheet.number)
        event = read_event(self.study, sheet, await read_body(request))
        if self.num_events.get(sheet.number, 0) >= MORE_EVENTS + EVENTS_PER_ITEM * len(sheet.entries):
            raise HTTPException(429, "This sheet was changed more often than it may be; tell whoever invited you.")
        events = await run_in_threadpool(self._store_event, event)
        self.num_events[sheet.number] = len(events)
        return JSONResponse({"stored": True, "state": describe_state(self.study, sheet, events)})

    async def show_owner(self, request: Request) -> Response:
        self.links.read_owner(request.path_params["token"])
        return await run_in_threadpool(self._build_owner, str(request.base_url).rstrip("/"))

    async def give_progress(self, request: Request) -> Response:
        self.links.read_owner(request.path_params["token"])
        events = await run_in_threadpool(self.store.load)
        progress = await run_in_threadpool(measure_progress, self.study, events)
        return JSONResponse(clean_all(progress.to_json()))

    async def tell_health(self, request: Request) -> Response:
        return PlainTextResponse("ok")

    def _find_sheet(self, request: Request) -> Sheet:
        try:
            return self.study.find_sheet(self.links.read_invitation(request.path_params["token"]))
        except KeyError:
            raise LinkError from None

    def _store_event(self, event: Event) -> list[Event]:
        try:
            self.store.append(event)
        except InputError as error:
            raise HTTPException(409, str(error)) from None
        return self.store.load(event.sheet)

    def _build_owner(self, base: str) -> Response:
        events = self.store.load()
        result = self._analyse(events) if self.show_results else None

        def invite(sheet: int) -> str:
            return build_address(self.url or base, "r", self.invitations[sheet])

        progress = clean_all(measure_progress(self.study, events))
        return _respond_page(lambda nonce: render_owner(progress, invite, nonce, result=result))

    def _analyse(self, events: list[Event]) -> StudyResult | str:
        from dialora.study.analysis import analyse_study

        if self.result is None or self.result[0] != len(events):
            try:
                found: StudyResult | str = analyse_study(self.folder, events, save=False)
            except DialoraError as error:
                found = str(error)
            self.result = (len(events), found)
        return self.result[1]


def build_address(base: str, kind: str, token: str) -> str:
    """Return a link's address; `kind` is `r` or `owner`."""
    return f"{base.rstrip('/')}/{kind}/{token}"


def _respond_page(render: Callable[[str], str], status: int = 200) -> Response:
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(render(nonce), status, headers=build_page_policy(nonce))


def _say(request: Request, status: int, sentence: str, headers: Any = None) -> Response:
    """Answer with a sentence: a page where one was asked for, else JSON."""
    if "text/html" in request.headers.get("accept", ""):
        title = "Not found" if status == 404 else "Not possible"
        return _respond_page(lambda nonce: render_message(title, sentence, nonce), status)
    return JSONResponse({"error": sentence}, status, headers=headers)


async def _refuse_link(request: Request, error: Exception) -> Response:
    # The same for whatever is wrong, so that it tells nothing.
    if isinstance(error, ExpiredError):
        return _say(request, 403, EXPIRED)
    return _say(request, 404, INVALID)


async def _refuse_event(request: Request, error: Exception) -> Response:
    if isinstance(error, StageError):
        logger.error("%s", clean(str(error)))
        return _say(request, 503, NOT_SAVED, {"retry-after": "5"})
    return _say(request, 422, clean(str(error)))


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = INVALID if error.status_code == 404 else clean(error.detail)
    return _say(request, error.status_code, sentence, error.headers)


__all__ = ["build_address", "build_app"]
