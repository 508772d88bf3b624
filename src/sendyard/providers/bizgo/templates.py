"""
The templates of one Kakao channel: AlimTalk with their texts, brand messages by their codes alone.

Source: the operations `alimtalk.templates` and `brandMessage.templates` of `bizgo-sdk-comm` 1.2.0.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.bizgo.answers import Envelope, payload, read, refusal
from sendyard.providers.bizgo.codes import NO_PERMISSION
from sendyard.providers.bizgo.extras import SENDER_KEY
from sendyard.providers.bizgo.places import matches, names_in
from sendyard.providers.bizgo.reports import word
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Problem, TemplateState
from sendyard.providers.wire import HttpResponse

PAGE: Final = 100
_ALIMTALK, _BRANDMESSAGE = "alimtalk", "brandmessage"
_INSPECTION = {
    "REG": TemplateState.DRAFT,
    "REQ": TemplateState.PENDING,
    "APR": TemplateState.APPROVED,
    "REJ": TemplateState.REJECTED,
}
_BRAND_STATUS = {"A": TemplateState.APPROVED, "S": TemplateState.DISABLED}
_OF_MESSAGE = ("msgType", "title", "header", "link", "attachment", "supplement")
"""Fields a message must repeat as the template has them when its whole text is sent (report codes 63027, 63028)."""


class KakaoTemplate(msgspec.Struct, rename="camel"):
    """One template as BizGO lists it; `attachment`, `link` and `supplement` have the form of a message's."""

    sender_key: str | None = None
    template_code: str | None = None
    template_name: str | None = None
    msg_type: str | None = None
    text: str | None = None
    title: str | None = None
    sub_title: str | None = None
    header: str | None = None
    img_url: str | None = None
    link: Any = None
    attachment: Any = None
    supplement: Any = None
    category_code: str | None = None
    inspection_status: str | None = None
    status: str | None = None
    block: Any = None
    dormant: Any = None
    comments: list[Any] | None = None


class _Listed(msgspec.Struct):
    templates: list[KakaoTemplate] | None = None


class _Page(msgspec.Struct):
    alimtalk: _Listed | None = None
    brandmessage: _Listed | None = None


_PAGE = msgspec.json.Decoder(Envelope[_Page])
_encode = msgspec.json.Encoder().encode


def list_path(account: BizgoAccount, cursor: str) -> str:
    """Path and query of one page; AlimTalk's come first. Raises AppError `Invalid` without a Kakao channel."""
    if not account.sender_key:
        raise Invalid(
            "sender_key_missing",
            "Templates belong to a Kakao channel: enter its sender key (발신프로필 키) with the account first.",
        )
    kind, _, offset = (cursor or f"{_ALIMTALK}:0").partition(":")
    query = urlencode({"senderKey": account.sender_key, "offset": offset, "limit": PAGE})
    return f"/v1/center/{kind}/template/list?{query}"


def read_page(cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
    """Read one page; a page that is not full is the last of its kind. Raises ProtocolError."""
    kind, _, offset = (cursor or f"{_ALIMTALK}:0").partition(":")
    envelope = read(_PAGE, response)
    error = refusal(envelope, response)
    if error is not None:
        # Brand messages are a contract of their own; those without it still have AlimTalk's templates.
        return TemplatePage(()) if kind == _BRANDMESSAGE and error.code == NO_PERMISSION else error
    page = payload(envelope)
    listed = page.brandmessage if kind == _BRANDMESSAGE else page.alimtalk
    rows = (listed.templates if listed else None) or []
    value = _brandmessage if kind == _BRANDMESSAGE else alimtalk_template
    found = [value(row) for row in rows if row.template_code]
    if len(rows) >= PAGE:
        return TemplatePage(found, f"{kind}:{int(offset) + len(rows)}")
    return TemplatePage(found, f"{_BRANDMESSAGE}:0" if kind == _ALIMTALK else "")


def alimtalk_template(given: KakaoTemplate) -> ProviderTemplate:
    """Translate one AlimTalk template; `registration` carries what a message must repeat beside the text."""
    blocked = "blocked" if word(given.block).lower() == "true" else ""
    state = _INSPECTION.get(given.inspection_status or "", TemplateState.UNMAPPED)
    if blocked:
        state = TemplateState.DISABLED
    elif word(given.dormant).lower() == "true":
        state = TemplateState.PAUSED
    code, body = given.template_code or "", given.text or ""
    attachment = given.attachment if isinstance(given.attachment, dict) else {}
    listed = attachment.get("button")
    buttons = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    fields = {name: getattr(given, _python(name)) for name in _OF_MESSAGE}
    texts = {name: value if isinstance(value, str) else _json(value) for name, value in fields.items() if value}
    places = [body, given.title or "", given.header or "", _json(attachment), _json(given.link or {})]
    return ProviderTemplate(
        name=code,
        state=state,
        language="ko",
        category=given.category_code or "",
        provider_ref=code,
        raw_state=blocked or given.inspection_status or "",
        body=body,
        header=given.title or given.header or "",
        header_format="image" if given.img_url else "text" if given.title or given.header else "",
        footer=given.sub_title or "",
        buttons=tuple(_button(entry) for entry in buttons),
        variables=tuple(dict.fromkeys(name for text in places for name in names_in(text))),
        reason=_last_comment(given.comments or ()) if state is TemplateState.REJECTED else "",
        registration={
            **({SENDER_KEY: given.sender_key} if given.sender_key else {}),
            **{f"{_ALIMTALK}.{name}": text for name, text in texts.items() if text != "AT"},
        },
    )


def _brandmessage(given: KakaoTemplate) -> ProviderTemplate:
    status = given.status or ""
    return ProviderTemplate(
        name=given.template_code or "",
        state=_BRAND_STATUS.get(status, TemplateState.UNMAPPED),
        language="ko",
        category=_BRANDMESSAGE,
        provider_ref=given.template_code or "",
        raw_state=status,
        registration={SENDER_KEY: given.sender_key} if given.sender_key else {},
    )


def _button(entry: dict[str, Any]) -> TemplateButton:
    kind = "url" if entry.get("type") in {"WL", "AL"} else "phone" if entry.get("telNumber") else "quick_reply"
    address = entry.get("urlMobile") or entry.get("urlPc")
    return TemplateButton(kind, word(entry.get("name")), word(address), word(entry.get("telNumber")))


def _last_comment(comments: Sequence[Any]) -> str:
    # `content` is Kakao's name for the inspector's words; BizGO's description leaves it out.
    return next(
        (word(one["content"]) for one in reversed(comments) if isinstance(one, dict) and one.get("content")), ""
    )


def _python(name: str) -> str:
    return "msg_type" if name == "msgType" else name


def _json(value: Any) -> str:
    return _encode(value).decode()


def unfitting(template: ProviderTemplate, wanted: TemplateRef) -> list[Problem]:
    """
    Compare the rendered text with the approved one: Kakao fails every difference outside the variables (63016).

    Without a rendered text BizGO fills in the template itself, so nothing can differ.
    """
    if not wanted.body or not template.body or matches(template.body, wanted.body):
        return []
    detail = (
        f"The text differs from the approved template {template.name!r}; only its variables may change. Correct the "
        "text, or have the new one approved."
    )
    return [Problem("template_text_differs", detail)]
