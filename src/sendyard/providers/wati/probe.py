"""
"Test connection", and which channels a workspace has.

Sources: https://docs.wati.io/reference (v3 `GET /channels`); v1 and v2 are asked for one template.
"""

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import ProbeResult, ProviderSender
from sendyard.providers.contract import ProtocolError
from sendyard.providers.wati.answers import decode, error_of
from sendyard.providers.wati.catalogue import list_request, read_page
from sendyard.providers.wati.door import door_of
from sendyard.providers.wati.spec import SPEC, WatiAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

_OLDER = {"v3": "v2", "v2": "v1"}


class _ChannelItem(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    channel: str | None = None


class _Channels(msgspec.Struct):
    channels: list[_ChannelItem]


_channels = msgspec.json.Decoder(_Channels)


def senders_request(account: WatiAccount) -> HttpRequest:
    """The list exists in v3 only."""
    door = door_of(account)
    return HttpRequest("GET", f"{door.v3}/channels", door.reading)


def read_senders(response: HttpResponse) -> list[ProviderSender] | ProviderError:
    """The channels; each is named by its number, or by its name where it has none. Raises ProtocolError."""
    if response.status != 200:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected channels from WATI, found HTTP {response.status}")
    found = decode(_channels, response, "channels").channels
    return [
        ProviderSender(sender, one.name or "", (Channel.WHATSAPP,), facts={"id": one.id or ""})
        for one in found
        if (sender := one.channel or one.name or one.id)
    ]


def probe_request(account: WatiAccount) -> HttpRequest:
    """A call that costs nothing, in the generation this account is set to."""
    return senders_request(account) if account.api_version == "v3" else list_request(account, "", page_size=1)


def read_probe(account: WatiAccount, response: HttpResponse) -> ProbeResult:
    """Say which value is wrong, or which generation to choose. Raises ProtocolError."""
    version = account.api_version
    found = read_senders(response) if version == "v3" else read_page("", response)
    facts: dict[str, str] = {"api_version": version}
    if isinstance(found, ProviderError):
        older = _OLDER.get(version, "") if found.kind is ErrorKind.UNSUPPORTED else ""
        return ProbeResult(
            ok=False,
            detail=_explain(account, found, older),
            facts={"try_api_version": older} if older else {},
            error=found,
        )
    if isinstance(found, list):
        facts["channels"] = ", ".join(one.sender for one in found)
        if len(found) > 1:
            detail = (
                f"The token works with {version}. The workspace has {len(found)} channels ({facts['channels']}): "
                "give each message its sender, else WATI's default number sends."
            )
            return ProbeResult(ok=True, detail=detail, facts=facts)
    return ProbeResult(ok=True, detail=f"The token works with API generation {version}.", facts=facts)


def _explain(account: WatiAccount, error: ProviderError, older: str) -> str:
    if older:
        return (
            f"{account.base_url} does not serve API generation {account.api_version}: "
            f"set the account's API generation to {older} and test again."
        )
    if error.kind is ErrorKind.UNSUPPORTED:
        return (
            f"{account.base_url} serves none of WATI's API generations: copy the API Endpoint again from WATI, "
            "Connector, API; it ends with your tenant number."
        )
    known = SPEC.codes[error.code]
    return f"WATI refuses: {error.detail.rstrip('.')}. {known.advice}"
