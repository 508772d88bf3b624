"""
"Test connection": a free question, and a sentence that says which credential is wrong and where to look for it.
"""

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import ProbeResult
from sendyard.providers.contract import Call
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.generic_http.judgement import amount, refusal
from sendyard.providers.generic_http.paths import Document
from sendyard.providers.generic_http.placeholders import names_in
from sendyard.providers.generic_http.wire import Wire, question
from sendyard.providers.generic_http.wording import read_headers
from sendyard.providers.wire import HttpRequest, HttpResponse


def probe_request(call: Call, wire: Wire) -> HttpRequest:
    """Build the test's own question, else that for the balance, else a bare look at the address."""
    account = wire.account
    template = account.probe_path or account.balance_path
    return question(call, wire, template) if template else HttpRequest("GET", account.base_url)


def probe_result(wire: Wire, response: HttpResponse) -> ProbeResult:
    """Read the answer."""
    account = wire.account
    document = Document.of_body(response.body)
    if not (account.probe_path or account.balance_path):
        detail = (
            f"{account.base_url} answers (HTTP {response.status}), but whether the credentials are right cannot be "
            "tried: fill in the path of a free call (probe_path), or that of the balance."
        )
        return ProbeResult(ok=False, detail=detail)
    error = refusal(wire, response, document)
    if error is not None:
        return ProbeResult(ok=False, detail=_refused(account, error), error=error)
    if not 200 <= response.status < 300:
        path = account.probe_path or account.balance_path
        detail = f"{account.base_url}{path} answers HTTP {response.status}; check the address and the path."
        return ProbeResult(ok=False, detail=detail)
    left = None if account.probe_path else amount(wire, document, wire.balance)
    found = document.find(wire.probe) or wire.probe is None if account.probe_path else left
    if not found and left is None:
        where = account.probe_at if account.probe_path else account.balance_at
        detail = f"The answer has nothing at {where}, so it may come from somebody else; check address and path."
        return ProbeResult(ok=False, detail=detail)
    if left is None:
        return ProbeResult(ok=True, detail=f"The account at {account.carrier} works.")
    detail = f"The account at {account.carrier} works; {left} are left."
    return ProbeResult(ok=True, detail=detail, facts={"balance": str(left)})


def _refused(account: GenericHttpAccount, error: ProviderError) -> str:
    if error.code == "http:404":
        path = account.probe_path or account.balance_path
        return f"{account.base_url}{path} answers HTTP 404: nothing is there; check the address and the path."
    said = f"code {error.code}" + (f": {error.detail}" if error.detail else "")
    if error.kind is not ErrorKind.AUTH_FAILED:
        return f"{account.carrier} refuses the question ({said}, {error.kind}); look the code up in its documentation."
    return f"{account.carrier} refuses the credentials ({said}). Check {_fields(account)}{_where(account)}."


def _fields(account: GenericHttpAccount) -> str:
    used = names_in(account.probe_path or account.balance_path).union(
        *(names_in(value) for value in read_headers(account.headers).values())
    )
    titles = type(account).model_fields
    names = {"username", "secret"} if "basic" in used else used
    found = [f'"{titles[name].title}"' for name in ("username", "secret", "secret_2") if name in names]
    return " and ".join(found) if found else "that the test's path or a header carries the credentials"


def _where(account: GenericHttpAccount) -> str:
    return f" (found at: {account.credentials_hint})" if account.credentials_hint else ""
