"""
Keeping the installation: the database and the key ring.
"""

from pathlib import Path
from typing import Any

import click

from sendyard.bootstrap import only_process
from sendyard.cli.opening import Place, in_yard, quiet_settings
from sendyard.cli.printing import note, put, say
from sendyard.cli.shape import Command, Group
from sendyard.storage import backup, media_copies, migrations
from sendyard.storage.engine import Database


@click.group(cls=Group)
def db() -> None:
    """The database: bring it up to date, save it, bring it back."""


@db.command("upgrade", example="sendyard db upgrade")
def db_upgrade() -> None:
    """Create the database or bring it to the newest shape; repeating it is harmless."""
    settings = quiet_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.effective_database_url)
    try:
        before = backup.revision(database)
        migrations.upgrade(database)
        after = backup.revision(database)
    finally:
        database.close()
    document = {"engine": database.dialect, "before": before, "after": after, "changed": before != after}
    put(document, lambda: say(f"Brought to {after}." if before != after else f"It is up to date ({after})."))


@db.command("backup", example="sendyard db backup /backups/sendyard-monday.backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def db_backup(file: Path, *, force: bool) -> None:
    """
    Save the whole database to FILE as it is at one moment, also while Sendyard runs.

    Files of messages that are kept in the data directory are copied to the folder FILE.media beside it.
    """
    settings = quiet_settings()
    database = Database(settings.effective_database_url)
    try:
        saved, files = media_copies.save_beside(
            settings.data_dir / "media",
            file,
            lambda: backup.save(database, file, overwrite=force),
            overwrite=force,
        )
    finally:
        database.close()
    beside = f", and {files:,} files to {media_copies.folder_of(file)}" if files else ""
    put(
        {**saved, "files": files},
        lambda: say(f"Saved {saved['rows']:,} rows of {saved['tables']} tables to {file}{beside}."),
    )
    if settings.media_url:
        note("Files are in a bucket, which is saved by its own means; this has the database alone.")
    note("Keep the key ring beside it, but not in the same place: without it, accounts must be entered again.")


@db.command("restore", example="sendyard db restore /backups/sendyard-monday.backup")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def db_restore(file: Path) -> None:
    """
    Bring back what `db backup` saved, into a database that is empty or not there yet, of either engine.

    Files in the folder FILE.media beside it are brought back into the data directory.

    Messages that were under way at that moment are settled as after a crash when Sendyard starts.
    """
    settings = quiet_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_process(settings, "all"):
        database = Database(settings.effective_database_url)
        try:
            restored = backup.load(database, file)
        finally:
            database.close()
        files = media_copies.load_beside(settings.data_dir / "media", file)
    beside = f", and {files:,} files" if files else ""
    put(
        {**restored, "files": files},
        lambda: say(f"Brought back {restored['rows']:,} rows of {restored['tables']} tables{beside}."),
    )
    note("Next: `sendyard doctor`, which also tells whether this key ring opens the accounts.")


@click.command(
    "rotate-keys",
    cls=Command,
    example='export SENDYARD_SECRET_KEYS="new-key,$SENDYARD_SECRET_KEYS"\nsendyard rotate-keys',
)
def rotate_keys() -> None:
    """
    Encrypt every credential with the newest key of the ring; afterwards older keys can be removed from it.

    The ring is SENDYARD_SECRET_KEYS, or the file secret-keys in the data directory, a key a line, newest first.
    """

    async def work(place: Place) -> int:
        await place.yard.erasing.rotate_keys()
        return await place.yard.accounts.rotate_keys()

    changed = in_yard(work)
    document: dict[str, Any] = {"changed": changed}
    put(document, lambda: say(f"{changed} accounts were encrypted anew." if changed else "All use the newest key."))
