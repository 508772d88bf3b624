"""
The account: everything about one carrier, as text that people write. Nothing of it is read while messages are sent;
`wire.wire_of` makes it ready once.
"""

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from sendyard.providers.contract import AccountSettings
from sendyard.providers.generic_http.paths import compile_path, compile_pattern
from sendyard.providers.generic_http.placeholders import in_form, names_in
from sendyard.providers.generic_http.tables import listed, read_http, read_kinds, read_statuses, read_words
from sendyard.providers.generic_http.wording import (
    CREDENTIALS,
    ESCAPES,
    IN_POLL,
    IN_QUESTION,
    IN_SEND_PATH,
    IN_SEND_QUERY,
    check_address,
    check_body,
    check_target,
    has_control,
    read_headers,
)

ALPHABETS = ("gsm", "unicode")
PURPOSES = ("otp", "transactional", "promotional")
_A_PATH = "Path in the answer, such as data[0].id, or an expression such as /ID: ([0-9]+)/."
_ANSWER_PATHS = (
    *("success_path", "id_path", "parts_path", "cost_path", "error_path", "error_text_path", "balance_at"),
    *("poll_status", "poll_error", "probe_at"),
)
_CALLBACK_PATHS = (
    *("callback_reference", "callback_id", "callback_recipient", "callback_status", "callback_error"),
    *("callback_time", "inbound_when_path", "inbound_from", "inbound_to", "inbound_text", "inbound_id"),
    *("inbound_time",),
)


def _field(title: str, description: str, default: Any = "", **rules: Any) -> Any:
    return Field(default=default, title=title, description=description, validate_default=True, **rules)


