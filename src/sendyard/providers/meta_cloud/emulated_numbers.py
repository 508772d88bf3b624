"""
Numbers and accounts at the emulated Meta: health, profile, registration, subscribed apps (sheet, section 2).
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.meta_cloud.emulated_errors import RefusedError, as_json
from sendyard.providers.meta_cloud.emulated_intake import document_of
from sendyard.providers.meta_cloud.emulated_state import Number, State, trim
from sendyard.providers.wire import HttpResponse

_DONE = {"success": True}
_PROFILE = ("about", "address", "description", "email", "websites", "vertical", "profile_picture_url")
_PIN = re.compile(r"[0-9]{6}")


def describe(number: Number, query: str) -> dict[str, Any]:
    """A number as `fields` asks for it."""
    whole: dict[str, Any] = {
        "verified_name": "Sample Shop",
        "code_verification_status": "VERIFIED",
        "display_phone_number": f"+{number.display}",
        "quality_rating": number.quality,
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if number.per_second >= 1000 else "STANDARD"},
        "name_status": "APPROVED",
        "status": "CONNECTED",
        "account_mode": "LIVE",
        "whatsapp_business_manager_messaging_limit": number.tier,
        "health_status": {
            "can_send_message": number.health,
            "entities": [
                {"entity_type": "PHONE_NUMBER", "id": number.id, "can_send_message": number.health},
                # An unregistered number belongs to whatever account is asked with.
                *(
                    [{"entity_type": "WABA", "id": number.waba_id, "can_send_message": "AVAILABLE"}]
                    if number.waba_id
                    else []
                ),
            ],
        },
        "id": number.id,
    }
    fields = dict(parse_qsl(query)).get("fields", ",".join(list(whole)[:6]))
    return {name: value for name, value in whole.items() if name == "id" or name in fields.split(",")}


def profile(request: EmulatedRequest, state: State, number: Number) -> Handled:
    """The business profile: read, or changed in part."""
    kept = state.profiles.setdefault(number.id, {"messaging_product": "whatsapp", "vertical": "UNDEFINED"})
    trim(state.profiles)
    if request.method == "GET":
        return Handled(as_json({"data": [kept]}))
    given = document_of(request.body)
    kept.update({name: given[name] for name in _PROFILE if name in given})
    return Handled(as_json(_DONE))


def register(request: EmulatedRequest, state: State, number: Number) -> Handled:
    """Register the number for the Cloud API; takes any PIN of six digits."""
    del state
    pin = document_of(request.body).get("pin")
    if not isinstance(pin, str) or not _PIN.fullmatch(pin):
        raise RefusedError("133005", f"Expected a PIN of six digits for {number.id}.")
    return Handled(as_json(_DONE))


def list_numbers(request: EmulatedRequest, waba_id: str, state: State, numbers: list[Number]) -> HttpResponse:
    """The numbers that the token may see."""
    del waba_id, state
    return as_json({"data": [describe(number, request.query) for number in numbers]})


def subscription(request: EmulatedRequest, waba_id: str, state: State, numbers: list[Number]) -> HttpResponse:
    """Apps that get the webhooks of the account."""
    del numbers
    if request.method == "GET":
        apps = [{"whatsapp_business_api_data": {"id": "1", "name": "Sample app"}}]
        return as_json({"data": apps if state.subscribed.get(waba_id) else []})
    state.subscribed[waba_id] = request.method == "POST"
    trim(state.subscribed)
    return as_json(_DONE)
