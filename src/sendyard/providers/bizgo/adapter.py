"""
Our side of BizGO's Communication API ("mars"): one send endpoint, reports polled or pushed, picture upload.
"""

import re
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import quote, urlencode

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.domain.phone import national_digits
from sendyard.providers.abilities import (
    AccountProbe,
    Found,
    Inconclusive,
    MediaFile,
    MediaUpload,
    NotFound,
    Pending,
    Poll,
    ProbeResult,
    ReportPolling,
    SubmitLookup,
    UploadedMedia,
)
from sendyard.providers.bizgo import flow
from sendyard.providers.bizgo.answers import Envelope, explain, payload, read, refusal
from sendyard.providers.bizgo.codes import NOT_POLLING
from sendyard.providers.bizgo.limits import problems
from sendyard.providers.bizgo.receipts import read_receipts
from sendyard.providers.bizgo.reports import KST, Report, delivery_event, inbound, moment, state_of, word
from sendyard.providers.bizgo.signature import authenticate
from sendyard.providers.bizgo.spec import PICTURE_BYTES, SPEC, BizgoAccount
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
)
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse


class _Reports(msgspec.Struct, rename="camel"):
    report_id: str | None = None
    report: list[Report] | None = None


class _History(msgspec.Struct, rename="camel"):
    messages: list[Report] | None = None
    has_next: bool | None = None


class _Day(msgspec.Struct, rename="camel"):
    recv_succ_cnt: int | None = None


class _Statistics(msgspec.Struct):
    statistics: list[_Day] | None = None


class _File(msgspec.Struct, rename="camel"):
    file_key: str | None = None
    expired: str | None = None


_BODY = msgspec.json.Encoder()
_POLLED = msgspec.json.Decoder(Envelope[_Reports])
_LOOKED_UP = msgspec.json.Decoder(Envelope[_History])
_PROBED = msgspec.json.Decoder(Envelope[_Statistics])
_UPLOADED = msgspec.json.Decoder(Envelope[_File])
_PUSHED = msgspec.json.Decoder(Report)

_POLL_BATCH = 1000  # the most BizGO hands out at once
_HISTORY_PAGE = 1000
_CLOCK_TOLERANCE = timedelta(seconds=30)  # between our clock and BizGO's, when asking the history
_UNSAFE_IN_FILENAME = re.compile(r"[^A-Za-z0-9._-]+")
_JPEG = b"\xff\xd8\xff"


