"""
Keywords people answer with.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.keywords import STANDARD, Intent, is_probable_refusal, keywords_with, normalise, words_of

OUT, IN, HELP = Intent.OPT_OUT, Intent.OPT_IN, Intent.HELP


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("STOP", OUT),
        ("STOP.", OUT),
        (" stop ", OUT),
        ("Stop!!!", OUT),
        ("ＳＴＯＰ！", OUT),
        ('"stop"', OUT),
        ("STOP 🛑", OUT),
        ("❤️ stop", OUT),
        ("stop\u200b", OUT),
        ("\u202astop\u202c", OUT),
        ("STOP\n", OUT),
        ("stop   all", OUT),
        ("STOPALL", OUT),
        ("Opt-Out", OUT),
        ("opt out", OUT),
        ("OPTOUT", OUT),
        ("Unsubscribe", OUT),
        ("cancel", OUT),
        ("END", OUT),
        ("quit", OUT),
        ("revoke", OUT),
        ("수신거부", OUT),
        ("수신 거부.", OUT),
        ("[무료수신거부]", OUT),
        ("거부", OUT),
        ("退訂", OUT),
        ("退訂。", OUT),
        ("「退訂」", OUT),
        ("退订", OUT),
        ("取消訂閱", OUT),
        ("बंद करो", OUT),
        ("बंद करो।", OUT),
        ("बंद", OUT),
        ("मत भेजो", OUT),
        ("START", IN),
        ("unstop", IN),
        ("수신동의", IN),
        ("恢復訂閱", IN),
        ("शुरू करें", IN),
        ("HELP", HELP),
        ("help?", HELP),
        ("info", HELP),
        ("도움말", HELP),
        ("說明", HELP),
        ("मदद", HELP),
        # Replies
        ("stop by tomorrow", None),
        ("stop, he is not coming", None),
        ("please stop", None),
        ("s.t.o.p", None),
        ("stopp", None),
        ("don't stop", None),
        ("수신거부 어떻게 하나요", None),
        ("退訂怎麼用", None),
        ("बंद कब होगा", None),
        ("cancel my order", None),
        ("the end", None),
        ("helpful", None),
        ("n", None),
        ("yes", None),
        ("", None),
        ("?!", None),
        ("🙂", None),
        ("stop" + " " * 100, None),
    ],
)
def test_whole_message_decides(text: str, intent: Intent | None) -> None:
    assert STANDARD.intent(text) is intent


@pytest.mark.parametrize("word", ["N", "nt", "TD", "n."])
def test_short_answers_mean_stop_in_taiwan_only(word: str) -> None:
    assert STANDARD.intent(word, country="TW") is OUT
    assert STANDARD.intent(word, country="US") is None


@pytest.mark.parametrize("word", ["YES", "네", "好", "हाँ", "Yes!"])
def test_yes_means_start_only_from_someone_who_stopped(word: str) -> None:
    assert STANDARD.intent(word, is_stopped=True) is IN
    assert STANDARD.intent(word) is None


def test_stop_means_stop_from_someone_who_stopped() -> None:
    assert STANDARD.intent("stop", is_stopped=True) is OUT


@given(
    st.sampled_from([word for language in ("en", "ko", "zh-Hant", "hi") for word in words_of(OUT, language)]),
    st.text(" .,!?…。！~*-_\"'()\n", max_size=5),
    st.text(" .,!?…。！~*-_\"'()\n", max_size=5),
)
def test_case_punctuation_and_space_around_never_matter(word: str, before: str, after: str) -> None:
    assert STANDARD.intent(f"{before}{word.upper()}{after}") is OUT


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_workspace_adds_words_of_its_own() -> None:
    words = keywords_with({OUT: ["Basta!"], HELP: ["who", "start"]})
    assert words.intent("BASTA") is OUT
    assert words.intent("Who?") is HELP
    assert words.intent("start") is HELP
    assert words.intent("수신거부") is OUT
    assert words.intent("n", country="TW") is OUT
    assert STANDARD.intent("basta") is None


@pytest.mark.parametrize("word", ["", " . ", "x" * 41])
def test_useless_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="expected a word"):
        keywords_with({OUT: [word]})


def test_word_of_refusal_keeps_its_meaning() -> None:
    with pytest.raises(ValueError, match="means opt-out everywhere"):
        keywords_with({IN: ["Stop."]})
    assert keywords_with({OUT: ["stop"]}).intent("stop") is OUT


@pytest.mark.parametrize("language", ["en", "ko", "zh-Hant", "hi"])
@pytest.mark.parametrize("intent", list(Intent))
def test_every_listed_word_is_understood(language: str, intent: Intent) -> None:
    assert [word for word in words_of(intent, language) if STANDARD.intent(word) is not intent] == []


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("Please stop texting me", True),
        ("remove me from your list", True),
        ("take me off this list", True),
        ("Don’t text me again", True),
        ("no more messages please", True),
        ("I want to unsubscribe", True),
        ("opt me out", True),
        ("문자 그만 보내세요", True),
        ("문자 보내지 마세요", True),
        ("수신 거부해 주세요", True),
        ("請不要再傳簡訊", True),
        ("我要退訂", True),
        ("कृपया मैसेज मत भेजो", True),
        ("stop by tomorrow", False),
        ("cancel my order", False),
        ("can you text me the address", False),
        ("停止營業了嗎", False),
        ("문자 잘 받았습니다", False),
        ("दुकान बंद है?", False),
        ("", False),
    ],
)
def test_sentence_that_reads_like_a_refusal(text: str, *, refusal: bool) -> None:
    assert is_probable_refusal(text) is refusal
