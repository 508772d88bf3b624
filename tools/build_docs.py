"""
Build the documentation as plain pages, and check every link in it.

Usage: `python tools/build_docs.py DIRECTORY`. Pages are the Markdown files that `find_pages` finds, at the
same places with the ending `.html`. Exit code 1 and one line per broken link when there are any.
"""

import html
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent

_PROVIDERS = Path("docs/providers/README.md")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Sendyard</title>
<style>
body {{ font: 1rem/1.55 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }}
nav {{ font-size: .875rem; border-bottom: 1px solid #8886; padding-bottom: .5rem; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
td, th {{ border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top; }}
pre {{ overflow-x: auto; background: #8882; padding: .75rem; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #ddd; }} a {{ color: #8bf; }} }}
</style>
<nav>{navigation}</nav>
{body}
</html>
"""


def find_pages(root: Path) -> list[Path]:
    """Every page, relative to `root`: what stands at the top, `docs/`, and each provider's own page."""
    patterns = ("*.md", "docs/**/*.md", "src/sendyard/providers/*/README.md")
    return [page.relative_to(root) for pattern in patterns for page in sorted(root.glob(pattern))]


def parse(text: str) -> list[Token]:
    """Read one page; headings get the ids by which links reach them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inline.content))
    return tokens


def anchor(heading: str) -> str:
    """The id of a heading, as code hosts make it: lower case, spaces to hyphens, punctuation dropped."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(tokens: list[Token]) -> Iterator[Token]:
    """Every token of a page that leads somewhere."""
    for token in tokens:
        if token.attrGet("href") or token.attrGet("src"):
            yield token
        yield from links(token.children or [])


def broken_links(root: Path, pages: Mapping[Path, list[Token]]) -> list[str]:
    """One line per link that leads to no file, or to no heading of its page; other hosts are not asked."""
    ids = {(root / page).resolve(): {token.attrGet("id") for token in tokens} for page, tokens in pages.items()}
    broken = []
    for page, tokens in pages.items():
        for link in links(tokens):
            target = urlsplit(str(link.attrGet("href") or link.attrGet("src")))
            if target.scheme or target.netloc:
                continue
            file = (root / page.parent / unquote(target.path)).resolve() if target.path else (root / page).resolve()
            if not file.exists():
                broken.append(f"{page}: there is no {target.path}")
            elif target.fragment and file in ids and target.fragment not in ids[file]:
                broken.append(f"{page}: {target.path or 'this page'} has no heading #{target.fragment}")
    return broken


def title(page: Path, tokens: list[Token]) -> str:
    """The first heading, or the file's name."""
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            return inline.content
    return page.stem


def render(page: Path, pages: Mapping[Path, list[Token]]) -> str:
    """One page as HTML; links between pages follow them to their new ending."""
    up = "../" * (len(page.parts) - 1)
    navigation = " · ".join(
        f'<a href="{up}{other.with_suffix(".html").as_posix()}">{html.escape(title(other, tokens))}</a>'
        for other, tokens in pages.items()
        # A page for each provider, and the notes in each folder, are reached from the page of them all.
        if len(other.parts) < 3 or other == _PROVIDERS
    )
    for link in links(pages[page]):
        href = link.attrGet("href")
        if isinstance(href, str) and not urlsplit(href).scheme:
            link.attrSet("href", re.sub(r"\.md(#|$)", r".html\1", href))
    markdown = MarkdownIt("commonmark").enable("table")
    body = markdown.renderer.render(pages[page], markdown.options, {})
    return _PAGE.format(title=html.escape(title(page, pages[page])), navigation=navigation, body=body)


def build(root: Path, output: Path) -> list[str]:
    """Write every page under `output`; returns the broken links, and writes nothing if there are any."""
    pages = {page: parse((root / page).read_text()) for page in find_pages(root)}
    broken = broken_links(root, pages)
    if not broken:
        for page in pages:
            file = (output / page).with_suffix(".html")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(render(page, pages))
    return broken


def main(arguments: list[str]) -> int:
    """Build into the one directory named. Exit codes: 0 done, 1 broken links, 2 wrong usage."""
    if len(arguments) != 1:
        print("usage: python tools/build_docs.py DIRECTORY", file=sys.stderr)
        return 2
    broken = build(ROOT, Path(arguments[0]))
    for line in broken:
        print(line, file=sys.stderr)
    if not broken:
        print(f"{Path(arguments[0]) / 'README.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
