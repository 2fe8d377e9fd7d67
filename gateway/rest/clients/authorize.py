"""The authorization endpoint of development and sandboxes: a page on which anybody chooses a participant and allows.

It asks nobody who they are, so that it is there in `dev` alone; elsewhere people log in at an OpenID Connect
provider.
"""

from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from gateway.auth import AppLaunch, Ask, Form, LaunchRefused
from gateway.rest.clients.pacing import spend_login
from gateway.rest.clients.token import MAX_FORM_BYTES, form_of, read_form, record
from gateway.rest.parts import Parts
from gateway.rest.refusals import note_refusal

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_PAGE: Final = (
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>"""
)


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and POST of `/auth/authorize`; none where apps are not launched here."""
    if parts.app_launch is None:
        return []
    launch = parts.app_launch
    router = APIRouter()

    @router.get("/auth/authorize")
    def authorize(request: Request) -> Response:
        return _begun(launch, parts, request, form_of(request.url.query.encode()[: MAX_FORM_BYTES + 1]))

    @router.post("/auth/authorize")
    def decide(request: Request, given: Annotated[Form | None, Depends(read_form)]) -> Response:
        if given is not None and "ticket" not in given:
            return _begun(launch, parts, request, given)  # an app may post its request
        return _decided(launch, parts, request, given or {})

    return list(router.routes)


def _begun(launch: AppLaunch, parts: Parts, request: Request, form: Form | None) -> Response:
    spend_login(parts, request)
    try:
        ticket, ask = launch.begin(form or {})
    except LaunchRefused as refused:
        note_refusal(parts, request, form or {}, refused.issues[0].rule)
        return _refusal(refused)
    return _page("Allow this app?", _choice(parts, ticket, ask))


def _decided(launch: AppLaunch, parts: Parts, request: Request, form: Form) -> Response:
    try:
        is_allowed = form.get("decision") == "allow"
        back, ask = launch.decide(form.get("ticket", ""), form.get("patient", ""), is_allowed=is_allowed)
    except LaunchRefused as refused:
        note_refusal(parts, request, form, refused.issues[0].rule)
        return _refusal(refused)
    client = parts.studies[ask.study].clients[ask.client]
    record(parts, request, ask.study, client, "authorize" if ask.user else "decline")
    return RedirectResponse(back, 303, _HEADERS)


def _refusal(refused: LaunchRefused) -> Response:
    if refused.back:
        return RedirectResponse(refused.back, 303, _HEADERS)
    told = refused.issues[0]
    return _page("This request cannot be answered", f"<p>{escape(told.message)}.<p>{escape(told.hint)}.", 400)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(title=title, body=body), status, _HEADERS)


def _choice(parts: Parts, ticket: str, ask: Ask) -> str:
    study = parts.studies[ask.study]
    people = "".join(
        f'<option value="{escape(person.patient)}">{escape(person.id)}</option>' for person in study.participants
    )
    chosen = f'<p><label>As participant <select name="patient">{people}</select></label>' if ask.needs_patient else ""
    scopes = "".join(f"<li><code>{escape(text)}</code>" for text in ask.scopes)
    return (
        f"<p>Development only: nobody is asked who they are.<p>{escape(ask.client)} asks study {escape(study.id)} for"
        f'<ul>{scopes}</ul><form method="post"><input type="hidden" name="ticket" value="{escape(ticket)}">{chosen}'
        '<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button>'
        "</form>"
    )
