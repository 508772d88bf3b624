"""
Write the page of every provider, and the matrix of them all, from what the provider folders declare.

Usage: `python -m tools.provider_pages DIRECTORY`. A page is put together from `spec.py`, the account model and the
sections of the folder's `README.md`; nothing is written by hand. Pages of providers that are gone are removed.
"""

import posixpath
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sendyard.delivery.policy import RULES
from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.features.connections.capabilities import MEANINGS, Ability, abilities_of, describe
from sendyard.providers.contract import Adapter
from sendyard.providers.registry import adapters
from sendyard.providers.spec import ProviderSpec, TextRules
from tools.provider_words import (
    CHANNELS,
    COUNTING,
    KINDS,
    NUMBERS,
    PROOFS,
    RATES,
    REPORTS,
    SHARED,
    consequence,
    lasting,
)

MATRIX = "README.md"

_MADE = "<!-- Made by `make pages`. Change the provider's folder instead, then run it. -->"

_INTRODUCTION = (
    "Sendyard speaks to {} providers. Each has a folder under `src/sendyard/providers/`, an emulator that answers as "
    "it does, and a page here. [Adding a provider](../adding-a-provider.md) takes one folder and one line. The same "
    "facts, for programs: `sendyard providers --json` and `GET /api/v1/providers`."
)

# How the headings of the folders' README.md begin, and the part of the page to which such a section belongs.
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("need", ("what you need", "before the first message")),
    ("works", ("what works",)),
    ("limits", ("limits",)),
    ("costs", ("costs",)),
    ("quirks", ("quirks",)),
    ("unverified", ("unverified", "not verified")),
    ("left_out", ("not built",)),
    ("emulator", ("emulator", "the emulator")),
    ("sources", ("sources",)),
)
_OTHER = "other"
_HERE = "docs/providers"

_WITHOUT_NUMBERS = frozenset({Channel.LINE})
_COUNTED = frozenset({Channel.SMS, Channel.MMS})

_ABROAD = "ZZ"  # no country has this code
_CODE_SPAN = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"[\\*<\[\]]|(?<![^\W_])_|_(?![^\W_])")
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def pages() -> dict[str, str]:
    """Every page by its file name."""
    made = {f"{slug}.md": page(found, readme_of(slug)) for slug, found in adapters().items()}
    return {MATRIX: matrix(adapters()), **made}


def readme_of(slug: str) -> str:
    """The README.md of a provider's folder."""
    return (files(f"sendyard.providers.{slug}") / "README.md").read_text("utf-8")


def page(found: Adapter, readme: str) -> str:
    """The page of one provider."""
    spec = found.spec
    introduction, sections = read(readme, spec.slug)
    parts = [
        _MADE,
        f"# {spec.name}",
        introduction,
        _glance(found),
        "## What you need",
        *sections["need"],
        "### Settings of an account",
        f"For `sendyard accounts add {spec.slug}` and `POST /api/v1/accounts`.",
        _settings(found),
        "### The callback address",
        _callbacks(spec),
        "## What works",
        *sections["works"],
        "### Abilities",
        _abilities(found),
        *sections[_OTHER],
        "## Limits",
        _limits(found),
        *sections["limits"],
    ]
    parts += ["## Costs", *sections["costs"], _costs(found)]
    if sections["quirks"]:
        parts += ["## Quirks", *sections["quirks"]]
    parts += ["## Codes", _codes(spec), "## Unverified"]
    parts += sections["unverified"] or ["The folder's README names nothing that is unverified."]
    if spec.exemptions:
        parts += ["## Rules of the contract suite that cannot apply", _exemptions(spec)]
    for name, title in (("left_out", "Not built, and why"), ("emulator", "The emulator")):
        if sections[name]:
            parts += [f"## {title}", *sections[name]]
    parts += ["## Sources", "\n".join(f"- <{url}>" for url in spec.docs), *sections["sources"]]
    return "\n\n".join(part for part in parts if part) + "\n"


