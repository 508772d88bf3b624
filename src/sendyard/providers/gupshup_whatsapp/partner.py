"""
What only Gupshup's Partner Portal tells: credit, usage, the state of the number; and uploads.

Sources: partner-docs.gupshup.io/reference/get_partner-app-appid-wallet-balance, …-usage, getwabahealth,
post_partner-app-appid-media. All of them want the app's access token.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import MediaFile, ProviderSender, UploadedMedia
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.gupshup_whatsapp.answers import decode, error_of
from sendyard.providers.gupshup_whatsapp.spec import GupshupWhatsappAccount, partner_url
from sendyard.providers.wire import HttpRequest, HttpResponse

MAX_UPLOAD = 100 * 1024 * 1024
_UPLOADABLE = frozenset({"audio", "image", "video", "application", "text"})


class _Wallet(msgspec.Struct, frozen=True):
    currentBalance: Decimal  # noqa: N815 - the name on the wire
    currency: str = "USD"


class _Balance(msgspec.Struct, frozen=True):
    walletResponse: _Wallet  # noqa: N815 - the name on the wire


class _Day(msgspec.Struct, frozen=True):
    currency: str = ""
    totalMsg: int = 0  # noqa: N815 - the names on the wire
    incomingMsg: int = 0  # noqa: N815
    outgoingMsg: int = 0  # noqa: N815
    totalFees: Decimal = Decimal(0)  # noqa: N815


class _Usage(msgspec.Struct, frozen=True):
    partnerAppUsageList: list[_Day]  # noqa: N815 - the name on the wire


class _Waba(msgspec.Struct, frozen=True):
    phone: str
    verifiedName: str = ""  # noqa: N815 - the names on the wire
    accountStatus: str = ""  # noqa: N815
    dockerStatus: str = ""  # noqa: N815
    messagingLimit: str = ""  # noqa: N815
    phoneQuality: str = ""  # noqa: N815
    throughput: str = ""
    canSendMessage: str = ""  # noqa: N815


class _Health(msgspec.Struct, frozen=True):
    wabaInfo: _Waba  # noqa: N815 - the name on the wire


class _Media(msgspec.Struct, frozen=True):
    mediaId: str  # noqa: N815 - the name on the wire


# Amounts are numbers or texts, depending on the page.
_balance = msgspec.json.Decoder(_Balance, strict=False)
_usage = msgspec.json.Decoder(_Usage, strict=False)
_health = msgspec.json.Decoder(_Health)
_media = msgspec.json.Decoder(_Media)


def partner_request(account: GupshupWhatsappAccount, method: str, path: str, body: bytes = b"") -> HttpRequest:
    """
    Build a call to the Partner Portal; `path` follows the app's own.

    Raises:
        Invalid: the account has no partner token.
    """
    if account.partner_token is None:
        raise Invalid(
            "partner_token_missing",
            "Gupshup tells this to customers of its Partner Portal only: enter the app's access token (sk_…) as "
            "partner app token, or look it up in Gupshup's console.",
        )
    headers = {"authorization": account.partner_token.get_secret_value(), "accept": "application/json"}
    if body:
        headers["content-type"] = "application/x-www-form-urlencoded"
    return HttpRequest(method, f"{partner_url(account.base_url)}/partner/app/{account.app_id}{path}", headers, body)


def read_balance(response: HttpResponse) -> Money | ProviderError:
    """Read the wallet. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    wallet = decode(_balance, response.body, "walletResponse").walletResponse
    if not wallet.currentBalance.is_finite():
        raise ProtocolError(f"expected an amount as currentBalance, found {wallet.currentBalance}")
    return Money(wallet.currentBalance, wallet.currency)


def usage_path(call: Call) -> str:
    """Name the present month, from its first day to today."""
    return f"/usage?from={call.now:%Y-%m}-01&to={call.now:%Y-%m-%d}"


def read_usage(response: HttpResponse) -> Mapping[str, str] | ProviderError:
    """Add up the days. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    days = decode(_usage, response.body, "partnerAppUsageList").partnerAppUsageList
    fees = [day.totalFees for day in days]
    if not all(fee.is_finite() for fee in fees):
        raise ProtocolError("expected amounts as totalFees, found one that is none")
    return {
        "used": str(sum(day.totalMsg for day in days)),
        "outgoing": str(sum(day.outgoingMsg for day in days)),
        "incoming": str(sum(day.incomingMsg for day in days)),
        "fees": str(sum(fees, Decimal(0))),
        "currency": next((day.currency for day in days if day.currency), "USD"),
    }


def read_senders(response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
    """Read the one number of the app, with its quality and limit. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    waba = decode(_health, response.body, "wabaInfo").wabaInfo
    facts = {
        "quality": waba.phoneQuality,
        "messaging_limit": waba.messagingLimit,
        "throughput": waba.throughput,
        "connection": waba.dockerStatus,
        "account": waba.accountStatus,
        "can_send": waba.canSendMessage,
    }
    usable = waba.canSendMessage != "BLOCKED" and waba.accountStatus != "BANNED"
    number = waba.phone.removeprefix("+")
    told = {name: value for name, value in facts.items() if value}
    return [ProviderSender(number, waba.verifiedName, (Channel.WHATSAPP,), usable, told)]


def upload_request(call: Call, account: GupshupWhatsappAccount, file: MediaFile) -> HttpRequest:
    """
    Build the upload: at the Partner Portal with its token, else at the self-serve interface.

    Raises:
        Invalid: the file is empty, too large, or of a type WhatsApp does not take.
    """
    if not 0 < len(file.data) <= MAX_UPLOAD or file.content_type.partition("/")[0] not in _UPLOADABLE:
        detail = f"Gupshup takes files of up to 100 MB, images, sound, video and documents; found {file.content_type}"
        raise Invalid("file_unusable", f"{detail} of {len(file.data)} bytes.")
    boundary = f"----sendyard{call.nonce}"
    name = file.filename.translate({34: "_", 13: "_", 10: "_", 92: "_"})
    body = b"".join(
        (
            f'--{boundary}\r\ncontent-disposition: form-data; name="file_type"\r\n\r\n{file.content_type}\r\n'.encode(),
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'.encode(),
            f"content-type: {file.content_type}\r\n\r\n".encode(),
            file.data,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    form = f"multipart/form-data; boundary={boundary}"
    if account.partner_token is None:
        headers = {"apikey": account.api_key.get_secret_value(), "content-type": form}
        return HttpRequest("POST", f"{account.base_url}/wa/{account.app_id}/wa/media/", headers, body)
    built = partner_request(account, "POST", "/media", body)
    return HttpRequest(built.method, built.url, {**built.headers, "content-type": form}, body)


def read_upload(response: HttpResponse) -> UploadedMedia | ProviderError:
    """Read the id; Gupshup keeps files for 30 days from now on. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        return error_of(response)
    media = decode(_media, response.body, "mediaId")
    if not media.mediaId:
        raise ProtocolError("expected a mediaId, found an empty one")
    return UploadedMedia(media.mediaId)
