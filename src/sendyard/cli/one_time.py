"""
One-time codes: send, send again, check.
"""

from typing import Any

import click

from sendyard.api.one_time import VerdictAnswer, told
from sendyard.cli.connections import pairs_of
from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, plain, put, say, when
from sendyard.cli.shape import NOT_DONE, Group, NotDone
from sendyard.domain.channels import Channel
from sendyard.features.otp import CodeWish
from sendyard.features.otp.wishes import DEFAULT_LENGTH, DEFAULT_LIFE, LONGEST, LONGEST_LIFE, SHORTEST, SHORTEST_LIFE

_LENGTH = click.IntRange(SHORTEST, LONGEST)
_SENTENCES = {
    "wrong_code": "This is not the code.",
    "expired": "The code is over: its time has passed.",
    "locked": "The code is over: none of its attempts is left.",
    "used": "The code was verified before; it counts once.",
    "cancelled": "A newer code took the place of this one.",
    "no_session": "The provider knows of no code: none was sent, or it was used up there.",
    "unavailable": "The provider could not be asked; nothing was learnt. Try again.",
}


@click.group(cls=Group)
def otp() -> None:
    """One-time codes: made here, or by a provider that checks them as well."""


@otp.command(
    "send",
    example="sendyard otp send --to +886912345678\n"
    "sendyard otp send --to 98765-43210 --country IN --account codes --expires-in 300",
)
@click.option("--to", required=True, metavar="NUMBER")
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--account", default="", help="Use this one; a provider that makes codes is asked for its own.")
@click.option("--provider/--own", default=None, help="Who makes the code: a provider, or this machine.")
@click.option("--template", default="", metavar="CODE", help="With {code} and, if it likes, {minutes}.")
@click.option("--var", "values", metavar="NAME=VALUE", multiple=True, help="Another variable of the template.")
@click.option("--language", default="", help="Of the usual text: en, ko, zh-Hant, hi; by the number when left out.")
@click.option("--sender", default="", help="As the provider knows it; the account's own when left out.")
@click.option("--length", type=_LENGTH, default=DEFAULT_LENGTH, show_default=True, help="Digits.")
@click.option(
    "--expires-in",
    type=click.IntRange(SHORTEST_LIFE, LONGEST_LIFE),
    default=DEFAULT_LIFE,
    show_default=True,
    metavar="SECONDS",
)
@click.option("--reference", default="", help="Your own id of it.")
@workspace_option
def otp_send(*, values: tuple[str, ...], channel: str, workspace: str, **given: Any) -> None:
    """
    Send a code. One made here is stored and sent by a running `sendyard serve`; a provider is asked at once.

    The code itself is never shown: it is in the message, and nowhere else.
    """
    wish = CodeWish(channel=Channel(channel), variables=dict(pairs_of("--var", values)), **given)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.one_time_codes.send(place.workspace_id, wish)

    _put(in_yard(work, workspace))


@otp.command("show", example="sendyard otp show 0192f0c1-0000-7000-8000-000000000000")
@click.argument("code_id", metavar="ID")
@workspace_option
def otp_show(code_id: str, workspace: str) -> None:
    """Tell how a code stands, without the code."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.one_time_codes.get(place.workspace_id, code_id)

    _put(in_yard(work, workspace))


@otp.command("verify", example="sendyard otp verify 0192f0c1-0000-7000-8000-000000000000 123456")
@click.argument("code_id", metavar="ID")
@click.argument("code")
@workspace_option
def otp_verify(code_id: str, code: str, workspace: str) -> None:
    """Check what a person typed. Ends with 0 when it is the code, else with 1; right is right once."""

    async def work(place: Place) -> VerdictAnswer:
        return told(await place.yard.one_time_codes.verify(place.workspace_id, code_id, code))

    verdict = in_yard(work, workspace)

    def write() -> None:
        say("Verified." if verdict.reason is None else _SENTENCES[verdict.reason])
        if verdict.reason == "wrong_code":
            say(f"Attempts left: {verdict.attempts_left}.")

    put(plain(verdict), write)
    if not verdict.verified:
        raise NotDone(NOT_DONE)


@otp.command("resend", example="sendyard otp resend 0192f0c1-0000-7000-8000-000000000000 --by-voice")
@click.argument("code_id", metavar="ID")
@click.option("--by-voice", is_flag=True, help="By a call, where the provider makes them.")
@click.option("--template", default="", help="The provider's own one, where it has to make a new code.")
@click.option("--length", type=_LENGTH, default=DEFAULT_LENGTH, show_default=True, help="Digits, likewise.")
@workspace_option
def otp_resend(*, code_id: str, by_voice: bool, template: str, length: int, workspace: str) -> None:
    """Send a code once more: the same one, or a new one where its provider cannot repeat it."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.one_time_codes.resend(
            place.workspace_id, code_id, by_voice=by_voice, template=template, length=length
        )

    _put(in_yard(work, workspace))


def _put(found: dict[str, Any]) -> None:
    shown = found | {"resend_after": when(found["resend_after"])}

    def write() -> None:
        times = {name: when(found[name]) for name in ("expires_at", "resend_after", "verified_at")}
        names = ("id", "status", "to", "channel", "provider", "message", "reference", "attempts_left", "sends")
        facts({name: found[name] for name in names} | times)

    put(shown, write)
    if found["status"] == "unknown":
        note("The provider gave no answer: the code may be on its way, and can be checked with `otp verify`.")
