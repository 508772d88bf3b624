"""
Our side of BizGO's Communication API ("mars"): one send endpoint, reports polled or pushed, picture upload.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import quote, urlencode

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    Found,
    Inconclusive,
    MediaFile,
    MediaUpload,
    NotFound,
    OptOutNumber,
    OptOutRegistration,
    Pending,
    Poll,
    ProbeResult,
    ProviderTemplate,
    ReportPolling,
    SubmitLookup,
    TemplateCatalog,
    TemplatePage,
    TemplateSubmission,
    UploadedMedia,
)
from sendyard.providers.bizgo import flow, opt_out, reservation, submission, templates
from sendyard.providers.bizgo.answers import Envelope, explain, payload, read, refusal
from sendyard.providers.bizgo.codes import NOT_POLLING
from sendyard.providers.bizgo.limits import problems
from sendyard.providers.bizgo.receipts import read_receipts
from sendyard.providers.bizgo.reports import KST, Report, delivery_event, inbound, state_of, word
from sendyard.providers.bizgo.signature import authenticate
from sendyard.providers.bizgo.spec import ABROAD, SPEC, BizgoAccount
from sendyard.providers.bizgo.uploads import read_upload, upload_form
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
from sendyard.providers.spec import TextRules
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


_BODY = msgspec.json.Encoder()
_POLLED = msgspec.json.Decoder(Envelope[_Reports])
_LOOKED_UP = msgspec.json.Decoder(Envelope[_History])
_PROBED = msgspec.json.Decoder(Envelope[_Statistics])
_PUSHED = msgspec.json.Decoder(Report)

_POLL_BATCH = 1000  # the most BizGO hands out at once
_HISTORY_PAGE = 1000
_CLOCK_TOLERANCE = timedelta(seconds=30)  # between our clock and BizGO's, when asking the history


class BizgoAdapter(
    Adapter,
    ReportPolling,
    SubmitLookup,
    MediaUpload,
    AccountProbe,
    TemplateCatalog,
    TemplateSubmission,
    OptOutRegistration,
):
    """Text messages to Korea and abroad, AlimTalk, brand messages and RCS through BizGO."""

    spec = SPEC
    Account = BizgoAccount
    minds_language = False
    template_channels = frozenset({Channel.ALIMTALK, Channel.BRANDMESSAGE})

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """
        One `POST /v1/send/omni`; the exchange id is BizGO's idempotency key, so repeating it sends nothing twice.

        With `registration["send_at"]` it is a `POST /v1/reservation`, which knows no such key.
        """
        account = cast("BizgoAccount", call.account)
        body = flow.compose(call, account, batch)
        path = "/v1/reservation" if body.resv_send_time else "/v1/send/omni"
        return _post(account, path, _BODY.encode(body))

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
        return list(problems(cast("BizgoAccount", account), outgoing))

    def text_rules(self, country: str) -> TextRules:
        """CP949 and 2,000 bytes in Korea; abroad 1,000 characters of any kind."""
        return ABROAD if country not in {"", "KR"} else SPEC.text

    def dedup_seconds(self, outgoing: Outgoing) -> int:
        """A day; reservations have no idempotency key, so they are looked up instead of repeated."""
        return 0 if flow.is_reserved(outgoing) else SPEC.reference.dedup_seconds

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """Sender, class of text, title, pictures, fallbacks, registration and time to live; texts may differ."""
        return flow.batch_key(outgoing)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the next batch of reports; BizGO repeats it until it is acknowledged."""
        del cursor, pending
        account = cast("BizgoAccount", call.account)
        return _get(account, "/v1/report/polling")

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
        """Ask for the history from shortly before the submit (its rows carry our reference), or the reservations."""
        account = cast("BizgoAccount", call.account)
        if flow.is_reserved(outgoing):
            return _get(account, reservation.list_path(call, outgoing))
        since = (submitted_at - _CLOCK_TOLERANCE).astimezone(KST).strftime("%Y-%m-%dT%H:%M:%S")
        query = urlencode({"requestTime": since, "limit": _HISTORY_PAGE}, safe=":")
        return _get(account, f"/v1/message/history?{query}")

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """Find our reference; a full page without it settles nothing, since only one page is read."""
        del submitted_at
        if flow.is_reserved(outgoing):
            return reservation.find(outgoing, response)
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
        return _get(account, f"/v1/message/statistics?{query}")

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
        """Build the multipart upload of one picture. Raises AppError `Invalid` for what the channel does not take."""
        form = upload_form(file, call.nonce)
        account = cast("BizgoAccount", call.account)
        return _post(account, form.path, form.body, f"multipart/form-data; boundary={form.boundary}")

    def parse_upload(self, response: HttpResponse) -> UploadedMedia | ProviderError:
        """Read the picture's key or address, and how long it may be used."""
        return read_upload(response)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for a page of the Kakao channel's templates: AlimTalk's first, then those of brand messages."""
        account = cast("BizgoAccount", call.account)
        return _get(account, templates.list_path(account, cursor))

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read the page; `registration` has what a message must bring beside its text."""
        del call
        return templates.read_page(cursor, response)

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Beside state and variables, the rendered text must be the approved one outside its variables."""
        found = super().fits(template, wanted)
        return found if found or template is None else templates.unfitting(template, wanted)

    def variable(self, name: str) -> str:
        """As Kakao writes it."""
        return f"#{{{name}}}"

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Register an AlimTalk template; for one that is a draft at BizGO already, ask for its inspection."""
        account = cast("BizgoAccount", call.account)
        path, body = submission.submission(account, template, samples)
        return _post(account, path, body)

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """Read the answer: a draft after registration, pending after the inspection was asked for."""
        return submission.read_submission(template, response)

    def build_opt_out(self, call: Call, wanted: OptOutNumber) -> HttpRequest:
        """Register the Kakao channel's 080 number."""
        account = cast("BizgoAccount", call.account)
        return _post(account, opt_out.PATH, opt_out.registration_body(account, wanted))

    def parse_opt_out(self, response: HttpResponse) -> ProviderError | None:
        """Judge the answer, which says nothing beside its codes."""
        return opt_out.read_registration(response)


def _get(account: BizgoAccount, path: str) -> HttpRequest:
    return HttpRequest("GET", account.base_url + path, _headers(account))


def _post(account: BizgoAccount, path: str, body: bytes, content_type: str = "application/json") -> HttpRequest:
    return HttpRequest("POST", account.base_url + path, _headers(account) | {"content-type": content_type}, body)


def _headers(account: BizgoAccount) -> dict[str, str]:
    return {"authorization": account.api_key.get_secret_value(), "accept": "application/json"}