def read(readme: str, slug: str) -> tuple[str, dict[str, list[str]]]:
    """
    Take a README apart: what stands before its first section, and its sections by part of the page.

    The first section of a part goes without its heading, for the page has one; further ones keep theirs, one level
    lower. Nothing is dropped: sections of other names are `other`, with their heading.
    """
    text = _LINK.sub(lambda link: f"{link[1]}{_moved(link[2], slug)}{link[3]}", readme)
    head, *rest = _split_sections(text)
    sections: dict[str, list[str]] = {name: [] for name in (*dict(_PARTS), _OTHER)}
    for section in rest:
        heading, _, body = section.partition("\n")
        title = heading.removeprefix("## ").strip()
        part = _part_of(title)
        if part == _OTHER:
            sections[part].append(section.strip())
            continue
        lowered = re.sub(r"^(#{3,5} )", r"#\1", body.strip(), flags=re.MULTILINE)
        sections[part] += [f"### {title}", lowered] if sections[part] else [lowered]
    return re.sub(r"\A\s*# .*\n", "", head).strip(), sections


def _split_sections(text: str) -> list[str]:
    """Cut before every second-level heading that is not inside a block of code."""
    pieces: list[list[str]] = [[]]
    in_code = False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        if line.startswith("## ") and not in_code:
            pieces.append([])
        pieces[-1].append(line)
    return ["\n".join(piece) for piece in pieces]


def _part_of(title: str) -> str:
    lower = title.lower()
    return next((part for part, beginnings in _PARTS if lower.startswith(beginnings)), _OTHER)


def _moved(target: str, slug: str) -> str:
    """Where a link of the folder's README leads from the page."""
    if urlsplit(target).scheme or target.startswith(("#", "<")):
        return target
    path = posixpath.normpath(posixpath.join("src/sendyard/providers", slug, target))
    return posixpath.relpath(path, _HERE)


def _glance(found: Adapter) -> str:
    spec = found.spec
    rows = [
        ("slug", f"`{spec.slug}`"),
        ("channels", _channels(spec)),
        ("countries", _countries(spec)),
        ("abilities", ", ".join(f"`{ability}`" for ability in abilities_of(found)) or "sending only"),
        ("callbacks are proven by", PROOFS[spec.callback_auth]),
    ]
    if spec.channels != _WITHOUT_NUMBERS:
        rows.insert(-1, ("a number on the wire", NUMBERS[spec.address_format]))
    return _table(("at a glance", ""), rows)


def _settings(found: Adapter) -> str:
    rows = [
        (f"`{setting['name']}`", _cell(setting["title"]), _nature(setting), _cell(setting["description"]))
        for setting in describe(found)["settings"]
    ]
    return _table(("setting", "called", "is", "what it is and where to find it"), rows)


def _nature(setting: Mapping[str, Any]) -> str:
    """Whether a setting is needed and secret, which values it may have, and which one counts otherwise."""
    said = [word for word, applies in (("needed", setting["required"]), ("secret", setting["secret"])) if applies]
    if choices := setting["choices"]:
        said.append("one of " + ", ".join(f"`{choice}`" if choice else "(blank)" for choice in choices))
    default = setting["default"]
    if default not in {None, ""}:
        said.append(f"`{str(default).lower() if isinstance(default, bool) else default}` if not given")
    return "; ".join(said) or "optional"


def _callbacks(spec: ProviderSpec) -> str:
    return (
        f"The address to give to {_cell(spec.name)} is `<your public address>/callbacks/{spec.slug}/<token>`. "
        "Each account has a token of its own that cannot be guessed; `sendyard accounts list --json` and "
        "`GET /api/v1/accounts/{id}` show the whole address as `callback_url`, once `SENDYARD_PUBLIC_URL` is set. "
        "Where it has to be entered in the provider's own console, this page says where; a provider that takes it "
        f"with every message gets it by itself. What proves a callback: {PROOFS[spec.callback_auth]}."
    )


def _abilities(found: Adapter) -> str:
    name = _cell(found.spec.name)
    rows = [(f"`{ability}`", f"{name} {MEANINGS[ability]}") for ability in abilities_of(found)]
    return _table(("ability", "means"), rows) if rows else f"{name} can be sent through, and no more."


