"""
The web side: every door of the API over the objects of a process.
"""

from sendyard.api.access import Access
from sendyard.api.application import Application
from sendyard.api.audience import Audience
from sendyard.api.callbacks import Callbacks
from sendyard.api.campaign_desk import CampaignDesk
from sendyard.api.campaigns import CampaignDoor
from sendyard.api.catalogue import CatalogueDoor
from sendyard.api.compliance import ComplianceDoor
from sendyard.api.connections import Connections
from sendyard.api.consents import ConsentDoor
from sendyard.api.contact_files import ContactFiles
from sendyard.api.desk import Desk
from sendyard.api.drafting import Drafting
from sendyard.api.drips import DripDoor
from sendyard.api.errands import ErrandDoor
from sendyard.api.events import Events
from sendyard.api.experiments import ExperimentDoor
from sendyard.api.fact_history import FactHistoryDoor
from sendyard.api.groups import Groups
from sendyard.api.health import Health
from sendyard.api.keywords import KeywordDoor
from sendyard.api.links import LinkDoor
from sendyard.api.media import MediaDoor, PublicFiles
from sendyard.api.messages import Messages
from sendyard.api.one_time import OneTime
from sendyard.api.people import People
from sendyard.api.preflight import Preflight
from sendyard.api.records import RecordDoor
from sendyard.api.rules import RuleDoor
from sendyard.api.short_doors import ShortDoors
from sendyard.api.team import TeamDoor
from sendyard.api.template_shelf import TemplateShelf
from sendyard.api.templates import TemplateDoor
from sendyard.api.waivers import WaiverDoor
from sendyard.bootstrap.sheets import open_sheet
from sendyard.bootstrap.yard import Role, Yard


def application(yard: Yard, role: Role = "all") -> Application:
    """The web side as an ASGI application."""
    drafting = Drafting(yard.templates, yard.media, yard.records, yard.link_addresses.of_message)
    looking = Drafting(yard.templates, yard.media, yard.records, yard.link_addresses.sample)
    doors = (
        Messages(yard.database, yard.directory, yard.intake, drafting, yard.team),
        Preflight(yard.directory, yard.intake, looking),
        CampaignDoor(yard.campaigns, yard.media),
        CampaignDesk(yard.campaign_changes, yard.campaign_approvals, yard.campaign_tests, yard.media),
        ExperimentDoor(yard.experiments),
        DripDoor(yard.drips, yard.media),
        TeamDoor(yard.team),
        OneTime(yard.one_time_codes, yard.team),
        Connections(yard.accounts, yard.routes),
        TemplateDoor(yard.templates, yard.records, yard.reader, yard.link_addresses.samples),
        TemplateShelf(yard.portable, yard.starters),
        RecordDoor(yard.records, open_sheet),
        CatalogueDoor(yard.catalogue, yard.submissions, yard.standings),
        Audience(yard.suppressions, yard.provider_lists),
        ConsentDoor(yard.consents, yard.consent_lists, yard.opting, yard.templates),
        KeywordDoor(yard.opting.vocabulary),
        ErrandDoor(yard.errands),
        People(yard.contacts, yard.merging, yard.erasing, yard.segments, yard.contact_fields),
        ContactFiles(yard.imports, yard.import_steps, yard.book),
        Groups(yard.lists, yard.segments),
        RuleDoor(),
        ComplianceDoor(yard.workspace_facts, yard.sender_facts, yard.registered_texts, yard.gaps),
        WaiverDoor(yard.waivers),
        FactHistoryDoor(yard.fact_history),
        MediaDoor(yard.media),
        LinkDoor(yard.short_links, yard.link_domains),
        Access(yard.keys),
        Events(yard.database),
    )
    return Application(
        Desk(yard.database, yard.keys, yard.vault, yard.arriving),
        [operation for door in doors for operation in door.operations()],
        Callbacks(yard.ingest, yard.settings.public_url),
        Health(yard.database, yard.directory, lambda: yard.complaints(role)),
        PublicFiles(yard.media),
        ShortDoors(yard.link_follower, yard.link_clicks, yard.link_domains),
    )
