"""
The control API of the emulated world, under `/_control`: what handsets received, scenarios, accounts, replies.

Bad input is answered with a problem document (RFC 9457) that says what was expected and found, never with a 500.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.emulator.callbacks import Callback
from sendyard.emulator.callbacks import as_document as callback_document
from sendyard.emulator.connection import WireRequest
from sendyard.emulator.mailbox import as_document as letter_document
from sendyard.emulator.scenarios import ActiveRule, Rule
from sendyard.emulator.world import Hosted, World
from sendyard.providers.wire import HttpResponse

PREFIX = "/_control"

Parameters = Mapping[str, str]
_T = TypeVar("_T")


class InboundOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Someone writes to one of our senders; `sender` and `recipient` are `from` and `to` on the wire."""

    provider: str
    account: str
    sender: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    text: str


class ResetOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Begin again; without a seed the present one is kept."""

    seed: int | str | None = None


_RULES = msgspec.json.Decoder(Rule | list[Rule])
_INBOUND = msgspec.json.Decoder(InboundOrder)
_RESET = msgspec.json.Decoder(ResetOrder)
_ACCOUNT = msgspec.json.Decoder(dict[str, Any])
_ENCODER = msgspec.json.Encoder()


class Control:
    """Answers requests below `PREFIX`."""

    def __init__(self, world: World, address_of: Callable[[str], str]) -> None:
        """Take the world to control, and what tells a provider's base address by its slug."""
        self._world = world
        self._address_of = address_of
        self._routes: dict[str, dict[str, Callable[[WireRequest, Parameters], Awaitable[HttpResponse]]]] = {
            "/health": {"GET": self._health},
            "/providers": {"GET": self._providers},
            "/mailbox": {"GET": self._mailbox, "DELETE": self._empty_mailbox},
            "/mailbox/count": {"GET": self._count},
            "/accounts": {"POST": self._register},
            "/scenarios": {"GET": self._scenarios, "POST": self._add_scenarios, "DELETE": self._end_scenarios},
            "/inbound": {"POST": self._inbound},
            "/callbacks": {"GET": self._callbacks},
            "/reset": {"POST": self._reset},
        }

    async def answer(self, request: WireRequest) -> HttpResponse:
        """Answer one request; every refusal is a problem document."""
        path = unquote(request.path.removeprefix(PREFIX)).rstrip("/")
        if path.startswith("/scenarios/") and request.method == "DELETE":
            actions: Mapping[str, Any] = {"DELETE": self._end_scenarios}
        else:
            actions = self._routes.get(path, {})
        if not actions:
            known = ", ".join(PREFIX + route for route in self._routes)
            return problem(404, "Not found", f"There is no {request.path}; there are: {known}.")
        action = actions.get(request.method)
        if action is None:
            allowed = ", ".join(actions)
            detail = f"{request.path} takes {allowed}, found {request.method}."
            return problem(405, "Method not allowed", detail, headers={"allow": allowed})
        try:
            parameters = _parameters(request)
            answered: HttpResponse = await action(request, parameters)
        except AppError as refused:
            return problem(refused.status, refused.title, refused.detail, errors=refused.errors)
        return answered

    async def _health(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request, parameters
        world = self._world
        return _json(
            200,
            {
                "status": "ok",
                "seed": world.scenarios.seed,
                "providers": list(world.hosted),
                "messages": len(world.mailbox),
                "pending_reports": world.reporter.pending,
                "pending_callbacks": world.sender.pending,
            },
        )

    async def _providers(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request, parameters
        return _json(
            200,
            [
                {
                    "provider": slug,
                    "base_url": self._address_of(slug),
                    "sample_account": dict(hosted.emulator.sample_account),
                    "sample_sender": hosted.emulator.sample_sender,
                }
                for slug, hosted in self._world.hosted.items()
            ],
        )

    async def _mailbox(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request
        limit = _whole_number(parameters, "limit", 0)
        after = _whole_number(parameters, "after", 0)
        letters = []
        for position, letter in self._world.mailbox.find(**self._filter(parameters), after=after):
            letters.append(letter_document(letter))
            after = position
            if len(letters) == limit:
                break
        return _json(200, letters, headers={"next-after": str(after)})

    async def _count(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request
        return _json(200, {"count": sum(1 for _ in self._world.mailbox.find(**self._filter(parameters)))})

    async def _empty_mailbox(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request, parameters
        return _json(200, {"removed": self._world.mailbox.empty()})

    def _filter(self, parameters: Parameters) -> dict[str, Any]:
        provider = parameters.get("provider", "")
        if provider:
            self._hosted(provider, "/provider")
        failed = parameters.get("failed", "false")
        if failed not in {"true", "false"}:
            _refuse("/failed", f"Expected failed=true or failed=false, found {failed!r}.")
        return {"provider": provider, "to": _phone(parameters.get("to", "")), "fails": failed == "true"}

    async def _register(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del parameters
        fields = _decoded(_ACCOUNT, request.body, "an object with `provider` and the account's fields")
        slug = fields.pop("provider", None)
        if not isinstance(slug, str):
            _refuse("/provider", f"Expected the slug of a provider, found {slug!r}.")
        hosted = self._hosted(slug, "/provider")
        hosted.emulator.register(hosted.state, fields)
        return _json(201, {"provider": slug, "registered": True})

    async def _scenarios(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request, parameters
        return _json(200, [_rule_document(active) for active in self._world.scenarios.added])

    async def _add_scenarios(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del parameters
        decoded = _decoded(_RULES, request.body, "a scenario rule, or a list of them")
        rules = decoded if isinstance(decoded, list) else [decoded]
        for rule in rules:
            if rule.provider:
                self._hosted(rule.provider, "/provider")
        added = [_rule_document(self._world.scenarios.add(rule)) for rule in rules]
        return _json(201, added if isinstance(decoded, list) else added[0])

    async def _end_scenarios(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del parameters
        name = request.path.removeprefix(f"{PREFIX}/scenarios").strip("/")
        if not name:
            return _json(200, {"ended": self._world.scenarios.remove(None)})
        # isascii, because isdigit alone is true of superscripts, which int() does not read.
        ended = self._world.scenarios.remove(int(name)) if name.isascii() and name.isdigit() and len(name) < 10 else 0
        if not ended:
            known = ", ".join(str(active.id) for active in self._world.scenarios.added) or "none"
            raise NotFound("no_scenario", f"There is no scenario {name!r}; in force: {known}.")
        return _json(200, {"ended": ended})

    async def _inbound(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del parameters
        order = _decoded(_INBOUND, request.body, "an object with provider, account, from, to and text")
        hosted = self._hosted(order.provider, "/provider")
        callback = hosted.emulator.inbound(
            hosted.state,
            account=order.account,
            sender=order.sender,
            recipient=order.recipient,
            text=order.text,
            now=self._world.clock(),
        )
        if callback is None:
            _refuse(
                "/account",
                f"{hosted.emulator.spec.name} has nobody to tell: it knows no inbound messages, or account "
                f"{order.account!r} is not registered here with a callback address.",
            )
        self._world.sender.post(
            Callback(
                provider=order.provider,
                provider_ref="",
                request=callback,
                accepts=lambda response: 200 <= response.status < 300,
                retries=hosted.emulator.callback_retries,
                sent_later=partial(hosted.emulator.sent_later, hosted.state),
            )
        )
        return _json(202, {"url": callback.url})

    async def _callbacks(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del request
        provider = parameters.get("provider", "")
        limit = _whole_number(parameters, "limit", 1000)
        records = [record for record in self._world.sender.records if not provider or record.provider == provider]
        return _json(200, [callback_document(record) for record in records[-limit:]])

    async def _reset(self, request: WireRequest, parameters: Parameters) -> HttpResponse:
        del parameters
        order = _decoded(_RESET, request.body, 'an object such as {"seed": 7}') if request.body else ResetOrder()
        seed = self._world.scenarios.seed if order.seed is None else str(order.seed)
        await self._world.reset(seed)
        return _json(200, {"seed": seed})

    def _hosted(self, slug: str, pointer: str) -> Hosted:
        hosted = self._world.hosted.get(slug)
        if hosted is None:
            _refuse(pointer, f"Expected one of {', '.join(self._world.hosted)}, found {slug!r}.")
        return hosted


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem document of RFC 9457."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors}
    return HttpResponse(
        status, {"content-type": "application/problem+json", **(headers or {})}, _ENCODER.encode(document)
    )


def _json(status: int, document: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json", **(headers or {})}, _ENCODER.encode(document))


def _rule_document(active: ActiveRule) -> dict[str, Any]:
    return {"id": active.id, "hits": active.hits, **msgspec.to_builtins(active.rule)}


def _parameters(request: WireRequest) -> Parameters:
    try:
        return dict(parse_qsl(request.query, keep_blank_values=True, errors="strict"))
    except ValueError as wrong:
        raise Invalid("bad_query", f"Expected a UTF-8 query string, found {request.query!r}: {wrong}.") from wrong


def _decoded(decoder: "msgspec.json.Decoder[_T]", body: bytes, expected: str) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Invalid("bad_body", f"Expected {expected} as JSON; {wrong}.") from wrong


def _whole_number(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        _refuse(f"/{name}", f"Expected a whole number for {name}, found {text!r}.")
    return int(text)


def _phone(text: str) -> str:
    """A plus sent unescaped in a query arrives as a blank; numbers have no other use for one."""
    return f"+{text[1:]}" if text.startswith(" ") else text


def _refuse(pointer: str, detail: str) -> NoReturn:
    raise Invalid("invalid", detail, errors=[FieldError(pointer, "invalid", detail)])