def _limits(found: Adapter) -> str:
    spec = found.spec
    text = spec.text
    shared = " and ".join(SHARED.get(name, name) for name in spec.batch.shared)
    rows = [
        ("messages a request", f"{spec.batch.limit:,}" + (f", all with the same {shared}" if shared else "")),
        ("longest text", _longest(text)),
        ("cannot travel in a text", ", ".join(f"`{_visible(one)}`" for one in text.forbidden) or "nothing known"),
        ("speed", f"{spec.rate.per_second:g} {RATES[spec.rate.unit]} a second; an account may be given another"),
        ("open requests", f"{spec.rate.open_requests}"),
        ("time-outs", f"{spec.timeout.connect:g} s to connect, {spec.timeout.total:g} s in all"),
        ("repeating an exchange sends nothing twice for", lasting(spec.reference.dedup_seconds)
         if spec.reference.dedup_seconds else "no time: an exchange without an answer is never repeated"),
        ("our reference", _reference(spec)),
        ("a missing report", _asking(found)),
    ]  # fmt: skip
    if spec.channels & _COUNTED:
        rows.insert(1, ("a text counts as", COUNTING[text.counting]))
    if (abroad := found.text_rules(_ABROAD)) != text:
        where = f"outside {', '.join(sorted(spec.home))}"
        rows += [
            (f"{where}: a text counts as", COUNTING[abroad.counting]),
            (f"{where}: longest text", _longest(abroad)),
        ]
    return _table(("limit", ""), rows)


def _longest(text: TextRules) -> str:
    limits = []
    if text.max_characters:
        limits.append(f"{text.max_characters:,} characters")
    if text.max_bytes:
        limits.append(f"{text.max_bytes:,} bytes")
    return " and ".join(limits) or "none stated"


def _reference(spec: ProviderSpec) -> str:
    if not spec.reference.accepted:
        return "not kept by the provider"
    longest = f", up to {spec.reference.max_length} characters" if spec.reference.max_length else ""
    return f"travels along and comes back{longest}"


def _asking(found: Adapter) -> str:
    spec = found.spec
    if Ability.POLLING not in abilities_of(found):
        return "cannot be asked for; what counts is the callback"
    if not spec.poll_limit:
        return f"all new reports are fetched every {lasting(spec.poll_interval)}"
    later = ", ".join(lasting(delay) for delay in spec.poll_delays)
    return (
        f"is asked for {lasting(spec.confirm_within)} after the submit ({lasting(spec.poll_delays[0])} without a "
        f"public address), then at distances of {later}; {spec.poll_limit:,} messages a question"
    )


def _costs(found: Adapter) -> str:
    said = (
        "What the provider tells of a message's cost is kept. Where it tells nothing, Sendyard counts the message's "
        "parts at the price of the account (`--price`, in the interface `price_per_part`)."
    )
    asked = " `sendyard accounts balance` asks for the credit left." if Ability.BALANCE in abilities_of(found) else ""
    return said + asked


def _codes(spec: ProviderSpec) -> str:
    rows = [
        (
            f"`{_visible(code)}`" if code else "(none)",
            f"`{known.meaning}`" if isinstance(known.meaning, ErrorKind) else f"report: {known.meaning}",
            _cell(known.wording),
            _cell(known.advice),
        )
        for code, known in spec.codes.items()
    ]
    said = (
        f"[What the classes mean, and what follows]({MATRIX}#classes-of-errors). A code that is not here is "
        "`unmapped`: the message fails with the provider's words, and nothing else is concluded."
    )
    return f"{said}\n\n{_table(('code', 'class', 'in the words of the provider', 'what to do'), rows)}"


def _exemptions(spec: ProviderSpec) -> str:
    rows = [(rule.replace("_", " "), _cell(reason)) for rule, reason in spec.exemptions.items()]
    return _table(("rule", "why it cannot apply"), rows)


