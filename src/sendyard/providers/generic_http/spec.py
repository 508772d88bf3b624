"""
What a carrier of your own can do at most: an account's settings say which of it there is. Data only.
"""

from sendyard.domain.channels import Channel
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.generic_http.codes import CODES
from sendyard.providers.spec import (
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

__all__ = ["SPEC", "GenericHttpAccount"]

SPEC = ProviderSpec(
    slug="generic_http",
    name="Generic HTTP",
    channels=frozenset({Channel.SMS}),
    batch=Batch(limit=1),
    address_format=AddressFormat.E164,
    text=TextRules(counting=Counting.GSM),
    # Nothing is known of carriers in general: no promise to send a repeated request only once.
    reference=ReferenceRules(accepted=True),
    rate=Rate(per_second=10, unit=RateUnit.REQUEST, open_requests=10),
    # The least an account may have; its settings can ask for a signature or a shared secret.
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://www.rfc-editor.org/rfc/rfc9110.html#name-status-codes",
        "https://www.rfc-editor.org/rfc/rfc7617.html",
        "https://url.spec.whatwg.org/#application/x-www-form-urlencoded",
    ),
)
