"""
The entry point: picks the command, and turns every way to fail into one sentence and an exit code.
"""

import json
import logging
import os
import sys
from collections.abc import Sequence

import click

from sendyard.cli.shape import DONE, NOT_DONE, WRONG_USAGE, Entry, LazyGroup, NotDone
from sendyard.domain.errors import AppError

_HERE = "sendyard.cli"

ENTRIES = {
    "demo": Entry(f"{_HERE}.demo", "demo", "Send a campaign through emulated carriers, before your eyes."),
    "serve": Entry(f"{_HERE}.serving", "serve", "API, dispatcher and pollers in one process."),
    "web": Entry(f"{_HERE}.serving", "web", "Only the API and the callbacks (PostgreSQL)."),
    "worker": Entry(f"{_HERE}.serving", "worker", "Only the sending side (PostgreSQL)."),
    "emulate": Entry(f"{_HERE}.emulating", "emulate", "The carriers' emulators, for development and tests."),
    "send": Entry(f"{_HERE}.sending", "send", "Send one message."),
    "messages": Entry(f"{_HERE}.sending", "messages", "Follow messages: show, list, cancel."),
    "otp": Entry(f"{_HERE}.one_time", "otp", "One-time codes: send, resend, verify."),
    "campaign": Entry(f"{_HERE}.campaigns", "campaign", "One message to many people: lists, segments, files."),
    "drips": Entry(f"{_HERE}.drips", "drips", "Series of messages with waits between them."),
    "team": Entry(f"{_HERE}.team", "team", "Who gets test messages."),
    "templates": Entry(f"{_HERE}.template_shelf", "templates", "Texts with variables; what carriers have of them."),
    "media": Entry(f"{_HERE}.media", "media", "Files that messages carry: add, list, show, delete."),
    "records": Entry(f"{_HERE}.records", "records", "Flights, orders: rows that fill templates."),
    "links": Entry(f"{_HERE}.links", "links", "Short links: where they lead, who followed them."),
    "contacts": Entry(f"{_HERE}.people", "contacts", "People: list, show, add, edit, merge, import, export, erase."),
    "fields": Entry(f"{_HERE}.fields", "fields", "Custom fields of people: list, add, edit, remove."),
    "lists": Entry(f"{_HERE}.groups", "lists", "People put together by hand."),
    "tags": Entry(f"{_HERE}.groups", "tags", "Words that people are marked with."),
    "segments": Entry(f"{_HERE}.groups", "segments", "People found by a filter, counted live."),
    "suppressions": Entry(f"{_HERE}.audience", "suppressions", "Numbers that must not be contacted."),
    "consents": Entry(f"{_HERE}.consents", "consents", "What people agreed to; ask and remind them."),
    "keywords": Entry(f"{_HERE}.keywords", "keywords", "Words people stop and start with, and the answers."),
    "errands": Entry(f"{_HERE}.errands", "errands", "What carriers are told and asked beside messages."),
    "accounts": Entry(f"{_HERE}.connections", "accounts", "Credentials at carriers: add, test, pause."),
    "routes": Entry(f"{_HERE}.connections", "routes", "Which account carries what, and why."),
    "senders": Entry(f"{_HERE}.connections", "senders", "Which senders an account may use."),
    "rules": Entry(f"{_HERE}.rules", "rules", "The law of countries as rules, with sources."),
    "compliance": Entry(f"{_HERE}.compliance", "compliance", "Names, senders, registrations, waivers for rules."),
    "providers": Entry(f"{_HERE}.inspecting", "providers", "What each carrier can do."),
    "text": Entry(f"{_HERE}.inspecting", "text", "Count a text: parts, bytes, costly characters."),
    "numbers": Entry(f"{_HERE}.inspecting", "numbers", "Read phone numbers as an import would."),
    "keys": Entry(f"{_HERE}.access", "keys", "API keys: create, list, revoke."),
    "doctor": Entry(f"{_HERE}.doctor", "doctor", "Check the installation and say what to do."),
    "db": Entry(f"{_HERE}.upkeep", "db", "The database: upgrade, backup, restore."),
    "rotate-keys": Entry(f"{_HERE}.upkeep", "rotate_keys", "Encrypt all credentials with the newest key."),
    "bench": Entry(f"{_HERE}.bench.commands", "bench", "Measure this machine."),
}


@click.group(cls=LazyGroup, entries=ENTRIES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sendyard", prog_name="sendyard")
def root() -> None:
    """
    Sendyard: a messaging gateway and campaign platform that you run yourself.

    Every command has --help with an example, and --json. Exit codes: 0 done, 1 it could not be done, 2 wrong
    usage, 3 partly done. `sendyard demo` shows everything without any account.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code."""
    try:
        with root.make_context("sendyard", arguments) as context:
            root.invoke(context)
    except NotDone as end:
        return end.code
    except click.exceptions.Exit as end:
        return end.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a traceback helps nobody
        return _told(error, as_json="--json" in arguments)
    return DONE


def _told(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong and what to do about it."""
    match error:
        case click.ClickException():
            error.show()
            return WRONG_USAGE if isinstance(error, click.UsageError) else NOT_DONE
        case click.Abort() | KeyboardInterrupt():
            click.echo("Interrupted.", err=True)
        case BrokenPipeError():
            # Whoever read our output has seen enough; Python must not complain while it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        case AppError():
            _refused(error, as_json=as_json)
        case _:
            _failed(error)
    return NOT_DONE


def _refused(error: AppError, *, as_json: bool) -> None:
    # Of one fault the error itself says most; of several each has its own sentence.
    details = [fault.detail for fault in error.errors] if len(error.errors) > 1 else [error.detail]
    for detail in dict.fromkeys(details):
        click.echo(f"Error: {detail}", err=True)
    if as_json:
        faults = [{"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in error.errors]
        document = {"error": {"code": error.code, "detail": error.detail, "errors": faults}}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _failed(error: BaseException) -> None:
    # Drivers are imported only where something was opened, so that `--help` stays quick.
    from sendyard.storage.failures import DATABASE_AWAY, in_a_line  # noqa: PLC0415

    if isinstance(error, DATABASE_AWAY):
        click.echo(
            f"Error: The database did not answer ({in_a_line(error)}). Check SENDYARD_DATABASE_URL and that it runs; "
            "`sendyard doctor` looks closer.",
            err=True,
        )
    elif isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        click.echo(f"Error: The system refused: {what}. Check the path and its permissions.", err=True)
    else:
        logging.getLogger("sendyard").debug("the command failed", exc_info=error)
        click.echo(
            f"Error: This is a defect of Sendyard ({type(error).__name__}: {error}). Run it again with "
            "SENDYARD_LOG_LEVEL=debug and report what it prints.",
            err=True,
        )
