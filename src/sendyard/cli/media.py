"""
Files that messages carry: upload, look at, remove.
"""

import asyncio
from pathlib import Path
from typing import Any

import click

from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, put, say, table, when
from sendyard.cli.shape import PARTLY_DONE, Group, NotDone
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, FieldError, Invalid


@click.group(cls=Group)
def media() -> None:
    """Files that messages carry."""


@media.command("add", example="sendyard media add menu.pdf summer.jpg")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@workspace_option
def media_add(files: tuple[Path, ...], workspace: str) -> None:
    """Upload files; the same bytes give the same id. What a file is, is judged by its content."""

    async def work(place: Place) -> tuple[list[dict[str, Any]], list[tuple[Path, str]]]:
        added, refused = [], []
        for file in files:
            try:
                added.append(await _added(place, file))
            except AppError as error:
                if len(files) == 1:
                    raise
                refused.append((file, error.detail))
        return added, refused

    added, refused = in_yard(work, workspace)
    missing = [{"file": str(file), "detail": detail} for file, detail in refused]
    put({"data": added, "refused": missing}, lambda: _list(added))
    for file, detail in refused:
        note(f"{file}: {detail}")
    if refused:
        raise NotDone(PARTLY_DONE)


@media.command("list", example="sendyard media list --limit 20")
@click.option("--after", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@workspace_option
def media_list(after: str | None, limit: int, workspace: str) -> None:
    """List files, newest first."""
    found = in_yard(lambda place: place.yard.media.all(place.workspace_id, after=after, limit=limit + 1), workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        _list(shown)
        if following:
            say(f"There are more: --after {following}")

    put({"data": [_dated(one) for one in shown], "next": following}, write)


@media.command("show", example="sendyard media show 0192f0c1-0000-7000-8000-000000000000 --channel mms")
@click.argument("medium_id", metavar="ID")
@click.option("--channel", type=CHANNEL, help="Say also what accounts of this channel would be given.")
@click.option("--account", default="", help="Only this one.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the bytes here; as --account "
              "would be given them, when it is named.")  # fmt: skip
@workspace_option
def media_show(medium_id: str, channel: str | None, account: str, out: Path | None, workspace: str) -> None:
    """Show one file, and what would be sent of it."""
    if account and channel is None:
        detail = "--account needs --channel: limits differ by channel."
        raise Invalid("no_channel", detail, errors=[FieldError("--channel", "required", detail)])

    async def work(place: Place) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        library, workspace_id = place.yard.media, place.workspace_id
        found = await library.get(workspace_id, medium_id)
        previews = []
        if channel is not None:
            previews = await library.preview(workspace_id, medium_id, Channel(channel), account=account)
        if out is not None:
            content = await library.content(workspace_id, medium_id, account=account, channel=channel or "")
            data = b"".join([piece async for piece in content.pieces])
            await asyncio.to_thread(out.write_bytes, data)
        return found, previews

    found, previews = in_yard(work, workspace)

    def write() -> None:
        facts(_told(found))
        for one in previews:
            sent = one["sent"]
            told = _size(sent) + "".join(f"; {change}" for change in sent["changes"]) if sent else "not sent"
            problems = "; ".join(problem["detail"] for problem in one["problems"])
            say(f"{one['account_name']} ({one['provider']}): {problems or told}")

    put(_dated(found) | ({"previews": previews} if channel is not None else {}), write)


@media.command("delete", example="sendyard media delete 0192f0c1-0000-7000-8000-000000000000")
@click.argument("medium_id", metavar="ID")
@workspace_option
def media_delete(medium_id: str, workspace: str) -> None:
    """Remove a file that no template and no waiting message needs."""
    in_yard(lambda place: place.yard.media.delete(place.workspace_id, medium_id), workspace)
    put({"deleted": medium_id}, lambda: say(f"Removed {medium_id}."))


async def _added(place: Place, file: Path) -> dict[str, Any]:
    if not await asyncio.to_thread(file.is_file):
        detail = f"Expected a file, found none at {file}."
        raise Invalid("no_file", detail, errors=[FieldError("FILE", "no_file", detail)])
    return _dated(await place.yard.media.add_copy(place.workspace_id, file))


def _list(shown: list[dict[str, Any]]) -> None:
    rows = [(one["name"], one["content_type"], _size(one), one["id"]) for one in shown]
    table(("name", "type", "size", "id"), rows, empty="There are no files yet.")


def _told(found: dict[str, Any]) -> dict[str, object]:
    return {
        "id": found["id"],
        "name": found["name"],
        "type": found["content_type"],
        "size": _size(found),
        "SHA-256": found["digest"],
        "added": when(found["created_at"]),
        "kept until": when(found["kept_until"]),
    }


def _size(found: dict[str, Any]) -> str:
    pixels = f", {found['width']} x {found['height']} pixels" if found["width"] else ""
    return f"{found['bytes']:,} bytes{pixels}"


def _dated(found: dict[str, Any]) -> dict[str, Any]:
    """Times as the API writes them; `kept_until` has not the ending by which printing knows one."""
    return found | {"kept_until": when(found["kept_until"])}
