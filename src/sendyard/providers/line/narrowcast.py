"""
Messages to an audience: LINE picks the people, works for minutes, and tells how many it reached.

Source: https://developers.line.biz/en/reference/messaging-api/#send-narrowcast-message and
#get-narrowcast-progress-status. For the ledger an audience is one recipient, as a group is.
"""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending, Poll
from sendyard.providers.contract import AccountNotice, CallbackEvent, DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.line.answers import decode, error_of
from sendyard.providers.line.door import Door
from sendyard.providers.line.spec import SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse


class _Progress(msgspec.Struct, frozen=True):
    phase: str
    reached: int | None = msgspec.field(name="successCount", default=None)
    missed: int | None = msgspec.field(name="failureCount", default=None)
    meant: int | None = msgspec.field(name="targetCount", default=None)
    why: str = msgspec.field(name="failedDescription", default="")
    code: int | None = msgspec.field(name="errorCode", default=None)
    completed: str = msgspec.field(name="completedTime", default="")


_progress = msgspec.json.Decoder(_Progress)


def recipient_of(audience: str) -> dict[str, Any]:
    """The `recipient` of a narrowcast; `audience` is the number of the audience."""
    return {"type": "audience", "audienceGroupId": int(audience)}


def progress_request(door: Door, asked: Pending) -> HttpRequest:
    """Ask how far one narrowcast came."""
    url = f"{door.bot_url}/message/progress/narrowcast?requestId={quote(asked.provider_ref, safe='')}"
    return HttpRequest("GET", url, door.reading)


def read_progress(asked: Pending, response: HttpResponse) -> Poll:
    """
    Read how far it came; a narrowcast that LINE does not know brings nothing.

    Raises:
        ProtocolError: LINE does not answer the question, or in another form.
    """
    if response.status == 404:
        return Poll(())
    if response.status != 200:
        error = error_of(response)
        raise ProtocolError(f"expected the progress of a narrowcast, found {error.code}: {error.detail}")
    found = decode(_progress, response, "the progress of a narrowcast")
    events: list[CallbackEvent] = [_event(asked, found)]
    if found.phase == "succeeded":
        events.append(_told(asked, found))
    return Poll(events)


def _event(asked: Pending, found: _Progress) -> DeliveryEvent:
    status, error = ReportStatus.UNMAPPED, None
    known = SPEC.codes.get(found.phase)
    if found.phase == "succeeded" and found.reached == 0:
        status, error = ReportStatus.FAILED, _error("nobody_reached", "")
    elif known and isinstance(known.meaning, ReportStatus):
        status = known.meaning
    elif found.phase == "failed":
        error = _error(f"narrowcast:{found.code}", found.why)
        status = ReportStatus.UNMAPPED if error.kind is ErrorKind.UNMAPPED else ReportStatus.FAILED
    return DeliveryEvent(
        key=MessageKey(asked.reference, asked.provider_ref, asked.to.value),
        status=status,
        raw_status=found.phase[:60],
        dedupe_key=f"{asked.provider_ref}:{found.phase[:60]}",
        channel=Channel.LINE,
        error=error,
        occurred_at=_moment(found.completed),
    )


def _error(code: str, detail: str) -> ProviderError:
    known = SPEC.codes.get(code)
    return ProviderError(SPEC.error_kind(code), code, detail or (known.wording if known else ""))


def _told(asked: Pending, found: _Progress) -> AccountNotice:
    """A person sees in the account's notices how many the message reached; one status cannot say it."""
    counts = {"reached": found.reached, "missed": found.missed, "meant": found.meant}
    facts = {name: str(count) for name, count in counts.items() if count is not None}
    reached, meant = facts.get("reached", "an unknown number"), facts.get("meant", "an unknown number")
    return AccountNotice(
        subject="narrowcast",
        detail=f"A message to {asked.to.value} reached {reached} of {meant} people.",
        dedupe_key=f"narrowcast:{asked.provider_ref}",
        facts={"request_id": asked.provider_ref, "message": asked.reference, **facts},
        occurred_at=_moment(found.completed),
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
