"""
Messages to an audience of the emulated LINE: taken at once, worked off person by person, told when asked.

Rules: https://developers.line.biz/en/reference/messaging-api/#send-narrowcast-message and
#get-narrowcast-progress-status. Of recipients one audience is emulated, no operators; of filters and limits none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Received, Report
from sendyard.providers.line.emulated_channel import LEAST_AUDIENCE, LineChannel, Narrowcast, Taken
from sendyard.providers.line.emulated_send import (
    RefusedError,
    as_json,
    charge,
    check_objects,
    object_of,
    received_of,
    refusal_of,
    repetition,
    retry_key_of,
)
from sendyard.providers.wire import HttpResponse

_TOO_SMALL = 4
_WORDS = {_TOO_SMALL: "An audience of the condition has too few people"}


def narrowcast(channel: LineChannel, request: EmulatedRequest, request_id: str) -> tuple[HttpResponse, list[Received]]:
    """Take one message to an audience, once for each retry key. Raises RefusedError."""
    key = retry_key_of(request)
    if repeated := repetition(channel, request, request_id, key, "narrowcast"):
        return repeated, []
    given = object_of(request.body)
    audience = _audience_of(given.get("recipient"))
    check_objects(given)
    if refusal := request.refusal(f"audience:{audience}"):
        raise refusal_of(refusal.code, refusal.kind)
    people = channel.people_of(audience)
    if people is None:
        raise RefusedError(400, "The request body has 1 error(s)", (("recipient", "No such audience"),))
    reached = [person for person in people if person not in channel.blocked and not request.refusal(person)]
    told = Narrowcast(len(people), request.now, set(reached), missed=len(people) - len(reached))
    if len(people) < LEAST_AUDIENCE:
        told.error_code, told.completed_at, reached = _TOO_SMALL, request.now, []
    elif not reached:
        told.completed_at = request.now
    charge(channel, reached, request, "narrowcast")
    channel.watch(request_id, told)
    if key:
        channel.retry_keys[key] = Taken(request_id, (), request.now)
    return as_json(202, {}, request_id), [
        received_of(channel, given, person, request_id, request) for person in reached
    ]


def note(channel: LineChannel, received: Received, report: Report) -> None:
    """Let one phone answer, where the message came by a narrowcast."""
    told = channel.narrowcasts.get(received.provider_ref)
    if told is None or received.to not in told.waiting:
        return
    told.has_begun = True
    if report.status is ReportStatus.SENT:
        return
    told.waiting.discard(received.to)
    if report.status is ReportStatus.FAILED:
        told.missed += 1
    else:
        told.reached += 1
    if not told.waiting:
        told.completed_at = report.at


def progress(channel: LineChannel, request_id: str) -> Mapping[str, Any]:
    """How far a narrowcast came. Raises RefusedError for one that the channel never sent."""
    told = channel.narrowcasts.get(request_id)
    if told is None:
        raise RefusedError(404, "Not found")
    accepted = {"acceptedTime": _written(told.accepted_at)}
    if told.completed_at is None:
        return {"phase": "sending" if told.has_begun else "waiting", **accepted}
    accepted["completedTime"] = _written(told.completed_at)
    if told.error_code:
        why = {"failedDescription": _WORDS[told.error_code], "errorCode": told.error_code}
        return {"phase": "failed", **why, **accepted}
    counts = {"successCount": told.reached, "failureCount": told.missed, "targetCount": told.meant}
    return {"phase": "succeeded", **counts, **accepted}


def _audience_of(recipient: object) -> str:
    """The number of the audience. Raises RefusedError for anything else."""
    if isinstance(recipient, dict) and recipient.get("type") == "audience":
        number = recipient.get("audienceGroupId")
        if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
            return str(number)
    raise RefusedError(400, "The request body has 1 error(s)", (("recipient", "Must be an audience"),))


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
