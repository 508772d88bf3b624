"""
"Test connection": a page of templates, which needs the same key and plan as a send, and costs nothing.
"""

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import ProbeResult
from sendyard.providers.interakt.catalogue import list_request, read_page
from sendyard.providers.interakt.spec import SPEC, InteraktAccount
from sendyard.providers.wire import HttpRequest, HttpResponse


def probe_request(account: InteraktAccount) -> HttpRequest:
    """The first page of approved templates."""
    return list_request(account, offset="0", approval_status="APPROVED", language="all")


def read_probe(account: InteraktAccount, response: HttpResponse) -> ProbeResult:
    """Say whether the key works, and what else is missing. Raises ProtocolError."""
    found = read_page("", response)
    if isinstance(found, ProviderError):
        known = SPEC.codes[found.code]
        where = f" Asked was {account.base_url}." if found.kind is ErrorKind.UNSUPPORTED else ""
        detail = f"Interakt refuses: {found.detail.rstrip('.')}. {known.advice}{where}"
        return ProbeResult(ok=False, detail=detail, error=found)
    count = len(found.templates)
    secret = account.webhook_secret
    signed = (
        ""
        if secret and secret.get_secret_value()
        else " No webhook secret is entered, so reports and replies will not be believed: set one in Interakt, "
        "Settings, Developer Settings, Webhook, and here."
    )
    some = f"at least {count}" if found.cursor else str(count)
    detail = f"The API key works; {some} approved template{'' if some == '1' else 's'} can be sent.{signed}"
    return ProbeResult(ok=True, detail=detail, facts={"templates": str(count)})