def matrix(known: Mapping[str, Adapter]) -> str:
    """The page of all providers: who carries what, who can do what, and what the words mean."""
    return "\n\n".join(
        [
            _MADE,
            "# Providers",
            _INTRODUCTION.format(len(known)),
            "## Who carries what",
            _carriers(known),
            "## Feature matrix",
            _table(
                ("provider", "channels", "countries", "a request", "speed", "callbacks proven by", "harmless repeat"),
                [_facts(found.spec) for found in known.values()],
            ),
            _table(
                ("provider", *(f"`{ability}`" for ability in Ability)),
                [
                    (_linked(found), *("✓" if ability in abilities_of(found) else "" for ability in Ability))
                    for found in known.values()
                ],
            ),
            "## Abilities",
            "Beyond sending, receiving reports and being called back, a provider …",
            _table(("ability", "the provider …"), [(f"`{ability}`", MEANINGS[ability]) for ability in Ability]),
            "## Classes of errors",
            "Every code of every provider belongs to one of these classes; the class decides what Sendyard does next.",
            _table(
                ("class", "means", "Sendyard then", "codes known"),
                [
                    (f"`{kind}`", KINDS[kind], consequence(RULES[kind]), f"{_codes_of(known, kind):,}")
                    for kind in ErrorKind
                ],
            ),
            "What a report can say:",
            _table(("report", "means"), [(f"`{status}`", said) for status, said in REPORTS.items()]),
            "## How callbacks are proven",
            _table(
                ("proof", "means", "providers"),
                [
                    (
                        f"`{proof}`",
                        said,
                        _names(found for found in known.values() if found.spec.callback_auth is proof),
                    )
                    for proof, said in PROOFS.items()
                ],
            ),
            "## Further words",
            _table(
                ("word", "means"),
                [
                    *((f"`{word}`", f"a number is written {said}") for word, said in NUMBERS.items()),
                    *((f"`{word}`", f"a text counts as {said}") for word, said in COUNTING.items()),
                    *((f"`{word}`", f"the provider's speed limit counts {said}") for word, said in RATES.items()),
                ],
            ),
        ]
    ) + "\n"  # fmt: skip


def _carriers(known: Mapping[str, Adapter]) -> str:
    rows = []
    for channel in Channel:
        fitting = [found for found in known.values() if channel in found.spec.channels]
        near = {found.spec.slug: found.spec.home | found.spec.countries for found in fitting}
        by_country = {
            country: [found for found in fitting if country in near[found.spec.slug]]
            for country in sorted({country for countries in near.values() for country in countries})
        }
        anywhere = {"any": [found for found in fitting if not found.spec.countries]}
        rows += [
            (CHANNELS[channel], country, _names(some)) for country, some in (by_country | anywhere).items() if some
        ]
    return _table(("channel", "country", "providers"), rows)


def _facts(spec: ProviderSpec) -> tuple[str, ...]:
    return (
        f"[{_cell(spec.name)}]({spec.slug}.md)",
        _channels(spec),
        _countries(spec),
        f"{spec.batch.limit:,}",
        f"{spec.rate.per_second:g} {RATES[spec.rate.unit]}/s",
        f"`{spec.callback_auth}`",
        lasting(spec.reference.dedup_seconds) if spec.reference.dedup_seconds else "",
    )


def _codes_of(known: Mapping[str, Adapter], kind: ErrorKind) -> int:
    return sum(code.meaning is kind for found in known.values() for code in found.spec.codes.values())


def _names(found: Iterable[Adapter]) -> str:
    return ", ".join(map(_linked, found))


def _linked(found: Adapter) -> str:
    return f"[{_cell(found.spec.name)}]({found.spec.slug}.md)"


def _channels(spec: ProviderSpec) -> str:
    return ", ".join(said for channel, said in CHANNELS.items() if channel in spec.channels)


def _countries(spec: ProviderSpec) -> str:
    home = f", at home in {', '.join(sorted(spec.home))}" if spec.home else ""
    return (", ".join(sorted(spec.countries)) or "any") + home


def _visible(text: str) -> str:
    """Control characters as their numbers, for a span of code."""
    return "".join(character if character.isprintable() else f"0x{ord(character):02x}" for character in text)


def _cell(text: str) -> str:
    """Plain text for Markdown: only spans of code keep their meaning."""
    pieces = _CODE_SPAN.split(" ".join(text.split()))
    return "".join(
        piece if place % 2 else _SPECIAL.sub(lambda found: f"\\{found[0]}", piece) for place, piece in enumerate(pieces)
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def write(directory: Path) -> list[str]:
    """Write what changed, remove what is gone; returns the names of the files touched."""
    made = pages()
    directory.mkdir(parents=True, exist_ok=True)
    there = {file.name: file.read_text("utf-8") for file in directory.glob("*.md")}
    for name in there.keys() - made.keys():
        (directory / name).unlink()
    changed = [name for name, text in made.items() if there.get(name) != text]
    for name in changed:
        (directory / name).write_text(made[name], "utf-8")
    return sorted({*changed, *(there.keys() - made.keys())})


def main(arguments: list[str]) -> int:
    """Write into the one directory named. Exit codes: 0 done, 2 wrong usage."""
    if len(arguments) != 1:
        print("usage: python -m tools.provider_pages DIRECTORY", file=sys.stderr)
        return 2
    for name in write(Path(arguments[0])):
        print(f"{Path(arguments[0]) / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
