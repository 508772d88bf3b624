"""
Phone numbers and their health: the connection test, the list of senders, quality and messaging limit.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits. The messaging
limit counts the different people a whole business portfolio may write to first within 24 hours.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import ProbeResult, ProviderSender
from sendyard.providers.contract import ProtocolError
from sendyard.providers.meta_cloud.answers import result_of
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.spec import PEOPLE_PER_DAY, SPEC, MetaCloudAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

LIMITS: Mapping[str, str] = {
    **{tier: str(people) for tier, people in PEOPLE_PER_DAY.items()},
    "TIER_UNLIMITED": "unlimited",
}
"""People a portfolio may write to first within 24 hours, by Meta's word."""

_TIERS = {people: tier for tier, people in LIMITS.items()}
_TELL_LIMIT = ("limit", "max_daily_conversations_per_business", "current_limit")
_SPEEDS = {"STANDARD": "80", "HIGH": "1000"}
_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,code_verification_status,name_status,status,throughput,"
    "platform_type,account_mode,whatsapp_business_manager_messaging_limit"
)
_HEALTH_FIELDS = f"{_FIELDS},health_status"


class _Throughput(msgspec.Struct, frozen=True):
    level: str | None = None


class _Trouble(msgspec.Struct, frozen=True):
    error_code: int | str | None = None
    error_description: str | None = None
    possible_solution: str | None = None


class _Entity(msgspec.Struct, frozen=True):
    entity_type: str | None = None
    id: str | None = None
    can_send_message: str | None = None
    errors: list[_Trouble] | None = None


class _Health(msgspec.Struct, frozen=True):
    can_send_message: str | None = None
    entities: list[_Entity] | None = None


class _Number(msgspec.Struct, frozen=True):
    id: str
    display_phone_number: str | None = None
    verified_name: str | None = None
    quality_rating: str | None = None
    code_verification_status: str | None = None
    name_status: str | None = None
    status: str | None = None
    platform_type: str | None = None
    account_mode: str | None = None
    throughput: _Throughput | None = None
    whatsapp_business_manager_messaging_limit: str | None = None
    messaging_limit_tier: str | None = None  # the old field, of the number itself
    health_status: _Health | None = None


class _Numbers(msgspec.Struct, frozen=True):
    data: list[_Number]


_number = msgspec.json.Decoder(_Number)
_numbers = msgspec.json.Decoder(_Numbers)


def limit_of(tier: str) -> str:
    """A number of people, `unlimited`, or Meta's own word where it is a new one."""
    return LIMITS.get(tier.upper(), tier)


def learned_limit(account: MetaCloudAccount, facts: Mapping[str, str]) -> Mapping[str, str]:
    """
    The messaging limit that a notice or the number itself tells, if it is another than the account's.

    A tier that is new to us is given as Meta names it, though the account cannot hold it: whoever asks says so.
    """
    told = [facts[name] for name in _TELL_LIMIT if name in facts]
    known = (_TIERS[limit] for limit in told if limit in _TIERS)
    tier = next(known, None) or next((limit for limit in told if limit.startswith("TIER_")), "")
    return {"messaging_limit": tier} if tier and tier != account.messaging_limit else {}


def portfolio_of(account: MetaCloudAccount) -> str:
    """
    What accounts share whose messaging limit is one: the WhatsApp Business Account, which is of one portfolio.

    Several of them may belong to the same portfolio; no setting says so.
    """
    return f"{account.base_url} {account.waba_id}"


def health_request(account: MetaCloudAccount) -> HttpRequest:
    """Read the number: proves token, permission and id, and costs nothing."""
    door = door_of(account)
    return HttpRequest("GET", f"{door.root}/{account.phone_number_id}?fields={_HEALTH_FIELDS}", door.reading)


def senders_request(account: MetaCloudAccount) -> HttpRequest:
    """List the numbers of the WhatsApp Business Account."""
    door = door_of(account)
    return HttpRequest("GET", f"{door.root}/{account.waba_id}/phone_numbers?fields={_FIELDS}", door.reading)


def read_probe(account: MetaCloudAccount, response: HttpResponse) -> ProbeResult:
    """Say whether messages can leave, and if not what to do where. Raises ProtocolError."""
    number = result_of(_number, response, "a phone number")
    if isinstance(number, ProviderError):
        known = SPEC.codes.get(number.code)
        advice = f" {known.advice}" if known and known.advice else ""
        return ProbeResult(ok=False, detail=f"Meta answered: {number.detail.rstrip('.')}.{advice}", error=number)
    facts = _facts(number)
    health = number.health_status or _Health()
    entities = health.entities or []
    owner = next((entity.id for entity in entities if entity.entity_type == "WABA" and entity.id), account.waba_id)
    if owner != account.waba_id:
        detail = (
            f"The token works, but this phone number ID belongs to the WhatsApp Business Account {owner}: correct the "
            "WhatsApp Business Account ID (app dashboard, WhatsApp, API setup)."
        )
        return ProbeResult(ok=False, detail=detail, facts=facts)
    named = " ".join(filter(None, (number.verified_name, number.display_phone_number)))
    troubles = "".join(f" {one}" for one in _troubles(entities))
    if health.can_send_message == "BLOCKED":
        detail = f"The token works, but Meta lets no message leave from {named or number.id}.{troubles}"
        return ProbeResult(ok=False, detail=detail, facts=facts)
    limited = " Meta limits it at present." if health.can_send_message == "LIMITED" else ""
    return ProbeResult(ok=True, detail=f"The token may use {named or number.id}.{limited}{troubles}", facts=facts)


def _troubles(entities: Sequence[_Entity]) -> Iterator[str]:
    for entity in entities:
        for trouble in entity.errors or ():
            said = filter(None, (trouble.error_description, trouble.possible_solution))
            yield f"{entity.entity_type} {trouble.error_code}: {'; '.join(said)}."


def read_senders(response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
    """Read the numbers; each is a sender by its id. Raises ProtocolError."""
    found = result_of(_numbers, response, "a list of phone numbers")
    if isinstance(found, ProviderError):
        return found
    if not all(number.id for number in found.data):
        raise ProtocolError("expected an id with each phone number, found an empty one")
    return [
        ProviderSender(
            number.id,
            " ".join(filter(None, (number.verified_name, number.display_phone_number))),
            (Channel.WHATSAPP,),
            usable=(number.status or "CONNECTED") == "CONNECTED",
            facts=_facts(number),
        )
        for number in found.data
    ]


def read_usage(response: HttpResponse) -> Mapping[str, str] | ProviderError:
    """Read limit, quality and speed; how much of the limit is used Meta does not tell. Raises ProtocolError."""
    found = result_of(_number, response, "a phone number")
    return found if isinstance(found, ProviderError) else _facts(found)


def _facts(number: _Number) -> dict[str, str]:
    tier = number.whatsapp_business_manager_messaging_limit or number.messaging_limit_tier or ""
    throughput = (number.throughput.level if number.throughput else "") or ""
    facts = {
        "number": number.display_phone_number,
        "name": number.verified_name,
        "quality": (number.quality_rating or "").lower(),
        "limit": limit_of(tier),
        "limit_period": "24 hours, people written to first, whole business portfolio" if tier else "",
        "throughput": throughput,
        "messages_per_second": _SPEEDS.get(throughput),
        "status": number.status,
        "name_status": number.name_status,
        "verification": number.code_verification_status,
        "platform": number.platform_type,
        "mode": number.account_mode,
        "can_send": number.health_status.can_send_message if number.health_status else "",
    }
    return {name: value for name, value in facts.items() if value}
