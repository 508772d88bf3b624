"""
What India's registry refuses stays refused: no other account may carry the same ids, and no provider hides that.
"""

import pytest

from sendyard.delivery.policy import RULES
from sendyard.domain.errors import ErrorKind
from sendyard.providers.registry import SLUGS, adapters

INDIAN = [slug for slug in SLUGS if "IN" in adapters()[slug].spec.home | adapters()[slug].spec.countries]

REFUSED_BY_THE_REGISTRY = {
    "msg91": (
        *("600", "601", "602", "603", "604", "605", "610", "611", "612", "613", "614", "615", "616", "617", "618"),
        *("620", "621", "622", "623", "624", "625", "630", "631", "632", "634", "636", "637", "683", "687"),
        *("801", "802", "803", "804", "SENDER-NOT-MATCHED", "HEADER-NOT-REGISTERED", "SNDR-NT-REG", "SNDR-INACTVE"),
    ),
    "twofactor": (
        *("dlt_mismatch", "INVALID-TEMPLATE", "TEMPLATE-INACTIVE", "TEMPLATE-BLACKLISTED", "SENDER-NOT-MATCHED"),
        *("HEADER-NOT-REGISTERED", "SNDR-NT-REG", "SNDR-INACTVE"),
    ),
    "fast2sms": ("500", "dlt_registration"),
    "kaleyra": ("field:template_id", "TEMPLATE-NOT-FOUND", "SNDRID-NOT-ALLOTED"),
}
REFUSED_FOR_ITS_TEXT = {
    "msg91": ("633", "635", "666", "DLT-CNT-REJECT", "REJECTED-MULTIPART"),
    "twofactor": ("DLT-CNT-REJECT", "TEMPLATE-NOT-MATCHED", "TEMPLATE-VARIABLE-EXCEEDED-MAX-LENGTH"),
    "fast2sms": ("426", "dlt_text"),
    "kaleyra": ("INV-TEMPLATE-MATCH", "REJECTED-MULTIPART"),
}
# What a provider has not approved itself may well be approved at another one.
REFUSED_BY_THE_PROVIDER = {
    "msg91": ("203", "211"),
    "twofactor": ("unknown_template", "unknown_sender"),
    "fast2sms": ("406", "424", "425"),
    "gupshup_sms": ("108",),
    "kaleyra": ("field:sender", "SENDER-ID-NOT-FOUND"),
}


@pytest.mark.parametrize(
    ("table", "kind", "goes_on"),
    [
        (REFUSED_BY_THE_REGISTRY, ErrorKind.REGISTRY_REFUSED, False),
        (REFUSED_FOR_ITS_TEXT, ErrorKind.CONTENT_REJECTED, False),
        (REFUSED_BY_THE_PROVIDER, ErrorKind.NOT_REGISTERED, True),
    ],
    ids=["registry", "text", "provider"],
)
def test_only_what_the_provider_itself_refuses_may_go_to_another_account(
    table: dict[str, tuple[str, ...]], kind: ErrorKind, goes_on: bool
) -> None:
    found = {(slug, code): adapters()[slug].spec.meaning(code) for slug, codes in table.items() for code in codes}
    assert {place: meaning for place, meaning in found.items() if meaning is not kind} == {}
    assert (RULES[kind].same_route, RULES[kind].next_route) == (False, goes_on)


@pytest.mark.parametrize("slug", INDIAN)
def test_nobody_on_a_do_not_disturb_list_is_written_to_by_another_way(slug: str) -> None:
    codes = adapters()[slug].spec.codes
    told = {
        code: known.meaning for code, known in codes.items() if "DND" in code or "NDNC" in f"{code} {known.wording}"
    }
    assert all(isinstance(kind, ErrorKind) and not RULES[kind].next_route for kind in told.values()), told
