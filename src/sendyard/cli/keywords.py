"""
Keywords: the words people stop and start with, and what is answered to them.
"""

from typing import Any

import click

from sendyard.cli.opening import in_yard, workspace_option
from sendyard.cli.printing import put, say, table
from sendyard.cli.shape import Group
from sendyard.domain.keywords import LANGUAGES, Intent
from sendyard.features.audience.opting.wording import Reply

_INTENT = click.Choice([intent.value for intent in Intent])
_REPLY = click.Choice([reply.value for reply in Reply])
_LANGUAGE = click.Choice(LANGUAGES)


@click.group(cls=Group)
def keywords() -> None:
    """Words that are a whole message: stop, start, help; and their answers."""


@keywords.command("list", example="sendyard keywords list --language ko")
@click.option("--language", type=_LANGUAGE, default=None)
@workspace_option
def keywords_list(language: str | None, workspace: str) -> None:
    """List every word that counts."""
    found = in_yard(lambda place: place.yard.opting.vocabulary.show(place.workspace_id), workspace)
    shown = [one for one in found["words"] if language in {None, one["language"]}]

    def write() -> None:
        rows = [(one["word"], one["intent"], one["language"], "yours" if one["own"] else "") for one in shown]
        table(("word", "means", "language", ""), rows, empty="There are none.")

    put({"data": shown, "next": None}, write)


@keywords.command("add", example='sendyard keywords add "Stop promotions" opt_out')
@click.argument("word")
@click.argument("intent", type=_INTENT)
@click.option("--language", type=_LANGUAGE, default="en", show_default=True, help="Of the answer.")
@workspace_option
def keywords_add(word: str, intent: str, language: str, workspace: str) -> None:
    """Let WORD mean INTENT, in whichever case and with whichever punctuation."""
    added = in_yard(
        lambda place: place.yard.opting.vocabulary.add(
            place.workspace_id, word=word, intent=Intent(intent), language=language
        ),
        workspace,
    )
    put(added, lambda: say(f"{added['word']} means {added['intent']} from now on."))


@keywords.command("remove", example='sendyard keywords remove "Stop promotions"')
@click.argument("word")
@workspace_option
def keywords_remove(word: str, workspace: str) -> None:
    """Forget a WORD of your own."""
    in_yard(lambda place: place.yard.opting.vocabulary.remove(place.workspace_id, word), workspace)
    put({"word": word, "removed": True}, lambda: say(f"{word} is an ordinary word again."))


@keywords.command("texts", example="sendyard keywords texts --language ko")
@click.option("--language", type=_LANGUAGE, default=None)
@workspace_option
def keywords_texts(language: str | None, workspace: str) -> None:
    """List what is said in answers, questions and reminders."""
    found = in_yard(lambda place: place.yard.opting.vocabulary.show(place.workspace_id), workspace)
    shown = [one for one in found["texts"] if language in {None, one["language"]}]

    def write() -> None:
        rows = [(one["reply"], one["language"], "yours" if one["own"] else "", one["text"]) for one in shown]
        table(("for", "language", "", "text"), rows, empty="There are none.")

    put({"data": shown, "next": None}, write)


@keywords.command("say", example='sendyard keywords say opt_out ko "[{business|}] 수신거부 처리되었습니다. ({date})"')
@click.argument("reply", type=_REPLY)
@click.argument("language", type=_LANGUAGE)
@click.argument("text", required=False)
@workspace_option
def keywords_say(reply: str, language: str, text: str | None, workspace: str) -> None:
    """Say TEXT for REPLY in LANGUAGE; without a TEXT, the built-in one again."""

    async def work(place: Any) -> dict[str, Any]:
        vocabulary, workspace_id = place.yard.opting.vocabulary, place.workspace_id
        if text is None:
            return dict(await vocabulary.reset_text(workspace_id, reply=Reply(reply), language=language))
        return dict(await vocabulary.set_text(workspace_id, reply=Reply(reply), language=language, text=text))

    kept = in_yard(work, workspace)
    put(kept, lambda: say(f"{kept['reply']} in {kept['language']}: {kept['text']}"))
