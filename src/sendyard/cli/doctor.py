"""
The doctor: everything a support engineer would look at, each with what to do.
"""

import asyncio
import getpass
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvloop

from sendyard.bootstrap import Yard, key_ring
from sendyard.cli.opening import quiet_settings
from sendyard.cli.printing import put, say
from sendyard.cli.shape import NOT_DONE, Command, NotDone
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.errors import AppError
from sendyard.features.media import open_store
from sendyard.ledger.queries import lanes
from sendyard.settings import Settings
from sendyard.storage import backup
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY, in_a_line
from sendyard.storage.identifiers import now_ms
from sendyard.storage.vault import Vault

_LEAST_SPACE = 1 << 30  # bytes
_OLD_QUEUE = 300  # seconds a due message may wait before somebody should look
_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `level` is ok, warn or fail."""

    check: str
    level: str
    detail: str
    fix: str = ""


@click.command(cls=Command, example="sendyard doctor\nsendyard doctor --online --json")
@click.option("--online", is_flag=True, help="Also try each account's credentials at its provider.")
def doctor(*, online: bool) -> None:
    """Check settings, data directory, files, key ring, database, accounts, routes and queues. Changes nothing."""
    findings = list(_findings(online=online))
    document = {"ok": not any(f.level == "fail" for f in findings), "findings": [asdict(f) for f in findings]}

    def write() -> None:
        for finding in findings:
            say(f"{_MARKS[finding.level]}  {finding.check}: {finding.detail}")
            if finding.fix:
                say(f"      {finding.fix}")

    put(document, write)
    if not document["ok"]:
        raise NotDone(NOT_DONE)


def _findings(*, online: bool) -> Iterator[Finding]:
    yield Finding("program", "ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}.")
    try:
        settings = quiet_settings()
    except AppError as error:
        yield Finding("settings", "fail", error.detail, "Correct the variable or sendyard.toml and run this again.")
        return
    yield Finding("settings", "ok", f"The data directory is {settings.data_dir}.")
    yield _public_url(settings)
    folder = _data_dir(settings.data_dir)
    yield folder
    if folder.level == "fail":
        return
    if settings.media_url:
        yield _bucket(settings)
    vault, finding = _vault(settings)
    yield finding
    try:
        database = Database(settings.effective_database_url)
    except AppError as error:
        yield Finding("database", "fail", error.detail)
        return
    try:
        yield from _inside(settings, database, vault, online=online)
    except DATABASE_AWAY as error:
        yield Finding(
            "database", "fail", f"It cannot be read: {in_a_line(error)}",
            "Check that it runs and that SENDYARD_DATABASE_URL names it.",
        )  # fmt: skip
    finally:
        database.close()


def _public_url(settings: Settings) -> Finding:
    url = urlsplit(settings.public_url)
    if not settings.public_url:
        return Finding(
            "public address", "warn", "None is set, so providers cannot call back; reports are asked for instead.",
            "Set SENDYARD_PUBLIC_URL to the address under which this server is reached from outside.",
        )  # fmt: skip
    if url.scheme != "https":
        return Finding(
            "public address", "warn", f"{settings.public_url} is not encrypted.",
            "Put a proxy with a certificate before it and set SENDYARD_PUBLIC_URL to its https address.",
        )  # fmt: skip
    return Finding("public address", "ok", f"Providers call back at {settings.public_url}.")


def _data_dir(folder: Path) -> Finding:
    check = "data directory"
    if not folder.is_dir():
        fix = "Start `sendyard serve` once, which makes it, or set SENDYARD_DATA_DIR to where it is."
        return Finding(check, "fail", f"{folder} is not there.", fix)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        fix = f"Run as its owner, or let this user have it: chown {getpass.getuser()} {folder}"
        return Finding(check, "fail", f"{folder} cannot be written by this user.", fix)
    free = shutil.disk_usage(folder).free
    shown = f"{free / (1 << 30):,.1f} GiB are free."
    if free < _LEAST_SPACE:
        return Finding(check, "warn", shown, "Make room: SQLite stops accepting messages on a full disk.")
    return Finding(check, "ok", shown)


def _bucket(settings: Settings) -> Finding:
    secret = settings.media_secret.get_secret_value()
    try:
        store = open_store(settings.media_url, settings.data_dir, key_id=settings.media_key_id, secret=secret)
        uvloop.run(store.check())
    except AppError as error:
        return Finding("files", "fail", error.detail)
    return Finding("files", "ok", f"The bucket {urlsplit(settings.media_url).hostname} answers.")


def _vault(settings: Settings) -> tuple[Vault | None, Finding]:
    if not settings.secret_keys.get_secret_value() and not settings.key_ring_file.exists():
        fix = "Start `sendyard serve` once, which makes one; or bring yours back if there are accounts already."
        return None, Finding("key ring", "warn", f"There is no {settings.key_ring_file}.", fix)
    try:
        ring = key_ring(settings)
        return Vault(ring), Finding("key ring", "ok", f"{len(ring)} keys; the first one encrypts.")
    except AppError as error:
        return None, Finding("key ring", "fail", error.detail)


def _inside(settings: Settings, database: Database, vault: Vault | None, *, online: bool) -> Iterator[Finding]:
    present, newest = backup.revision(database), backup.newest_revision()
    if present != newest:
        yield Finding(
            "database", "fail", f"Its shape is {present or 'not there yet'}, and this version needs {newest}.",
            "Run `sendyard db upgrade` (or start `sendyard serve`, which does it).",
        )  # fmt: skip
        return
    yield Finding("database", "ok", f"{database.dialect}, shape {present}.")
    if vault is None:
        return
    directory = Directory(database, vault, settings.public_url)
    directory.load_now()
    entries = directory.accounts()
    if not entries:
        yield Finding("accounts", "warn", "There are none, so nothing can be sent.", "Run `sendyard accounts add`.")
    for entry in entries:
        yield _account(entry)
    yield from _routes(directory, entries)
    yield from _queues(database, directory)
    if online:
        yield from uvloop.run(_tried(settings))


def _account(entry: AccountEntry) -> Finding:
    check = f"account {entry.name}"
    if entry.unreadable:
        fix = "Add the key that encrypted it at the end of SENDYARD_SECRET_KEYS, or enter the credentials again."
        return Finding(check, "fail", entry.pause_reason, fix)
    if not entry.is_active:
        fix = f"When the reason is gone: sendyard accounts resume {entry.id}"
        return Finding(check, "warn", f"Paused: {entry.pause_reason}", fix)
    emulated = "; it leads to an emulator" if entry.is_emulated else ""
    return Finding(check, "ok", f"Active at {entry.provider}{emulated}.")


def _routes(directory: Directory, entries: list[AccountEntry]) -> Iterator[Finding]:
    known = {entry.id for entry in entries}
    active = {entry.id for entry in entries if entry.is_active}
    workspaces = {entry.workspace_id for entry in entries}
    routes = [route for workspace in sorted(workspaces) for route in directory.routes(workspace)]
    if entries and not routes:
        fix = "Run `sendyard routes set ACCOUNT`; without a route only messages that name an account can leave."
        yield Finding("routes", "warn", "There are none.", fix)
    for route in routes:
        check = f"route {route.channel} to {route.country or 'any country'}, {route.purpose or 'any purpose'}"
        if not known & set(route.accounts):
            yield Finding(
                check, "fail", "None of its accounts exists any more.", "Set it again with `sendyard routes set`."
            )
        elif not active & set(route.accounts):
            yield Finding(check, "warn", "All of its accounts are paused; messages wait.", "Resume one of them.")
        else:
            yield Finding(
                check, "ok", f"{len(active & set(route.accounts))} of {len(route.accounts)} accounts are active."
            )


def _queues(database: Database, directory: Directory) -> Iterator[Finding]:
    waiting = database.read_now(lanes)
    late = [lane for lane in waiting if now_ms() - lane["oldest_due_at"] > 1000 * _OLD_QUEUE]
    for lane in late:
        entry = directory.account(lane["account_id"])
        age = (now_ms() - lane["oldest_due_at"]) // 60_000
        yield Finding(
            f"queue of {entry.name if entry else lane['account_id']}", "warn",
            f"{lane['waiting']:,} messages wait, the oldest for {age:,} minutes.",
            "Is `sendyard serve` or `worker` running? Is the account paused, or its rate low?",
        )  # fmt: skip
    if not late:
        yield Finding("queues", "ok", f"{sum(lane['waiting'] for lane in waiting):,} messages wait, none for long.")


async def _tried(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    with await asyncio.to_thread(Yard, settings) as yard:
        for entry in yard.directory.accounts():
            try:
                answer = await yard.accounts.test(entry.workspace_id, entry.id)
                level = "ok" if answer["ok"] else "fail"
                found.append(Finding(f"credentials of {entry.name}", level, answer["detail"]))
            except AppError as error:
                found.append(Finding(f"credentials of {entry.name}", "warn", error.detail))
        await yard.transport.close()
    return found
