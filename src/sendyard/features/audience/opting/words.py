"""
A workspace's own words and texts, beside those built in.
"""

from typing import Any

from sendyard.domain.errors import NotFound
from sendyard.domain.keywords import LANGUAGES, Intent, normalise, words_of
from sendyard.domain.keywords import own_word as comparable
from sendyard.features.audience.opting import queries
from sendyard.features.audience.opting.queries import WordRow
from sendyard.features.audience.opting.wording import TEXTS, Reply, check_language, check_text, wrong
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction


class Vocabulary:
    """The words that people stop and start with, and what is answered to them."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def show(self, workspace_id: str) -> dict[str, Any]:
        """
        Give every word and text in force.

        Returns:
            `{words: [{word, intent, language, own}], texts: [{reply, language, text, own}]}`; `own` are those of the
            workspace.
        """

        def read(tx: Transaction) -> tuple[list[WordRow], dict[tuple[str, str], str]]:
            return queries.own_words(tx, workspace_id), queries.own_texts(tx, workspace_id)

        own, texts = await self._database.read(read)
        replaced = {row.word for row in own}
        built_in = [
            {"word": word, "intent": intent.value, "language": language, "own": False}
            for intent in Intent
            for language in LANGUAGES
            for word in words_of(intent, language)
            if normalise(word) not in replaced
        ]
        return {
            "words": [_shown(row) for row in own] + built_in,
            "texts": [
                {"reply": reply.value, "language": language, "text": texts.get((reply.value, language), text),
                 "own": (reply.value, language) in texts}
                for reply, by_language in TEXTS.items()
                for language, text in by_language.items()
            ],
        }  # fmt: skip

    async def add(self, workspace_id: str, *, word: str, intent: Intent, language: str) -> dict[str, Any]:
        """
        Let a word mean something, in whichever case and with whichever punctuation it comes.

        Raises:
            Invalid: it is empty or too long, or a word of refusal that is to mean something else.
        """
        spoken = check_language(language)
        try:
            compared = comparable(word, intent)
        except ValueError as error:
            sentence = str(error)
            raise wrong("/word", "bad_word", f"{sentence[0].upper()}{sentence[1:]}.") from None
        row = WordRow(compared, word.strip(), intent.value, spoken, now_ms())
        await self._database.write(lambda tx: queries.keep_own_word(tx, workspace_id, row))
        return _shown(row)

    async def remove(self, workspace_id: str, word: str) -> None:
        """Forget a word of the workspace's own. Raises NotFound."""
        if not await self._database.write(lambda tx: queries.forget_own_word(tx, workspace_id, normalise(word))):
            raise NotFound("unknown_word", f"There is no word {word!r:.60} of your own; built-in ones always count.")

    async def set_text(self, workspace_id: str, *, reply: Reply, language: str, text: str) -> dict[str, Any]:
        """
        Say something else than the built-in text.

        Raises:
            Invalid: there is no such language, or the text lacks what it must say or has a variable nobody fills.
        """
        spoken = check_language(language)
        check_text(reply, text)
        now = now_ms()
        await self._database.write(
            lambda tx: queries.keep_own_text(tx, workspace_id, reply.value, spoken, text, now=now)
        )
        return {"reply": reply.value, "language": spoken, "text": text, "own": True}

    async def reset_text(self, workspace_id: str, *, reply: Reply, language: str) -> dict[str, Any]:
        """Go back to the built-in text. Raises Invalid, NotFound."""
        spoken = check_language(language)
        if not await self._database.write(lambda tx: queries.forget_own_text(tx, workspace_id, reply.value, spoken)):
            raise NotFound("unknown_text", f"The text {reply.value} in {spoken} is the built-in one already.")
        return {"reply": reply.value, "language": spoken, "text": TEXTS[reply][spoken], "own": False}


def _shown(row: WordRow) -> dict[str, Any]:
    return {"word": row.written, "intent": row.intent, "language": row.language, "own": True}
