"""
What is not sending at the emulated Gupshup: templates, opt-ins, subscriptions, uploads and the Partner Portal.
"""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

import msgspec

from sendyard.domain.phone import parse_phone
from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.gupshup_whatsapp.desk import Customer, GupshupState, Template
from sendyard.providers.gupshup_whatsapp.replies import RefusedError, said
from sendyard.providers.wire import HttpResponse

_MAX_UPLOAD = 100 * 1024 * 1024
_CATEGORIES = frozenset({"AUTHENTICATION", "MARKETING", "UTILITY"})


def list_templates(customer: Customer) -> HttpResponse:
    """All templates of the app."""
    return said({"status": "success", "templates": [_record(one, customer) for one in customer.templates.values()]})


def one_template(customer: Customer, template_id: str) -> HttpResponse:
    """One of them."""
    template = customer.templates.get(template_id)
    if template is None:
        raise RefusedError(404, "Template not found")
    return said({"status": "success", "template": _record(template, customer)})


def opt(request: EmulatedRequest, customer: Customer, way: str, app: str) -> HttpResponse:
    """Mark a person's consent (`in`) or refusal (`out`); answered without a body."""
    user = _form(request).get("user", "")
    _check_app(customer, app)
    if not (user.isascii() and user.isdecimal()):
        raise RefusedError(400, "Invalid Destination")
    (customer.opt_in if way == "in" else customer.opt_out)(user)
    return HttpResponse(202)


def opted(customer: Customer, app: str) -> HttpResponse:
    """Everybody who is marked."""
    _check_app(customer, app)
    states = (("OPT_IN", customer.opted_in), ("OPT_OUT", customer.opted_out))
    users = [{**_split(phone), "optinStatus": state} for state, phones in states for phone in phones]
    return said({"status": "success", "users": users})


def _check_app(customer: Customer, app: str) -> None:
    if customer.app_name and unquote(app) != customer.app_name:
        raise RefusedError(400, "App not found")
    if customer.is_young:
        raise RefusedError(400, "App not supported")


def _split(phone: str) -> dict[str, str]:
    """A number as Gupshup writes it, its country code apart; one of no plan stays whole."""
    found = parse_phone(f"+{phone}")
    national = found.national.lstrip("0")
    if not national or not found.e164.endswith(national):
        return {"countryCode": "", "phoneCode": phone}
    return {"countryCode": found.e164[1 : -len(national)], "phoneCode": national}


def subscriptions(request: EmulatedRequest, customer: Customer) -> HttpResponse:
    """Read, set or remove the one webhook subscription."""
    if request.method == "DELETE":
        customer.callback_url = ""
        return said({"status": "success"})
    if request.method == "POST":
        form = _form(request)
        if not form.get("url", "").startswith(("https://", "http://")) or form.get("version", "2") not in {"2", "3"}:
            raise RefusedError(400, "Invalid url or version")
        customer.callback_url = form["url"]
        customer.event_version = int(form.get("version", "2"))
    active = [{"id": "1", "url": customer.callback_url, "version": customer.event_version, "active": True}]
    return said({"status": "success", "subscriptions": active if customer.callback_url else []})


def upload(request: EmulatedRequest, state: GupshupState, customer: Customer) -> HttpResponse:
    """Take a file and give its id."""
    del customer
    if len(request.body) > _MAX_UPLOAD:
        raise RefusedError(413, "File size exceeds the maximum limit!")
    if b'name="file"' not in request.body or b'name="file_type"' not in request.body:
        raise RefusedError(400, "Invalid message: file and file_type are required")
    return said({"status": "success", "mediaId": str(int(state.next_id(request.now).replace("-", ""), 16))})


def wallet(customer: Customer) -> HttpResponse:
    """The credit left."""
    balance = {"currency": "USD", "currentBalance": float(customer.credit), "overDraftLimit": 0}
    return said({"status": "success", "walletResponse": balance})


def usage(request: EmulatedRequest, customer: Customer) -> HttpResponse:
    """The month so far, as one day."""
    query = parse_qs(request.query)
    if not query.get("from") or not query.get("to"):
        raise RefusedError(400, "Invalid dates: from and to are required")
    day = {
        "appId": customer.app_id,
        "appName": customer.app_name,
        "currency": "USD",
        "date": query["to"][0],
        "incomingMsg": customer.incoming,
        "outgoingMsg": customer.outgoing,
        "totalMsg": customer.incoming + customer.outgoing,
        "totalFees": float(customer.fees),
    }
    return said({"status": "success", "partnerAppUsageList": [day]})


def waba(customer: Customer, sample: str) -> HttpResponse:
    """The state of the number."""
    info = {
        "accountStatus": "ACTIVE",
        "dockerStatus": "CONNECTED",
        "messagingLimit": "TIER_10K",
        "phone": customer.senders[0] if customer.senders else sample,
        "phoneQuality": "GREEN",
        "throughput": "STANDARD",
        "verifiedName": customer.app_name or "Emulated app",
        "wabaId": "100000000000002",
        "canSendMessage": "AVAILABLE",
    }
    return said({"status": "success", "wabaInfo": info})


def create_template(request: EmulatedRequest, state: GupshupState, customer: Customer) -> HttpResponse:
    """Take a template; it waits for WhatsApp's decision."""
    form = _form(request)
    missing = [name for name in ("elementName", "content", "category", "vertical", "example") if not form.get(name)]
    if missing:
        raise RefusedError(400, f"Invalid template: {', '.join(missing)} missing")
    if form["category"] not in _CATEGORIES:
        raise RefusedError(400, "Invalid template category provided")
    language = form.get("languageCode", "en_US")
    if any((one.element_name, one.language) == (form["elementName"], language) for one in customer.templates.values()):
        raise RefusedError(400, "Template Already exists with same namespace and elementName and languageCode")
    template = Template(
        id=state.next_id(request.now),
        element_name=form["elementName"],
        body=form["content"],
        language=language,
        status="PENDING",
        category=form["category"],
        kind=form.get("templateType", "TEXT"),
        header=form.get("header", ""),
        footer=form.get("footer", ""),
        buttons=_buttons(form.get("buttons", "[]")),
        created_on=int(request.now.timestamp() * 1000),
    )
    customer.templates[template.id] = template
    return said({"status": "success", "template": _record(template, customer)})


def _buttons(text: str) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(text, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise RefusedError(400, "Invalid template: buttons are no JSON") from None


def _form(request: EmulatedRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _record(template: Template, customer: Customer) -> dict[str, Any]:
    further = {"header": template.header, "footer": template.footer, "buttons": template.buttons}
    present = {name: value for name, value in further.items() if value}
    container = {"appId": customer.app_id, "data": template.body, **present}
    record = {
        "id": template.id,
        "appId": customer.app_id,
        "elementName": template.element_name,
        "languageCode": template.language,
        "status": template.status,
        "category": template.category,
        "templateType": template.kind,
        "data": template.body,
        "containerMeta": msgspec.json.encode(container).decode(),
        "vertical": template.element_name,
        "createdOn": template.created_on,
        "modifiedOn": template.created_on,
        "namespace": "emulated",
    }
    return {**record, "reason": template.reason} if template.reason else record
