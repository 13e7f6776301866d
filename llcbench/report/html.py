"""Figures that can stand in a page."""

import re

from markupsafe import Markup, escape

from llcbench.report.style import GREY, INK


def inline(svg: str, prefix: str, label: str) -> Markup:
    """Return an SVG that can stand in a page beside others and follows its colours.

    Ids get a prefix, the prolog and the global style sheet go, ink becomes the text colour of the
    page, and the size follows the column. All text is ink: some colours of lines are too light to
    be read.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}-', body)
    body = body.replace('xlink:href="data:', 'href="data:').replace("url(#", f"url(#{prefix}-")
    body = re.sub(r"<text\b[^>]*>", _inked, body)
    body = body.replace(INK, "currentColor").replace(GREY, "var(--grey)")
    body = body.replace("#ffffff", "var(--paper)")
    width = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', body)
    if width:
        size = f'style="width:{float(width[1]) * 4 / 3:.0f}px"'
        body = body.replace(width[0], f'{size} role="img" aria-label="{escape(label)}"', 1)
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body)
    return Markup(body)


def _inked(tag: re.Match[str]) -> str:
    return re.sub(r"fill: #[0-9a-f]{6}", "fill: currentColor", tag[0])
