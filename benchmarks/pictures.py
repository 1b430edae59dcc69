"""Make the README's pictures and outputs from one run over the sample inbox.

    python benchmarks/pictures.py [--write]

Runs the README's commands and draws ``docs/assets/terminal.svg`` (rich) and
``docs/assets/report.png`` (chromium). With ``--write`` these files and the README's outputs and
counts are replaced; without it the outputs are printed.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.csv
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from scamdetect.train.pages import between_markers

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ASSETS = ROOT / "docs" / "assets"
SAMPLES = ROOT / "data" / "samples"
MOST_BYTES = 200_000
WIDTH = 100  # columns of the terminal
WINDOW = (1280, 960)
SCORE = ("score", "data/samples/inbox.csv")
SCORED = "data/samples/inbox.scored.csv"
MESSAGE = "Hi dear, my uncle trades gold. Send $200 and I double it in a week."
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_NUMBER = re.compile(r"(?<![\w/@.-])\d(?:[\d,.]*\d)?%?(?![\w@])")


def main() -> None:
    """Run the commands; print their outputs or write everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace pictures and README parts")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "data").mkdir()
        shutil.copytree(SAMPLES, folder / "data" / "samples")
        predicted = run(folder, "predict", MESSAGE)
        scored = run(folder, *SCORE)
        reported = run(folder, "report", SCORED)
        counts = counts_line(folder / SCORED)
        if not asked.write:
            sys.stdout.write("\n".join([predicted, scored, reported, counts, ""]))
            return
        pictures = {
            "terminal.svg": terminal(
                [(f'predict "{MESSAGE}"', predicted), (" ".join(SCORE), scored)]
            ),
            "report.png": screenshot(next((folder / SCORED).parent.glob("*.html")), folder),
        }
    for name, content in pictures.items():
        if len(content) > MOST_BYTES:
            sys.exit(f"{name}: {len(content):,} bytes, more than {MOST_BYTES:,}")
        (ASSETS / name).write_bytes(content)
    page = README.read_text(encoding="utf-8")
    for name, lines in {
        "score": fenced(scored),
        "report": fenced(reported),
        "inbox": [counts],
    }.items():
        start = f"<!-- {name}: benchmarks/pictures.py -->"
        page = between_markers(page, start, f"<!-- /{name} -->", lines, README)
    README.write_text(page, encoding="utf-8")


def run(folder: Path, *words: str) -> str:
    """Return what the command prints in the folder, both streams in their order."""
    done = subprocess.run(
        [sys.executable, "-m", "scamdetect", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"scamdetect {words[0]}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout.rstrip("\n")


def fenced(output: str) -> list[str]:
    """Return the output as a block of Markdown."""
    return ["```text", *output.splitlines(), "```"]


def counts_line(scored: Path) -> str:
    """Return how many scams and honest messages of the sample got which decision."""
    labels = pyarrow.csv.read_csv(SAMPLES / "inbox_labels.csv")
    verdicts = dict(zip(*(labels[name].to_pylist() for name in ("id", "verdict")), strict=True))
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    rows = pyarrow.csv.read_csv(scored, parse_options=parsing).to_pylist()
    found = Counter((verdicts[row["id"]], row["scamdetect_decision"]) for row in rows)
    scams, honest = (
        [found[verdict, decision] for decision in ("flag", "review", "pass")]
        for verdict in ("scam", "legit")
    )
    return (
        f"Of {sum(scams)} scams in the sample it flags {scams[0]}, sends {scams[1]} to review and "
        f"passes {scams[2]}; of {sum(honest)} honest messages it flags {honest[0]} and sends "
        f"{honest[1]} to review."
    )


def terminal(commands: list[tuple[str, str]]) -> bytes:
    """Return a picture of commands and their outputs as SVG that loads nothing."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for command, output in commands:
        console.print(Text.assemble(("$ ", "bold green"), (f"scamdetect {command}", "bold")))
        for line in output.splitlines():
            text = Text(line)
            text.highlight_regex(_NUMBER, "cyan")
            text.highlight_regex(r"\bflag(ged)?\b", "bold red")
            text.highlight_regex(r"\breview\b", "yellow")
            console.print(text)
        console.print()
    drawn = console.export_svg(title="scamdetect", theme=MONOKAI, unique_id="terminal")
    # Fonts come from the reader's system, not from another host.
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).encode()


def screenshot(page: Path, folder: Path) -> bytes:
    """Return the top of the page as PNG of few colours."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.exit("no chromium here; install it to draw the report")
    shot = folder / "shot.png"
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
         f"--window-size={WINDOW[0]},{WINDOW[1]}", "--blink-settings=preferredColorScheme=1",
         f"--screenshot={shot}", page.as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    out = io.BytesIO()
    Image.open(shot).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
