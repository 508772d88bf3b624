"""
Short links: make them, see who followed them, and the hosts they begin with.
"""

from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.shape import Group


@click.group(cls=Group)
def links() -> None:
    """Short links with an address for each recipient."""


@links.command(
    "add",
    example="sendyard links add https://shop.example.com/sale --code sale\n"
    'sendyard links add "https://shop.example.com/track?no={number}" --code track --expires-in 2592000',
)
@click.argument("url")
@click.option("--code", default="", help="What texts call it, as in {link.CODE}; made up when left out.")
@click.option("--title", default="", help="For people, and for the preview page.")
@click.option("--domain", default="", metavar="HOST", help="A verified host of your own.")
@click.option("--expires-in", type=click.IntRange(min=0), metavar="SECONDS", help="After which it leads nowhere.")
@click.option("--preview-page", is_flag=True, help="Show people where it leads before they go there.")
@workspace_option
def links_add(
    url: str, code: str, title: str, domain: str, expires_in: int | None, *, preview_page: bool, workspace: str
) -> None:
    """Make a link; {name} behind its host is filled in for each recipient."""
    made = in_yard(
        lambda place: place.yard.short_links.add(
            place.workspace_id,
            url,
            code=code,
            title=title,
            domain=domain,
            expires_in=expires_in,
            preview_page=preview_page,
        ),
        workspace,
    )

    def write() -> None:
        say(f"Made the link {made['code']}. Write {made['variable']} in a template or a campaign's text.")
        if made["short_url"]:
            say(f"For nobody in particular, as on a poster: {made['short_url']}")

    put(made, write)


@links.command("list", example="sendyard links list --limit 20")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@workspace_option
def links_list(after: str, limit: int, workspace: str) -> None:
    """List links with how often each was followed, newest first."""
    found = in_yard(
        lambda place: place.yard.short_links.all(place.workspace_id, after=after, limit=limit + 1), workspace
    )
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        rows = [
            (one["code"], one["visits"]["people"], one["visits"]["clicks"], one["visits"]["filtered"],
             when(one["expires_at"]), one["url"])
            for one in shown
        ]  # fmt: skip
        table(("code", "people", "clicks", "not counted", "ends", "leads to"), rows, empty="There are no links yet.")
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@links.command("show", example="sendyard links show sale --clicks 20")
@click.argument("name", metavar="CODE|ID")
@click.option(
    "--clicks", "newest", type=click.IntRange(0, 1000), default=0, metavar="N", help="Show the newest visits."
)
@click.option("--counted", is_flag=True, help="Of these only what counts: no machines, nothing early or late.")
@workspace_option
def links_show(name: str, newest: int, *, counted: bool, workspace: str) -> None:
    """Show one link, and who followed it."""

    async def work(place: Place) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        links = place.yard.short_links
        found = await links.get(place.workspace_id, name)
        visits = await links.clicks(place.workspace_id, name, limit=newest, counted=counted) if newest else []
        return found, visits

    found, visits = in_yard(work, workspace)

    def write() -> None:
        _show(found)
        if newest:
            rows = [
                (when(one["at"]), one["to"], one["campaign_id"], one["row"], one["device"], one["filtered"])
                for one in visits
            ]
            table(("at", "to", "campaign", "row", "device", "not counted"), rows, empty="Nobody followed it yet.")

    put({**found, **({"clicks": visits} if newest else {})}, write)


@links.command("change", example="sendyard links change sale --expires-in 0")
@click.argument("name", metavar="CODE|ID")
@click.option("--title")
@click.option("--expires-in", type=click.IntRange(min=0), metavar="SECONDS", help="From now; 0 ends it.")
@click.option("--preview-page/--no-preview-page", default=None)
@workspace_option
def links_change(
    name: str, title: str | None, expires_in: int | None, *, preview_page: bool | None, workspace: str
) -> None:
    """Change a link, or end it; where it leads never changes."""
    changed = in_yard(
        lambda place: place.yard.short_links.edit(
            place.workspace_id, name, title=title, expires_in=expires_in, preview_page=preview_page
        ),
        workspace,
    )
    put(changed, lambda: _show(changed))


@links.group("domains", cls=Group)
def domains() -> None:
    """Hosts of your own that short links begin with."""


@domains.command("list", example="sendyard links domains list")
@workspace_option
def domains_list(workspace: str) -> None:
    """List hosts; the first verified one is that of links which name none."""
    found = in_yard(lambda place: place.yard.link_domains.all(place.workspace_id), workspace)
    rows = [(one["host"], when(one["verified_at"]) or "not yet", one["check_url"]) for one in found]
    put(
        {"data": found},
        lambda: table(
            ("host", "verified", "checked at"), rows, empty="There are no hosts; the public address is used."
        ),
    )


@domains.command("add", example="sendyard links domains add go.example.com")
@click.argument("host")
@workspace_option
def domains_add(host: str, workspace: str) -> None:
    """Note a host; point it at this server, then verify it."""
    made = in_yard(lambda place: place.yard.link_domains.add(place.workspace_id, host), workspace)
    put(
        made,
        lambda: say(
            f"Noted {made['host']}. Point its DNS entry and your reverse proxy at this server, then run: "
            f"sendyard links domains verify {made['host']}"
        ),
    )


@domains.command("verify", example="sendyard links domains verify go.example.com")
@click.argument("host", metavar="HOST|ID")
@workspace_option
def domains_verify(host: str, workspace: str) -> None:
    """See whether a host leads to this server, which has to be running."""
    found = in_yard(lambda place: place.yard.link_domains.verify(place.workspace_id, host), workspace)
    put(found, lambda: say(f"{found['host']} leads here; short links may begin with it."))


@domains.command("remove", example="sendyard links domains remove go.example.com")
@click.argument("host", metavar="HOST|ID")
@workspace_option
def domains_remove(host: str, workspace: str) -> None:
    """Forget a host; addresses written with it work as long as it leads here."""
    in_yard(lambda place: place.yard.link_domains.remove(place.workspace_id, host), workspace)
    put({"removed": host}, lambda: say(f"Removed {host}."))


def _show(found: dict[str, Any]) -> None:
    visits = found["visits"]
    facts(
        {
            "code": found["code"],
            "write": found["variable"],
            "leads to": found["url"],
            "title": found["title"],
            "domain": found["domain"],
            "for nobody in particular": found["short_url"],
            "preview page": found["preview_page"],
            "ends": when(found["expires_at"]),
            "people": visits["people"],
            "clicks": visits["clicks"],
            "not counted": ", ".join(f"{count} {reason}" for reason, count in found["filtered_reasons"].items()),
            "id": found["id"],
        }
    )
