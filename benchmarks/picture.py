#!/usr/bin/env python3
"""Makes the README's picture of the prompt: a session in tmux, which plays to a virtual PulseAudio device.

    picture.py docs/repl.svg
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import pulse

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 84, 12
WIDTH, HEIGHT, MARGIN = 8.4, 19.0, 12.0  # of a character, of a line, around all
INK, PAPER = "#d8dee9", "#1e222a"
# The terminal's colours: black, red, green, yellow, blue, magenta, cyan, white, then the bright ones.
COLOURS = (
    "#1e222a", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
    "#7b8494", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
)  # fmt: skip
LINES = (
    "Good morning. It is ten past seven, and there is frost on the windows.",
    "/speed 1.1",
    "The first train leaves at 7:42. The second one is never on time. Take an umbrella!",
)
ALL = set(range(108))
# Of each of these groups one attribute holds; the last ones are the resets.
EXCLUSIVE = (
    {*range(30, 38), *range(90, 98), 39}, {*range(40, 48), *range(100, 108), 49}, {1, 22}, {4, 24}, {7, 27},
)  # fmt: skip
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def converse(folder: Path, environment: dict[str, str]) -> list[str]:
    """The screen of tmux with its escape sequences, while the last line is played."""

    def tmux(*args: str) -> str:
        command = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null", *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), sys.executable, str(ROOT / "nightingale_tts.py"))
    try:
        for line in LINES:
            wait_for(lambda: "○ ready" in tmux("capture-pane", "-p"))
            tmux("send-keys", line, "Enter")
            time.sleep(2.0)
        wait_for(lambda: "The second" in tmux("capture-pane", "-p").splitlines()[-2])
        time.sleep(1.0)
        return tmux("capture-pane", "-p", "-e").splitlines()
    finally:
        tmux("kill-server")


def wait_for(seen: object) -> None:
    deadline = time.monotonic() + 30
    while not seen():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit("picture: the prompt did not get as far as expected")
        time.sleep(0.05)


def runs(line: str, attributes: set[int]) -> list[tuple[str, set[int]]]:
    """Pieces of a line with their SGR attributes. attributes: at its start; then those at its end."""
    found, at = [], 0
    for escape in [*SGR.finditer(line), None]:
        text = line[at : escape.start() if escape else len(line)]
        if text:
            found.append((text, set(attributes)))
        if escape:
            at = escape.end()
            for code in map(int, (escape[1] or "0").split(";")):
                attributes -= next((group for group in EXCLUSIVE if code in group), ALL if code == 0 else set())
                attributes.add(code)
    return found


def colours(attributes: set[int]) -> tuple[str, str]:
    """Of a character and its cell."""
    ink, paper = INK, PAPER
    for code in attributes:
        for first, offset in ((30, 0), (90, 8)):
            if first <= code < first + 8:
                ink = COLOURS[code - first + offset]
            elif first + 10 <= code < first + 18:
                paper = COLOURS[code - first - 10 + offset]
    return (paper, ink) if 7 in attributes else (ink, paper)


def svg(lines: list[str]) -> str:
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="14" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" xml:space="preserve">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
    ]
    current = set[int]()
    for row, line in enumerate(lines):
        column = 0
        for text, attributes in runs(line, current):
            x, y = MARGIN + column * WIDTH, MARGIN + row * HEIGHT
            ink, paper = colours(attributes)
            if paper != PAPER:
                size = f'width="{len(text) * WIDTH:.1f}" height="{HEIGHT}"'
                parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{paper}"/>')
            weight = ' font-weight="bold"' if 1 in attributes else ""
            weight += ' text-decoration="underline"' if 4 in attributes else ""
            if text.strip():
                parts.append(
                    f'<text x="{x:.1f}" y="{y + 14:.1f}" fill="{ink}"{weight} textLength="{len(text) * WIDTH:.1f}">'
                    f"{html.escape(text)}</text>"
                )
            column += len(text)
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    if reason := pulse.missing():
        raise SystemExit(f"picture: {reason}")
    with tempfile.TemporaryDirectory(prefix="picture", dir="/tmp") as name, pulse.serve(Path(name)) as server:
        os.environ.update(server.environment, XDG_STATE_HOME=name)
        with server.recording():  # without it a null sink plays in blocks of two seconds
            lines = converse(Path(name), server.environment)
    Path(sys.argv[1]).write_text(svg(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