class BizgoAdapter(Adapter, ReportPolling, SubmitLookup, MediaUpload, AccountProbe):
    """Korean SMS, LMS, MMS and AlimTalk through BizGO."""

    spec = SPEC
    Account = BizgoAccount

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """One `POST /v1/send/omni`; the exchange id is BizGO's idempotency key, so repeating it sends nothing twice."""
        account = cast("BizgoAccount", call.account)
        numbers = [national_digits(outgoing.to.value, "KR") for outgoing in batch]
        body = flow.compose(batch, numbers, exchange_id=call.exchange_id, origin_cid=account.origin_cid, now=call.now)
        headers = _headers(account) | {"content-type": "application/json"}
        return HttpRequest("POST", f"{account.base_url}/v1/send/omni", headers, _BODY.encode(body))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """One receipt per row BizGO answered; `receipts` says how an answer is judged."""
        return read_receipts(batch, response)

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Read one pushed report, or one message from a person; BizGO wants its `msgKey` back."""
        account = cast("BizgoAccount", call.account)
        authenticate(request.headers, account.webhook_secret.get_secret_value(), call.now)
        try:
            report = _PUSHED.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolError(f"expected a JSON object from BizGO, found {error}") from error
        key = word(report.msg_key)
        if not key:
            raise ProtocolError("expected 'msgKey' in BizGO's callback, found none")
        event = inbound(report) if word(report.service_type) == "MO" else delivery_event(report)
        reply = HttpResponse(200, {"content-type": "application/json"}, _BODY.encode({"msgKey": key}))
        return CallbackResult((event,), reply)

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name everything BizGO would refuse, or accept and then fail, for this message."""
        del account
        return list(problems(outgoing))

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """Sender, class of text, title, pictures, fallbacks and time to live; texts may differ."""
        return flow.batch_key(outgoing)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the next batch of reports; BizGO repeats it until it is acknowledged."""
        del cursor, pending
        account = cast("BizgoAccount", call.account)
        return HttpRequest("GET", f"{account.base_url}/v1/report/polling", _headers(account))

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """
        Read up to 1,000 reports, and the request that acknowledges them.

        A key in WEBHOOK mode has nothing to poll: its A801 is an empty answer.

        Raises:
            ProtocolError: also for every other refusal, with what to do about it.
        """
        del pending
        envelope = read(_POLLED, response)
        error = refusal(envelope, response)
        if error is not None and error.code == NOT_POLLING:
            return Poll(())
        if error is not None:
            raise ProtocolError(explain(error))
        found = payload(envelope)
        if not found.report_id:
            return Poll(())
        reports = found.report or []
        account = cast("BizgoAccount", call.account)
        done = f"{account.base_url}/v1/report/polling/{quote(found.report_id, safe='')}"
        return Poll(
            [delivery_event(report) for report in reports],
            more=len(reports) >= _POLL_BATCH,
            acknowledge=HttpRequest("DELETE", done, _headers(account)),
        )

    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """Ask for the history from shortly before the submit; its rows carry our reference."""
        del outgoing
        account = cast("BizgoAccount", call.account)
        since = (submitted_at - _CLOCK_TOLERANCE).astimezone(KST).strftime("%Y-%m-%dT%H:%M:%S")
        query = urlencode({"requestTime": since, "limit": _HISTORY_PAGE}, safe=":")
        return HttpRequest("GET", f"{account.base_url}/v1/message/history?{query}", _headers(account))

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """Find our reference; a full page without it settles nothing, since only one page is read."""
        del submitted_at
        envelope = read(_LOOKED_UP, response)
        error = refusal(envelope, response)
        if error is not None:
            return Inconclusive(explain(error))
        history = payload(envelope)
        rows = [row for row in history.messages or () if word(row.ref) == outgoing.reference]
        if rows:
            return Found(word(rows[-1].msg_key), state_of(rows, hops=1 + len(outgoing.fallback)))
        if history.has_next:
            return Inconclusive(
                f"more than {_HISTORY_PAGE} messages were sent since; the reference is not among the first"
            )
        return NotFound()

    def build_probe(self, call: Call) -> HttpRequest:
        """Ask for today's statistics: costs nothing and changes nothing."""
        account = cast("BizgoAccount", call.account)
        today = call.now.astimezone(KST).strftime("%Y%m%d")
        query = urlencode({"startDate": today, "endDate": today})
        return HttpRequest("GET", f"{account.base_url}/v1/message/statistics?{query}", _headers(account))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the key works from this address; BizGO documents no code of its own for an unlisted one."""
        envelope = read(_PROBED, response)
        error = refusal(envelope, response)
        if error is not None:
            return ProbeResult(ok=False, detail=explain(error), error=error)
        account = cast("BizgoAccount", call.account)
        days = payload(envelope).statistics or ()
        facts = {
            "accepted_today": str(sum(day.recv_succ_cnt or 0 for day in days)),
            "reports": "callbacks" if account.webhook_secret.get_secret_value() else "polling",
        }
        return ProbeResult(ok=True, detail="BizGO accepts the API key from this address.", facts=facts)

    def build_upload(self, call: Call, file: MediaFile) -> HttpRequest:
        """Build the multipart upload of one JPEG of at most 300 KB (307,200 bytes)."""
        if not file.data.startswith(_JPEG) or file.content_type not in {"image/jpeg", "image/jpg"}:
            raise Invalid(
                "picture_not_jpeg",
                f"BizGO takes JPEG pictures for MMS, found {file.content_type} ({file.filename}): convert it first.",
            )
        if len(file.data) > PICTURE_BYTES:
            raise Invalid(
                "picture_too_large",
                f"An MMS picture has at most {PICTURE_BYTES} bytes, found {len(file.data)}: make it smaller "
                "(1500 x 1440 pixels are enough).",
            )
        account = cast("BizgoAccount", call.account)
        boundary = f"sendyard-{call.nonce}"
        name = _UNSAFE_IN_FILENAME.sub("_", file.filename) or "picture.jpg"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = head.encode("ascii") + file.data + f"\r\n--{boundary}--\r\n".encode("ascii")
        headers = _headers(account) | {"content-type": f"multipart/form-data; boundary={boundary}"}
        return HttpRequest("POST", f"{account.base_url}/v1/file/mms", headers, body)

    def parse_upload(self, response: HttpResponse) -> UploadedMedia | ProviderError:
        """Read the file key and how long it may be used."""
        envelope = read(_UPLOADED, response)
        error = refusal(envelope, response)
        if error is not None:
            return error
        file = payload(envelope)
        if not file.file_key:
            raise ProtocolError("expected data.data.fileKey in BizGO's answer to an upload, found none")
        return UploadedMedia(file.file_key, moment(file.expired))


def _headers(account: BizgoAccount) -> dict[str, str]:
    return {"authorization": account.api_key.get_secret_value(), "accept": "application/json"}
