"""The status page: how things stand, and what people can do about it without a script."""

import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from monitor.core.silence import Source
from monitor.core.text import clip, one_line
from monitor.core.wish import MOST_NAME, SilenceError, checked_name
from monitor.errors import StoreError
from monitor.web import lookback, paper
from monitor.web.access import NAME, Keeper
from monitor.web.bodies import RefusedError, read_form
from monitor.web.deeds import Hands
from monitor.web.desk import Desk
from monitor.web.endpoints import refusal_of
from monitor.web.forms import SilenceForm
from monitor.web.glance import load_alert, load_glance

_BACK = re.compile(r"/(?:alerts/[0-9A-Za-z]{1,64})?")
_OURS = re.compile(
    r"/(?:(?:alerts|batches|silences|deliveries)/.*|silences|logout|name)?", re.DOTALL
)
MOST_NOTES = 100
NAME_FOR_S = 180 * 24 * 3600

Form = dict[str, str]
Answer = Callable[[Request], Awaitable[Response]]
Deed = Callable[[Request, Form, Hands], Awaitable[str]]


class Pages:
    """The pages of one desk. What was done is said once, on the page that comes next."""

    def __init__(self, desk: Desk, keeper: Keeper) -> None:
        self._desk = desk
        self._keeper = keeper
        self._hands = Hands(desk, Source.PAGE)
        self._notes: dict[str, tuple[str, bool]] = {}

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/", self._showing(self._status)),
            Route("/alerts/{key}", self._showing(self._alert)),
            Route("/alerts/{key}/ack", self._doing(self._ack), methods=["POST"]),
            Route("/batches/{provider}/{batch:path}", self._showing(self._batch)),
            Route("/silences/new", self._showing(self._new_silence)),
            Route("/silences", self._silence, methods=["POST"]),
            Route("/silences/{id}/end", self._doing(self._end), methods=["POST"]),
            Route("/deliveries/{key}/replay", self._doing(self._replay), methods=["POST"]),
            Route("/name", self._doing(self._name), methods=["POST"]),
            Route("/login", self._log_in, methods=["GET", "POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
            Route("/style.css", _style),
        ]

    def has(self, request: Request) -> bool:
        """Whether a browser asks for one of the pages."""
        return _OURS.fullmatch(request.url.path) is not None

    def entrance(self, request: Request, *, error: str = "") -> Response:
        """Where the token is asked for, in place of the page that was wanted.

        A link from elsewhere comes without the cookie. Then the browser is sent on to the
        same page once: from here, it brings the cookie if there is one.
        """
        elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        back = request.url.path if request.method == "GET" else "/"
        shown = {"back": _back(back), "error": error, "again": elsewhere and not error}
        status = 200 if shown["again"] else 401
        return paper.page("login", status, title="Log in", **shown)

    async def _status(self, request: Request) -> Response:
        house, now = self._desk.house(), self._desk.clock.now()
        problems = await self._desk.problems()
        glance = await self._desk.store.read(lambda conn: load_glance(conn, house, now))
        return self._page(request, "status", title="Offhook", glance=glance, problems=problems)

    async def _alert(self, request: Request) -> Response:
        house, now = self._desk.house(), self._desk.clock.now()
        key = request.path_params["key"]
        found = await self._desk.store.read(lambda conn: load_alert(conn, key, house, now))
        if found is None:
            text = "There is no such alert, or several keys begin so."
            return self._page(request, "failed", 404, title="No such alert", error=text)
        title = found.message.title
        return self._page(request, "alert", title=title, alert=found.life.alert, found=found)

    async def _batch(self, request: Request) -> Response:
        found = await self._desk.reported(**request.path_params)
        if found is None:
            text = "Nothing is known of such a batch."
            return self._page(request, "failed", 404, title="No such batch", error=text)
        return self._page(request, "batch", title=found.batch.title, **lookback.shown(found))

    async def _new_silence(self, request: Request) -> Response:
        form = SilenceForm()
        key = request.query_params.get("alert", "")
        house, now = self._desk.house(), self._desk.clock.now()
        if key:
            found = await self._desk.store.read(lambda conn: load_alert(conn, key, house, now))
            form = SilenceForm.of(found.life.alert) if found else form
        return self._form(request, form)

    async def _silence(self, request: Request) -> Response:
        try:
            fields = await self._fields(request)
        except RefusedError as error:
            return self._refused(request, error)
        form = SilenceForm.read(fields)
        house, now = self._desk.house(), self._desk.clock.now()
        try:
            if fields.get("do") != "silence":
                held = await self._hands.preview(form.asked(house.zone, now))
                return self._form(request, form, preview=held.text)
            held = await self._hands.silence(form.asked(house.zone, now))
        except (ValueError, StoreError) as error:
            status = 503 if isinstance(error, StoreError) else 422
            return self._form(request, form, error=_told(error), status=status)
        back = _back(f"/alerts/{form.alert}")
        return self._done(request, back, f"Silenced; it {held.text}.", form.author)

    async def _ack(self, request: Request, form: Form, hands: Hands) -> str:
        key = request.path_params["key"]
        held = await hands.acknowledge(key, form.get("author", ""), form.get("comment", ""))
        title = held.alerts[0].subject.title
        return f"{title}: acknowledged by {held.silence.author}; no repeats until it closes."

    async def _name(self, request: Request, form: Form, hands: Hands) -> str:
        del request, hands
        return f"You are {checked_name(form.get('author', ''))}."

    async def _end(self, request: Request, form: Form, hands: Hands) -> str:
        ended = await hands.end(request.path_params["id"], form.get("author", ""))
        return f"{'Acknowledgement' if ended.is_ack else 'Silence'} {ended.id} has ended."

    async def _replay(self, request: Request, form: Form, hands: Hands) -> str:
        await hands.replay(request.path_params["key"], form.get("author", ""))
        return "The message is sent again."

    def _showing(self, page: Answer) -> Answer:
        """A page of what the database says, or that it cannot be asked now."""

        async def answer(request: Request) -> Response:
            try:
                return await page(request)
            except StoreError as error:
                return self._page(request, "failed", 503, title="Offhook", error=str(error))

        return answer

    def _doing(self, deed: Deed) -> Answer:
        """A form that does one thing and leads back to where it stood."""

        async def answer(request: Request) -> Response:
            try:
                form = await self._fields(request)
            except RefusedError as error:
                return self._refused(request, error)
            back = _back(form.get("back", "/"))
            try:
                text = await deed(request, form, self._hands)
            except (SilenceError, StoreError) as error:
                return self._done(request, back, _told(error), bad=True)
            return self._done(request, back, text, form.get("author", ""))

        return answer

    async def _log_in(self, request: Request) -> Response:
        if request.method == "GET" or self._keeper.token is None:
            return RedirectResponse("/", 303, paper.HEADERS)
        try:
            form = await read_form(request)
        except RefusedError as error:
            return self._refused(request, error)
        session = self._keeper.log_in(form.get("token", ""))
        if session is None:
            return self.entrance(request, error="That is not the token.")
        answer = self._go(_back(form.get("back", "/")), form.get("author", ""))
        self._keeper.keep(answer, self._keeper.cookie_name, session)
        return answer

    async def _log_out(self, request: Request) -> Response:
        try:
            await self._fields(request)
        except RefusedError as error:
            return self._refused(request, error)
        self._keeper.log_out(request)
        answer = self._go("/", "")
        self._keeper.keep(answer, self._keeper.cookie_name, "", 0)
        return answer

    async def _fields(self, request: Request) -> Form:
        form = await read_form(request)
        if not self._keeper.has_form_token(request, form.get("form_token", "")):
            raise RefusedError(403, "This form is too old: go back, reload the page, try again.")
        return form

    def _form(
        self,
        request: Request,
        form: SilenceForm,
        *,
        preview: str = "",
        error: str = "",
        status: int = 200,
    ) -> Response:
        shown = {"form": form, "preview": preview, "error": error}
        return self._page(request, "silence", status, title="Silence", **shown)

    def _page(self, request: Request, name: str, status: int = 200, **shown: object) -> Response:
        """A page with what every page shows."""
        house = self._desk.house()
        note, bad = self._notes.pop(request.query_params.get("note", ""), ("", False))
        around = {
            "now": self._desk.clock.now(),
            "zone": house.zone,
            "version": house.version,
            "author": _author(request),
            "form_token": self._keeper.form_token(request),
            "has_session": self._keeper.session(request) is not None,
            "here": _back(request.url.path),
            "note": note,
            "note_is_bad": bad,
        }
        return paper.page(name, status, **around, **shown)

    def _done(
        self, request: Request, back: str, text: str, author: str = "", *, bad: bool = False
    ) -> Response:
        del request
        while len(self._notes) >= MOST_NOTES:
            del self._notes[next(iter(self._notes))]
        note = secrets.token_urlsafe(8)
        self._notes[note] = (text, bad)
        return self._go(f"{back}?note={note}", author)

    def _go(self, where: str, author: str) -> Response:
        answer = RedirectResponse(where, 303, paper.HEADERS)
        if name := clip(one_line(author), MOST_NAME):
            self._keeper.keep(answer, NAME, quote(name, safe=""), NAME_FOR_S)
        return answer

    def _refused(self, request: Request, error: RefusedError) -> Response:
        refusal = error.refusal
        answer = self._page(request, "failed", refusal.status, title="Not done", error=refusal.text)
        answer.headers["connection"] = "close"  # the rest of the body is not waited for
        return answer


def _author(request: Request) -> str:
    return clip(one_line(unquote(request.cookies.get(NAME, ""))), MOST_NAME)


def _back(path: str) -> str:
    """Where to go on; never to another site."""
    return path if _BACK.fullmatch(path) else "/"


def _told(error: Exception) -> str:
    refusal = refusal_of(error)
    return f"{refusal.text}; {refusal.hint}" if refusal.hint else refusal.text


async def _style(request: Request) -> Response:
    del request
    return paper.style()
