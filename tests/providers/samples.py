"""
Reads `providers/<slug>/samples/*.json` and compares what adapters make of them.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.money import Money
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import (
    Accepted,
    AccountNotice,
    AccountSettings,
    Adapter,
    Call,
    CallbackEvent,
    Inbound,
    Outgoing,
    Receipt,
    Refused,
    TemplateChange,
)
from sendyard.providers.registry import adapters
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)

Case = Mapping[str, Any]


def cases(slug: str, kind: str) -> list[Case]:
    """The cases of one file; none where there is no such file."""
    file = files(f"sendyard.providers.{slug}") / "samples" / f"{kind}.json"
    if not file.is_file():
        return []
    found: list[Case] = json.loads(file.read_text("utf-8"))
    return found


def account_of(adapter: Adapter, case: Case) -> AccountSettings:
    return adapter.Account(**case["account"])


def adapter_of(slug: str, case: Case) -> Adapter:
    """The adapter as it is opened for the account of a case."""
    registered = adapters()[slug]
    return registered.for_account(account_of(registered, case))


def call_for(slug: str, account: AccountSettings) -> Call:
    return Call(
        account=account,
        now=NOW,
        nonce="0123456789abcdef",
        exchange_id="01a1fbba-0000-7000-8000-000000000001",
        callback_url=f"https://gw.example.test/callbacks/{slug}/tok",
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def address(text: str) -> Address:
    """A number with its plus is a phone, what looks like an id of LINE is one, the rest a WhatsApp id."""
    return Address.known(text)


def content_of(given: Case) -> Content:
    """`text` (a string), `media` (a list of items, or an object with `items`), `template` or `interactive`."""
    body, title = given.get("text", given.get("body", "")), given.get("title", "")
    if template := given.get("template"):
        return TemplateRef(**{**template, "media": tuple(MediaItem(**item) for item in template.get("media", ()))})
    if interactive := given.get("interactive"):
        choices = tuple(Choice(**choice) for choice in interactive["choices"])
        return Interactive(**{**interactive, "choices": choices})
    if media := given.get("media"):
        wrapped = media if isinstance(media, dict) else {"items": media, "body": body, "title": title}
        return Media(**{**wrapped, "items": [MediaItem(**item) for item in wrapped["items"]]})
    if isinstance(body, dict):
        return Text(**body)
    return Text(body, title)


def outgoing_of(given: Case) -> Outgoing:
    return Outgoing(
        message_id=given["message_id"],
        reference=given["reference"],
        channel=Channel(given["channel"]),
        to=address(given["to"]),
        sender=given.get("sender", ""),
        content=content_of(given),
        purpose=Purpose(given.get("purpose", "transactional")),
        country=given.get("country", ""),
        registration=given.get("registration", {}),
        fallback=tuple(_fallback(one) for one in given.get("fallback", ())),
        in_reply_to=given.get("in_reply_to", ""),
        valid_until=moment(given["valid_until"]) if given.get("valid_until") else None,
    )


def _fallback(given: Any) -> tuple[Channel, Content]:
    """Either `[channel, content]` or an object with `channel` beside the content."""
    channel, content = (given["channel"], given) if isinstance(given, dict) else given
    return Channel(channel), content_of({"text": content} if isinstance(content, str) else content)


def pending_of(given: Case) -> Pending:
    return Pending(given["reference"], given["provider_ref"], address(given["to"]), moment(given["submitted_at"]))


def body_of(given: Case) -> bytes:
    """`body` in `body_encoding` (UTF-8), as JSON when it is no string, or `body_hex`."""
    if "body_hex" in given:
        return bytes.fromhex(given["body_hex"])
    body = given.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.encode(given.get("body_encoding", "utf-8"))


def response_of(given: Case) -> HttpResponse:
    return HttpResponse(given["status"], lowered(given.get("headers", {})), body_of(given))


def callback_of(given: Case) -> CallbackRequest:
    url = given["url"]
    query = given.get("query") or urlsplit(url).query
    return CallbackRequest(given.get("method", "POST"), url, query, lowered(given.get("headers", {})), body_of(given))


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def assert_same_request(built: HttpRequest, wanted: Case) -> None:
    """Equal but for the order of headers, of parameters and of JSON keys."""
    assert built.method == wanted["method"]
    split, expected = urlsplit(built.url), urlsplit(wanted["url"])
    assert split[:3] == expected[:3]
    assert _pairs(split.query) == _pairs(expected.query)
    headers = lowered(built.headers)
    assert lowered(wanted.get("headers", {})).items() <= headers.items()
    kind = headers.get("content-type", "").partition(";")[0]
    body, expected_body = built.body, body_of(wanted)
    if kind == "application/x-www-form-urlencoded":
        assert _pairs(body.decode()) == _pairs(expected_body.decode())
    elif kind == "application/json" and body:
        assert json.loads(body) == json.loads(expected_body)
    else:
        assert body == expected_body


def _pairs(text: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))


def _money(given: Case | None) -> Money | None:
    return Money(Decimal(given["amount"]), given["currency"]) if given else None


def assert_receipt(receipt: Receipt, wanted: Case) -> None:
    assert type(receipt).__name__.lower() == wanted["type"], receipt
    assert receipt.message_id == wanted["message_id"]
    if isinstance(receipt, Accepted):
        _assert_named(receipt, wanted, "provider_ref", "parts")
        if "cost" in wanted:
            assert receipt.cost == _money(wanted["cost"])
    elif isinstance(receipt, Refused):
        assert (receipt.error.kind, receipt.error.code) == (wanted["kind"], wanted["code"])
        _assert_named(receipt.error, wanted, "detail", "retry_after")
    else:
        assert receipt.reason


def assert_event(event: CallbackEvent, wanted: Case) -> None:
    """What the sample names must be so; what it leaves out may be anything. `type` is the class in lower case."""
    assert wanted.get("type", type(event).__name__.lower()) == type(event).__name__.lower()
    if isinstance(event, TemplateChange | AccountNotice):
        _assert_named(event, wanted, *(name for name in wanted if name not in {"type", "occurred_at", "detail"}))
        return
    if isinstance(event, Inbound):
        _assert_named(
            event, wanted, "sender", "sender_kind", "channel", "provider_ref", "opt_out", "profile_name", "choice"
        )
        for name in ("text", "body"):
            assert not isinstance(event.content, Text) or event.content.body == wanted.get(name, event.content.body)
        return
    _assert_named(event, wanted, "status", "raw_status", "channel", "parts", "dedupe_key")
    _assert_named(event.key, wanted, "reference", "provider_ref", "other_ref", "recipient")
    assert (event.error.kind if event.error else None) == wanted.get("kind")
    assert (event.error.code if event.error else None) == wanted.get("code")
    if "occurred_at" in wanted:
        assert event.occurred_at == (moment(wanted["occurred_at"]) if wanted["occurred_at"] else None)
    if "cost" in wanted:
        assert event.cost == _money(wanted["cost"])


def _assert_named(found: object, wanted: Case, *names: str) -> None:
    for name in names:
        if name in wanted:
            assert getattr(found, name) == wanted[name], f"{name} of {found}"


def secrets_of(account: AccountSettings) -> list[str]:
    """The secret values of an account, in clear."""
    values = [getattr(account, name) for name in type(account).model_fields]
    return [value.get_secret_value() for value in values if hasattr(value, "get_secret_value")]
