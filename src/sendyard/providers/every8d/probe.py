"""
What the button "Test connection" says of an Every8d account.
"""

from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import ProbeResult, Token
from sendyard.providers.every8d.codes import CODES


def probe_result(base_url: str, found: Token | Money | ProviderError) -> ProbeResult:
    """Say whether the account works: by its credit, by a token it was given, or by a refusal."""
    if isinstance(found, Token):
        return ProbeResult(ok=True, detail="The account works; Every8d gave a token.")
    if isinstance(found, Money):
        left = f"{found.amount} points are left" if found.amount > 0 else "no points are left, so buy some"
        return ProbeResult(ok=True, detail=f"The account works; {left}.", facts={"points": str(found.amount)})
    if known := CODES.get(found.code):
        detail = f"Every8d refuses the account with code {found.code}: {known.wording}. {known.advice}".rstrip()
    elif found.code.startswith("http:"):
        detail = (
            f"{base_url} answers {found.detail}, which Every8d never does; check the site address. "
            "Calls from outside Taiwan may be filtered."
        )
    else:
        unlisted = f"Every8d answers code {found.code!r} ({found.detail})"
        detail = f"{unlisted}, which its specification does not list; ask Every8d what it means."
    return ProbeResult(ok=False, detail=detail, error=found)
