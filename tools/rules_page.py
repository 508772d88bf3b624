"""
Write docs/rules.md from the rule packs: `python tools/rules_page.py docs/rules.md`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import PACKS
from sendyard.domain.countries.rules import Pack, Rule

OPENING = """\
# Rules of countries and channels

What Sendyard knows of the law of four countries and of WhatsApp's terms, as rules with their sources. Every message is
judged by them when it is accepted and, as far as sender, consent and clock are concerned, again in the moment it
leaves: see [preflight](preflight.md). What they ask for is entered as [compliance facts](compliance.md). This page is
made from the rules themselves (`python tools/rules_page.py docs/rules.md`). It is engineering knowledge, not legal
advice; rules marked *uncertain* rest on weak, old or conflicting sources, and every verdict says so.

## What follows from a rule

| level | meaning |
|---|---|
| block | is not handed over unless waived |
| defer | waits for the moment named; it is moved, not dropped |
| fix | is put right automatically; preview and price show the text as it will be sent |
| warn | goes out; a person should know |

The column *waiver* says who may set a rule aside for a campaign, by name and with a reason that are recorded: nobody,
an owner, or a manager (and so an owner). A rule nobody may waive is asked whatever a campaign says.

Two principles. What is *known* to be wrong stops or is put right, while a fact nobody has told us (is this header
approved?) only warns, except for consent, which has to be on record. So a missing DLT id only warns until one has been
entered, a foreign sender only warns in Korea where its provider sends from abroad, and a closed WhatsApp window only
warns where no message of anybody has ever come in. And a fix never guesses: names, numbers and wordings come from the
sender's settings.

## Which country, which clock

The **number** decides the country, and the country's statutory hours hold in the country's time. The **person's own
time zone**, if they gave one, is respected besides; it never opens what the statute closes.

- Advertising at 21:30 in Seoul to a *Korean number* whose owner told us Los Angeles waits: the Network Act protects
  recipients of Korean numbers, whatever they say (`kr.night`), and in Los Angeles it is 04:30 (`kr.courtesy`). It goes
  at the first moment both are open. The courtesy can be waived, the statute cannot.
- Advertising at 21:30 in Seoul to a *Los Angeles number* is judged by American hours, in the person's own zone if
  known, else in the zones of the area code: it is 04:30 there, so it waits for 08:00. If its owner told us Seoul, their
  own evening counts, and it waits for 08:00 in Seoul.
- A number that may be in several zones (area code 208, an Australian mobile) needs all of them to be open. Without any
  zone the workspace's own stands in.

Times are half open: 08:00:00 is allowed, 21:00:00 is not. Korea keeps a margin before 21:00 (10 minutes, a setting),
because hand-over is not yet delivery; with a margin of 0 the last moment is 20:59:59.

## How to stop: keywords

A keyword is the whole message, compared after NFKC, in any case, without punctuation, symbols and spaces at its ends:
`STOP.`, ` stop ` and `ＳＴＯＰ！` are one, `stop by tomorrow` is a reply. English, Korean, Chinese and Hindi words are
understood from everybody; `N`, `NT` and `TD` in Taiwan only; `YES` only from a person who has stopped. A workspace may
add words; it cannot give a word of refusal another meaning. Sentences such as "please stop texting me" are probable
refusals: suppressed at once, and shown to a person for review (47 CFR 64.1200(a)(10)).
"""

PROVIDERS_PAGES = """\
## Sources

Each rule names its source; the address is linked where it is a law, a regulator or an independent page. Some facts
come from pages of single providers:

| source | page |
|---|---|
| A carrier partner's SMS guideline for Taiwan | https://www.twilio.com/en/guidelines/tw/sms |
| Carriers' sender identity rule (簡訊實名制) | https://www.teamplus.tech/product/every8d-login |
| Carriers' 10DLC programme, CTIA words | https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out |
| DLT template rules, variable tags | https://msg91.com/help and https://www.fast2sms.com/help |

Not verified by us against the primary text: the current wording of Korea's Enforcement Decree, India's exact matching
of addresses and punctuation inside tagged variables, Taiwan's promotional hours (one provider's guideline), the
shorter hours of single states of the United States, and WhatsApp's opt-in policy.

Duties that no single message shows are not on this page: Korea wants the result of a consent or refusal told within
14 days, the United States want a refusal honoured within 10 business days (here it is at once) and one confirmation
at most, within five minutes.
"""


def page() -> str:
    """Give the whole page."""
    parts = [OPENING, *map(_section, PACKS), PROVIDERS_PAGES]
    return "\n".join(parts)


def _section(pack: Pack) -> str:
    countries = f" ({', '.join(sorted(pack.countries))})" if pack.countries else ""
    head = f"## {pack.name}{countries}\n\n| rule | level | what | applies to | how to satisfy | waiver | source |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *map(_row, pack.rules), ""])


def _row(rule: Rule) -> str:
    source = f"[{rule.source}]({rule.source.url})" if rule.source.url else str(rule.source)
    level = f"{rule.level.value}, *uncertain*" if rule.uncertain else rule.level.value
    cells = (f"`{rule.id}`", level, rule.what, _scope(rule), rule.satisfy, rule.waiver.value, source)
    return f"| {' | '.join(cells)} |"


def _scope(rule: Rule) -> str:
    channels = "any channel" if rule.channels == frozenset(Channel) else ", ".join(sorted(rule.channels))
    purposes = "" if rule.purposes == frozenset(Purpose) else ", ".join(sorted(rule.purposes)) + "; "
    return purposes + channels


def main(arguments: Sequence[str]) -> int:
    """Write the page to the file named, or print it."""
    for name in arguments or ("-",):
        if name == "-":
            print(page())
        else:
            Path(name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