class GenericHttpAccount(AccountSettings):
    """One account at a carrier of your own; the README says how to write the mapping."""

    base_url: str = Field(
        title="Address of the carrier",
        description="The fixed part of every address, from the carrier's documentation: https://api.carrier.example/v1.",
    )
    carrier: str = _field("Name of the carrier", "How the carrier is called in messages to you.", "the carrier")
    username: str = _field(
        "User name", "Written {username} in templates: the account id or name the carrier gave you.", max_length=200
    )
    secret: SecretStr = _field(
        "Secret",
        "Written {secret} in templates, or {basic} for HTTP Basic: the key, token or password the carrier gave you.",
        SecretStr(""),
        max_length=2000,
    )
    secret_2: SecretStr = _field(
        "Second secret", "Written {secret_2} in templates, where the carrier wants two.", SecretStr(""), max_length=2000
    )
    credentials_hint: str = _field(
        "Where the credentials are found", 'Shown when they are refused, such as "carrier console, Settings, API keys".'
    )
    number_format: Literal["e164", "no_plus", "national"] = _field(
        "Form of numbers", "How {to} is written: e164 +886912345678, no_plus 886912345678, national 0912345678.", "e164"
    )
    country: str = _field(
        "Country of national numbers",
        "Only for the national form: ISO 3166 code such as TW. Others are refused, and callbacks are read by it.",
        pattern=r"^([A-Z]{2})?$",
    )
    alphabet_words: str = _field(
        "Words for the alphabet", "What {alphabet} says: gsm=text, unicode=unicode. Left out, our own words."
    )
    purpose_words: str = _field(
        "Words for the purpose", "What {purpose} says: otp=3, transactional=4, promotional=1. Left out, our own words."
    )
    max_characters: int = _field("Longest text", "Characters the carrier takes; 0 for no limit.", 0, ge=0, le=100_000)

    method: Literal["GET", "POST", "PUT"] = _field("Method", "HTTP method that sends a message.", "POST")
    send_path: str = _field(
        "Send: path and query", "Follows the address: /messages, or /send?to={to}&text={text}&key={secret}."
    )
    headers: str = _field(
        "Headers", "Sent with every request, one a line: Authorization: Bearer {secret}. Credentials as placeholders."
    )
    body_kind: Literal["json", "form", "plain", "xml", "none"] = _field(
        "Kind of body", "Decides how values are escaped: json, form, plain, xml, or none.", "json"
    )
    body: str = _field("Body", 'Template of the body, such as {"to": "{to}", "text": "{text}"}.', max_length=20_000)

    throttle_status: str = _field("Too fast: statuses", "HTTP statuses that mean too fast; Retry-After is kept.", "429")
    refused_status: str = _field(
        "Refused: statuses", "HTTP statuses with which the carrier certainly took nothing.", "400-407, 409-499"
    )
    success_path: str = _field("Accepted: path", f"{_A_PATH} Its value says that the message was taken.")
    success_values: str = _field(
        "Accepted: values", 'Values at that path which mean "taken", separated by commas: queued, sent.'
    )
    success_contains: str = _field("Accepted: contains", "Text that every acceptance contains.", max_length=200)
    success_pattern: str = _field("Accepted: expression", "Regular expression found in every acceptance.")
    id_path: str = _field("Id", f"{_A_PATH} The carrier's id; without it nothing counts as taken, once this is set.")
    success_status: str = _field(
        "Accepted: statuses", "HTTP statuses of an acceptance; all that is stated must hold together.", "200-299"
    )
    parts_path: str = _field("Parts", f"{_A_PATH} How many parts the carrier counts.")
    cost_path: str = _field("Cost", f"{_A_PATH} What the message costs.")
    currency: str = _field("Currency", "Of cost and balance, ISO 4217; XPT for points.", "XPT", pattern=r"^[A-Z]{3}$")
    error_path: str = _field("Error code", f"{_A_PATH} The carrier's error code.")
    error_text_path: str = _field("Error text", f"{_A_PATH} What the carrier says in words.")
    error_kinds: str = _field(
        "Error classes",
        "code=class pairs: 21=invalid_recipient, http:409=unknown. Codes of answers, reports and HTTP statuses.",
        max_length=20_000,
    )

    callback_format: Literal["none", "json", "form", "query"] = _field(
        "Callbacks: format", "How the carrier calls our callback address: json or form in the body, or query.", "none"
    )
    callback_list: str = _field("Callbacks: list", "JSON only: path of the list, where one call brings several.")
    callback_reference: str = _field("Callbacks: our id", "Path (or parameter) of the id we gave as {reference}.")
    callback_id: str = _field("Callbacks: their id", "Path (or parameter) of the carrier's id of the message.")
    callback_recipient: str = _field("Callbacks: recipient", "Path (or parameter) of the recipient's number.")
    callback_error: str = _field("Callbacks: error code", "Path (or parameter) of the error code of a failure.")
    callback_time: str = _field("Callbacks: time", "Path of the time: Unix seconds, or ISO 8601 with its offset.")
    callback_status: str = _field("Callbacks: status", "Path (or parameter) of the word that says what happened.")
    status_words: str = _field(
        "Status words",
        "word=status pairs for callbacks and polls: DELIVRD=delivered, UNDELIV=failed; sent, delivered, read, failed.",
        max_length=20_000,
    )
    proof_name: str = _field(
        "Callbacks: name of the proof", "Header (or parameter) with the signature or the shared secret.", max_length=64
    )
    webhook_secret: SecretStr = _field(
        "Callbacks: secret", "What callbacks are signed with, or the shared secret itself.", SecretStr("")
    )
    callback_proof: Literal["url_token", "signature", "header", "query"] = _field(
        "Callbacks: proof", "signature (HMAC), a shared secret in header or query, else url_token.", "url_token"
    )
    signature_algorithm: Literal["sha256", "sha1", "sha512"] = _field(
        "Signature: algorithm", "Hash of the HMAC over the raw body (over the query, if there is no body).", "sha256"
    )
    signature_encoding: Literal["hex", "base64"] = _field("Signature: encoding", "How the HMAC is written.", "hex")
    signature_prefix: str = _field("Signature: prefix", "Stands before it, such as sha256=.", max_length=20)
    timestamp_header: str = _field(
        "Signature: timestamp", "Header with Unix seconds; then the HMAC covers timestamp, a dot and the body."
    )
    callback_reply: str = _field("Callbacks: reply", "Text the carrier wants to read; HTTP 200 is always given.")
    inbound_when_path: str = _field(
        "Inbound: when", "Path (or parameter) that tells messages from reports; else a callback without status is one."
    )
    inbound_when_values: str = _field("Inbound: when it says", "Values there that mean a message from a person.")
    inbound_from: str = _field("Inbound: sender", "Path (or parameter) of the person's number.")
    inbound_to: str = _field("Inbound: our number", "Path (or parameter) of the number that was written to.")
    inbound_id: str = _field("Inbound: id", "Path (or parameter) of the carrier's id of the message.")
    inbound_time: str = _field("Inbound: time", "Path of the time: Unix seconds, or ISO 8601 with its offset.")
    inbound_text: str = _field("Inbound: text", "Path (or parameter) of what the person wrote.")

    ask_method: Literal["GET", "POST"] = _field(
        "Questions: method", "For balance, probe and poll; with POST the query travels as a form body.", "GET"
    )
    balance_path: str = _field("Balance: path and query", "Follows the address; free of charge: /balance.")
    balance_at: str = _field("Balance: where", f"{_A_PATH} The credit left.")
    probe_path: str = _field("Test: path and query", "A free call that needs the credentials: /account.")
    probe_at: str = _field("Test: where", f"{_A_PATH} Something that only a good answer to the test has.")
    poll_path: str = _field("Status: path and query", "Asks for one message by {id} or {reference}: /messages/{id}.")
    poll_status: str = _field("Status: where", f"{_A_PATH} The word that says what happened.")
    poll_error: str = _field("Status: error code", f"{_A_PATH} The error code of a failure.")

    @field_validator("base_url")
    @classmethod
    def _address(cls, given: str) -> str:
        return check_address(given.strip())

    @field_validator("username", "secret", "secret_2", "webhook_secret", "signature_prefix", "carrier")
    @classmethod
    def _one_line(cls, given: Any) -> Any:
        if has_control(given.get_secret_value() if isinstance(given, SecretStr) else given):
            raise ValueError("has a line break or another control character; copy it again")
        return given

    @field_validator("send_path", "balance_path", "probe_path", "poll_path")
    @classmethod
    def _target(cls, given: str, info: ValidationInfo) -> str:
        in_path, in_query = _PLACES[str(info.field_name)]
        check_target(given, in_path, in_query)
        return _with_credentials(given, info)

    @field_validator("headers")
    @classmethod
    def _headers(cls, given: str, info: ValidationInfo) -> str:
        read_headers(given)
        return _with_credentials(given, info)

    @field_validator("body")
    @classmethod
    def _body(cls, given: str, info: ValidationInfo) -> str:
        kind, method = info.data.get("body_kind", "none"), info.data.get("method")
        if kind != "none" and not given:
            raise ValueError(f"is empty, but the kind of body is {kind}; write it, or choose none")
        if kind != "none" and method == "GET":
            raise ValueError("a GET carries no body; choose none and write the values into the path, or choose POST")
        check_body(kind, given, _NUMBERS[info.data.get("number_format", "e164")])
        if "send_path" in info.data:
            used = names_in(given) | names_in(info.data["send_path"])
            for name, why in (("to", "nobody would get the message"), ("text", "the message would be empty")):
                if name not in used:
                    raise ValueError(f"neither path nor body has {{{name}}}, so {why}")
        return _with_credentials(given, info)

    @field_validator("throttle_status", "refused_status")
    @classmethod
    def _statuses(cls, given: str) -> str:
        if reserved := read_http(given) & set(range(200, 300)):
            raise ValueError(f"{min(reserved)} is a success in HTTP; tell refusals of that status by error classes")
        return given

    @field_validator("success_status")
    @classmethod
    def _acceptance(cls, given: str, info: ValidationInfo) -> str:
        statuses = read_http(given)
        if not statuses:
            raise ValueError("is empty; write at least one HTTP status, such as 200")
        names = ("success_path", "success_contains", "success_pattern", "id_path")
        if 200 in statuses and all(name in info.data and not info.data[name] for name in names):
            raise ValueError(
                "a bare 200 proves nothing, since error pages have it too; also say what an acceptance contains "
                "(Accepted: path, contains or expression, or Id)"
            )
        return given

    @field_validator("success_values")
    @classmethod
    def _values(cls, given: str, info: ValidationInfo) -> str:
        if "success_path" in info.data and bool(listed(given)) != bool(info.data["success_path"]):
            raise ValueError("path and values of an acceptance belong together; give both or none")
        return given

    @field_validator("success_pattern")
    @classmethod
    def _pattern(cls, given: str) -> str:
        compile_pattern(given)
        return given

    @field_validator(*_ANSWER_PATHS)
    @classmethod
    def _answer_path(cls, given: str) -> str:
        compile_path(given)
        return given

    @field_validator("callback_list", *_CALLBACK_PATHS)
    @classmethod
    def _callback_path(cls, given: str, info: ValidationInfo) -> str:
        way = info.data.get("callback_format", "json")
        if given and way == "none":
            raise ValueError("is given, but the format of callbacks is none; choose json, form or query")
        if way == "json" or given.startswith("/"):
            compile_path(given)
        elif info.field_name == "callback_list" and given:
            raise ValueError("only a callback in JSON can bring a list")
        return given

    @field_validator("error_kinds")
    @classmethod
    def _kinds(cls, given: str) -> str:
        read_kinds(given)
        return given

    @field_validator("alphabet_words", "purpose_words")
    @classmethod
    def _words(cls, given: str, info: ValidationInfo) -> str:
        read_words(given, ALPHABETS if info.field_name == "alphabet_words" else PURPOSES)
        return given

    @field_validator("status_words")
    @classmethod
    def _status_words(cls, given: str, info: ValidationInfo) -> str:
        read_statuses(given)
        if info.data.get("callback_status") and not given.strip():
            raise ValueError("is empty, so no report would mean anything; write pairs such as DELIVRD=delivered")
        return given

    @field_validator("callback_status")
    @classmethod
    def _callback_keys(cls, given: str, info: ValidationInfo) -> str:
        named = info.data.get("callback_reference") or info.data.get("callback_id")
        if given and not named and info.data.get("callback_format", "none") != "none":
            raise ValueError("a report must name its message; also give the path of our id or of theirs")
        return given

    @field_validator("callback_proof")
    @classmethod
    def _proof(cls, given: str, info: ValidationInfo) -> str:
        secret, name = info.data.get("webhook_secret"), info.data.get("proof_name")
        if given != "url_token" and (not name or not secret or not secret.get_secret_value()):
            raise ValueError(f"{given} needs the name of the proof (proof_name) and the secret (webhook_secret)")
        return given

    @field_validator("inbound_text")
    @classmethod
    def _inbound(cls, given: str, info: ValidationInfo) -> str:
        if bool(given) != bool(info.data.get("inbound_from")):
            raise ValueError("sender and text of inbound messages belong together; give both paths or none")
        if bool(info.data.get("inbound_when_path")) != bool(listed(info.data.get("inbound_when_values", ""))):
            raise ValueError("inbound_when_path and inbound_when_values belong together; give both or none")
        return given

    @field_validator("balance_at")
    @classmethod
    def _balance(cls, given: str, info: ValidationInfo) -> str:
        if bool(given) != bool(info.data.get("balance_path", given)):
            raise ValueError("the address of the balance and where it stands belong together; give both or none")
        return given

    @field_validator("poll_status")
    @classmethod
    def _poll(cls, given: str, info: ValidationInfo) -> str:
        path = info.data.get("poll_path", given)
        if bool(given) != bool(path):
            raise ValueError("the address of the status and where it stands belong together; give both or none")
        if given and not info.data.get("status_words", given).strip():
            raise ValueError("is given, but there are no status words (status_words), so no answer would mean anything")
        if given and "poll_path" in info.data and not names_in(path) & {"id", "reference"}:
            raise ValueError(
                "the address of the status (poll_path) names no message; write {id} or {reference} into it"
            )
        return given

    @model_validator(mode="after")
    def _nothing_idle(self) -> Self:
        templates = (self.send_path, self.headers, self.body, self.balance_path, self.probe_path, self.poll_path)
        used = set().union(*map(names_in, templates))
        if self.secret.get_secret_value() and not used & {"secret", "basic"}:
            raise ValueError("a secret is given, but no template has {secret} or {basic}; write it where it belongs")
        if self.secret_2.get_secret_value() and "secret_2" not in used:
            raise ValueError("a second secret is given, but no template has {secret_2}; write it where it belongs")
        if self.callback_format != "none" and not self.callback_status and not self.inbound_text:
            raise ValueError(
                "callbacks have a format but say nothing; give the path of the status (callback_status), that of the "
                "text of inbound messages (inbound_text), or both"
            )
        return self


