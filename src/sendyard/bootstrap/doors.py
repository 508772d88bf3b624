"""
The web side: every door of the API over the objects of a process.
"""

from sendyard.api.access import Access
from sendyard.api.application import Application
from sendyard.api.audience import Audience
from sendyard.api.callbacks import Callbacks
from sendyard.api.campaigns import CampaignDoor
from sendyard.api.catalogue import CatalogueDoor
from sendyard.api.connections import Connections
from sendyard.api.desk import Desk
from sendyard.api.drafting import Drafting
from sendyard.api.events import Events
from sendyard.api.groups import Groups
from sendyard.api.health import Health
from sendyard.api.messages import Messages
from sendyard.api.one_time import OneTime
from sendyard.api.people import People
from sendyard.api.preflight import Preflight
from sendyard.api.templates import TemplateDoor
from sendyard.bootstrap.yard import Role, Yard


def application(yard: Yard, role: Role = "all") -> Application:
    """The web side as an ASGI application."""
    drafting = Drafting(yard.templates)
    doors = (
        Messages(yard.database, yard.directory, yard.intake, drafting),
        Preflight(yard.directory, yard.intake, drafting),
        CampaignDoor(yard.campaigns),
        OneTime(yard.one_time_codes),
        Connections(yard.accounts, yard.routes),
        TemplateDoor(yard.templates),
        CatalogueDoor(yard.catalogue, yard.submissions),
        Audience(yard.suppressions, yard.consents),
        People(yard.contacts, yard.merging, yard.erasing, yard.segments, yard.contact_fields, yard.imports),
        Groups(yard.lists, yard.segments),
        Access(yard.keys),
        Events(yard.database),
    )
    return Application(
        Desk(yard.database, yard.keys, yard.vault),
        [operation for door in doors for operation in door.operations()],
        Callbacks(yard.ingest, yard.settings.public_url),
        Health(yard.database, yard.directory, lambda: yard.complaints(role)),
    )
