"""Pictures in a page: figures that follow its colours, and a small one in a row of a table."""

import re

from markupsafe import Markup, escape

from llcbench.foreign.names import safe_name
from llcbench.report.labels import fraction
from llcbench.report.plots import REACH
from llcbench.report.style import GREY, INK
from llcbench.scoring import Score

# Estimates are shown as multiples of the local coefficient between these two.
LOW, HIGH = 0.0, 2.0
WIDTH, HEIGHT = 168, 16
MARGIN = 7

LEGEND = (
    "The picture in a row runs from 0 to twice the local coefficient: solid line, the local"
    " coefficient; dashed, what a perfect sampler returns; triangle below, the global coefficient;"
    " dot and bar, the estimate with 1.96 standard errors, open where a guard failed; an arrow is"
    " an estimate outside."
)


def inline(svg: str, prefix: str, label: str) -> Markup:
    """Return an SVG that can stand in a page beside others and follows its colours.

    Ids get a prefix, the prolog and the global style sheet go, ink becomes the text colour of the
    page, and the size follows the column. All text is ink: some colours of lines are too light to
    be read.
    """
    prefix = safe_name(prefix)
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


def strip(score: Score) -> Markup:
    """Return an SVG of one score, drawn in classes that the style sheet colours.

    It repeats what the row says, hence is hidden from screen readers. Without an exact local
    coefficient, or one of 0, there is no scale and nothing is drawn.
    """
    local = fraction(score.local)
    if not local:
        return Markup("")
    parts = [_line(1.0, "local", 0)]
    if score.tempered is not None:
        parts.append(_line(score.tempered.value / local, "tempered", 1))
    deepest = fraction(score.global_)
    if deepest is not None and deepest != local:
        x = _place(deepest / local)
        parts.append(f'<path class="global" d="M{x:.1f} 11l3 5h-6z"/>')
    if score.mean is not None:
        value, reach = score.mean.value / local, REACH * score.mean.stderr / local
        parts += _estimate(value, reach, "open" if score.flagged else "dot")
    return Markup(
        f'<svg class="strip" aria-hidden="true" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )


def _estimate(value: float, reach: float, kind: str) -> list[str]:
    if not LOW <= value <= HIGH:
        x, way = (WIDTH - 1, -6) if value > HIGH else (1, 6)
        return [f'<path class="{kind}" d="M{x} 8l{way} -3.5v7z"/>']
    left, right = _place(max(LOW, value - reach)), _place(min(HIGH, value + reach))
    bar = f'<path class="bar" d="M{left:.1f} 8H{right:.1f}"/>' if right - left > 1 else ""
    return [bar, f'<circle class="{kind}" cx="{_place(value):.1f}" cy="8" r="3"/>']


def _line(value: float, kind: str, top: int) -> str:
    x = _place(value)
    return f'<path class="{kind}" d="M{x:.1f} {top}V{HEIGHT - top}"/>'


def _place(value: float) -> float:
    clipped = min(HIGH, max(LOW, value))
    return MARGIN + (WIDTH - 2 * MARGIN) * (clipped - LOW) / (HIGH - LOW)


def _inked(tag: re.Match[str]) -> str:
    return re.sub(r"fill: #[0-9a-f]{6}", "fill: currentColor", tag[0])