_NUMBERS = {"e164": "+886900000001", "no_plus": "886900000001", "national": "0900000001"}
_PLACES = {
    "send_path": (IN_SEND_PATH, IN_SEND_QUERY),
    "balance_path": (IN_QUESTION, IN_QUESTION),
    "probe_path": (IN_QUESTION, IN_QUESTION),
    "poll_path": (IN_POLL, IN_POLL),
}


def _with_credentials(template: str, info: ValidationInfo) -> str:
    """Refuse a template that names a credential which is not given, or could not be hidden where it stands."""
    for name in sorted(names_in(template) & CREDENTIALS):
        for field in ("username", "secret") if name == "basic" else (name,):
            # A field with an error of its own is missing here.
            value = info.data.get(field, "unreadable")
            clear = value.get_secret_value() if isinstance(value, SecretStr) else value
            if not clear:
                raise ValueError(f"has {{{name}}}, but {field} is empty")
            if info.field_name == "headers" and name != "basic" and not clear.isascii():
                raise ValueError(f"{field} has a character that is not ASCII, which no header can carry")
            if info.field_name == "body" and ESCAPES[info.data.get("body_kind", "none")](clear) not in _hidden(clear):
                raise ValueError(
                    f"{field} has a character that this kind of body must escape, so that it could not be hidden in "
                    "logs; send it in a header, or ask for another"
                )
    return template


def _hidden(clear: str) -> tuple[str, str]:
    """The forms of a secret that the exchange log knows."""
    return clear, in_form(clear)
