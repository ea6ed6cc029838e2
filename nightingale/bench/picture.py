"""The outcome as SVG: a bar for every row and text, the part that makes tokens darker."""

from html import escape

from nightingale.bench.measure import Cell, Measured, Row

_LEFT, _BAR, _RIGHT = 215, 390, 135  # pixels: names, the longest bar, figures
_LINE, _THICK, _GAP = 24, 15, 52
_TOKENS, _SOUND, _INK = "#2a5d84", "#a9c9e0", "#222222"
_WIDTH = _LEFT + _BAR + _RIGHT


def draw(measured: Measured) -> str:
    """A panel a text, each with its own scale of seconds."""
    body: list[str] = []
    top = 30
    for name in measured.texts:
        cells = [row.cells[name] for row in measured.rows]
        scale = _BAR / max(cell.seconds for cell in cells)
        body.append(_text(12, top, f"{name}: {len(cells[0].samples) / 24_000:.1f} s of sound", "bold"))
        for i, (row, cell) in enumerate(zip(measured.rows, cells, strict=True)):
            body += _bar(top + 10 + i * _LINE, scale, row, cell, cells[0])
        top += len(cells) * _LINE + _GAP
    body += _key(top - 14)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
            f'font-family="sans-serif" font-size="13" fill="{_INK}">',
            "<title>Seconds to speak a text, by way to speed</title>",
            f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _bar(top: int, scale: float, row: Row, cell: Cell, baseline: Cell) -> list[str]:
    whole, tokens = cell.seconds * scale, min(cell.t3_s, cell.seconds) * scale
    kind = "" if cell is baseline else ", lossless" if row.setting.lossless else ", lossy"
    said = f"{cell.seconds:.2f} s" + ("" if cell is baseline else f", {cell.ratio(baseline):.1f} times")
    return [
        _text(12, top + 12, row.setting.title.strip() + kind),
        f'<rect x="{_LEFT}" y="{top}" width="{whole:.1f}" height="{_THICK}" fill="{_SOUND}"/>',
        f'<rect x="{_LEFT}" y="{top}" width="{tokens:.1f}" height="{_THICK}" fill="{_TOKENS}"/>',
        _text(_LEFT + whole + 6, top + 12, said),
    ]


def _key(top: int) -> list[str]:
    parts = []
    for left, colour, meaning in ((_LEFT, _TOKENS, "text to tokens"), (_LEFT + 150, _SOUND, "tokens to sound")):
        parts += [f'<rect x="{left}" y="{top - 12}" width="{_THICK}" height="{_THICK}" fill="{colour}"/>',
                  _text(left + 22, top, meaning)]  # fmt: skip
    return parts


def _text(left: float, base: float, said: str, weight: str = "normal") -> str:
    return f'<text x="{left:.1f}" y="{base}" font-weight="{weight}">{escape(said)}</text>'
