"""
What a workspace has told us about itself that the rules of countries ask for: its names, senders, registrations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sendyard.domain.countries.situation import Allowed, DltIds, Options, RegisteredTemplate, Sender


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The facts of one workspace, as they were at a revision.

    Attributes:
        revision: grows with each change of any fact; what was worked out from older facts is to be worked out anew.
        home_zone: the workspace's own time zone, an IANA name.
        business: the name people know it by, "" when nobody has said; for senders that have no name of their own.
        contact: where questions go, for senders that name nothing else.
        opt_out_number: Korea's free 080 number, for senders that have none of their own.
        senders: by (account id, sender as the provider writes it); the account "" speaks for every account.
        dlt: our ids in India by account id; "" speaks for every account.
        allowed: registered addresses and numbers.
        options: figures our sources leave open.
        templates: texts registered at India's DLT portals, by the portal's id.
        waived: ids of rules set aside, by campaign; those under "" hold for the whole workspace. What has run out or
            was withdrawn is not in it.
    """

    revision: int = 0
    home_zone: str = "UTC"
    business: str = ""
    contact: str = ""
    opt_out_number: str = ""
    senders: Mapping[tuple[str, str], Sender] = field(default_factory=dict)
    dlt: Mapping[str, DltIds] = field(default_factory=dict)
    allowed: Allowed = field(default_factory=Allowed)
    options: Options = field(default_factory=Options)
    templates: Mapping[str, RegisteredTemplate] = field(default_factory=dict)
    waived: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def sender(self, account_id: str, value: str) -> Sender:
        """Give what is known of a sender; gaps are filled from the workspace's own names."""
        own = self.senders.get((account_id, value)) or self.senders.get(("", value)) or Sender(value)
        if own.business and own.contact and own.opt_out_number:
            return own
        return Sender(
            own.value,
            own.business or self.business,
            own.identity_words,
            own.contact or self.contact,
            own.opt_out_number or self.opt_out_number,
            own.registration,
            own.receives_replies,
        )

    def dlt_ids(self, account_id: str) -> DltIds:
        """Give our ids in India as an account uses them."""
        return self.dlt.get(account_id) or self.dlt.get("") or DltIds()

    def set_aside(self, campaign_id: str = "") -> frozenset[str]:
        """Give the rules set aside for a campaign and for the whole workspace; "" asks for the latter alone."""
        everywhere = self.waived.get("", frozenset())
        return everywhere | self.waived.get(campaign_id, frozenset()) if campaign_id else everywhere


NO_FACTS = Facts()
"""What is known of a workspace that has told us nothing."""
