"""
The words people stop and start with, and what is answered to them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.keywords import Intent
from sendyard.features.audience.opting.wording import Reply
from sendyard.features.audience.opting.words import Vocabulary

Language = Annotated[str, Meta(description="en, ko, zh-Hant or hi.")]


class WordBody(msgspec.Struct, forbid_unknown_fields=True):
    """A word of your own; it is the whole message, in whichever case and with whichever punctuation."""

    word: str
    intent: Intent
    language: Annotated[str, Meta(description="Of the answer: en, ko, zh-Hant or hi.")] = "en"


class WordAnswer(msgspec.Struct):
    """A word and what it means; `own` are those you added."""

    word: str
    intent: Intent
    language: str
    own: bool


class TextBody(msgspec.Struct, forbid_unknown_fields=True):
    """A text of your own, with variables such as `{business}` and `{date}`."""

    reply: Reply
    language: Language
    text: str


class TextAnswer(msgspec.Struct):
    """What is said, and whether it is a text of your own."""

    reply: Reply
    language: str
    text: str
    own: bool


class VocabularyAnswer(msgspec.Struct):
    """Every word and every text in force."""

    words: list[WordAnswer]
    texts: list[TextAnswer]


class WordChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The word to forget."""

    word: str


class TextChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The text to take back."""

    reply: Reply
    language: str


class KeywordDoor:
    """The operations under `/keywords`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Take the feature they speak for."""
        self._vocabulary = vocabulary

    def operations(self) -> list[Operation]:
        """Everything callers can do with words and texts."""
        tag, scope, path = "Keywords", "audience", "/keywords"
        return [
            Operation(method="GET", path=path, handler=self.show, summary="Every word and text in force", tag=tag,
                      scope=scope, answers=VocabularyAnswer),
            Operation(method="PUT", path=f"{path}/words", handler=self.add, summary="Let a word mean something",
                      tag=tag, scope=scope, body=WordBody, answers=WordAnswer),
            Operation(method="DELETE", path=f"{path}/words", handler=self.remove, summary="Forget a word of your own",
                      tag=tag, scope=scope, query=WordChoice, status=204, refuses=(404,)),
            Operation(method="PUT", path=f"{path}/texts", handler=self.set_text, summary="Say something else",
                      tag=tag, scope=scope, body=TextBody, answers=TextAnswer),
            Operation(method="DELETE", path=f"{path}/texts", handler=self.reset_text, tag=tag, scope=scope,
                      summary="Go back to the built-in text", query=TextChoice, answers=TextAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def show(self, ask: Ask[NoBody, NoQuery]) -> VocabularyAnswer:
        """Give every word and text in force."""
        return msgspec.convert(await self._vocabulary.show(ask.workspace_id), VocabularyAnswer)

    async def add(self, ask: Ask[WordBody, NoQuery]) -> WordAnswer:
        """Let a word mean something."""
        found = await self._vocabulary.add(ask.workspace_id, **msgspec.structs.asdict(ask.body))
        return msgspec.convert(found, WordAnswer)

    async def remove(self, ask: Ask[NoBody, WordChoice]) -> None:
        """Forget a word of one's own."""
        await self._vocabulary.remove(ask.workspace_id, ask.query.word)

    async def set_text(self, ask: Ask[TextBody, NoQuery]) -> TextAnswer:
        """Say something else."""
        found = await self._vocabulary.set_text(ask.workspace_id, **msgspec.structs.asdict(ask.body))
        return msgspec.convert(found, TextAnswer)

    async def reset_text(self, ask: Ask[NoBody, TextChoice]) -> TextAnswer:
        """Go back to the built-in text."""
        found = await self._vocabulary.reset_text(ask.workspace_id, **msgspec.structs.asdict(ask.query))
        return msgspec.convert(found, TextAnswer)
