"""Run the commands and the Python of a page in their order, and keep what they print.

    python tests/docs_pages.py [--write] [PAGE...]

A fence ``text title="Output"`` holds what the block above it prints with the shipped bundle. The
script prints the fences that differ; with ``--write`` it fills them in.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from docs_samples import ROOT, SAMPLES
from markdown_blocks import Block, arguments, block_commands, blocks, paths, program

from scamdetect.bundle import bundle
from scamdetect.cli import main as scamdetect

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
OUTPUT = 'text title="Output"'
_FENCE = re.compile(rf"^```{OUTPUT}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SECONDS = re.compile(r"in [\d.]+ s\b")
_NUMBER = re.compile(r"\d[\d.,]*")

# The beginnings of commands that a test cannot run, and why; their options are checked all the
# same.
NOT_RUN = {
    "scamdetect average": "needs trained runs; tests/test_train_mean_of_runs.py makes small ones",
    "scamdetect bench generators": "trains; tests/test_bench_generators.py runs small ones",
    "scamdetect bench report": "needs a run; tests/test_cli_bench.py makes one",
    "scamdetect bench run": "scores thousands of messages; tests/test_cli_bench.py scores few",
    "scamdetect cascade": "needs the corpus; tests/test_train_cascade.py has a small one",
    "scamdetect conversations": "needs the corpus; tests/test_train_conversations.py has one",
    "scamdetect data audit": "needs the corpus; tests/test_data_reports.py has a small one",
    "scamdetect data verify": "needs reference rows; tests/test_cli.py invents some",
    "scamdetect card": "needs an evaluation; tests/test_train_card.py has one",
    "scamdetect data build": "needs public sources; tests/test_train_data_corpus.py invents some",
    "scamdetect data fetch": "loads from the network",
    "scamdetect evaluate": "needs the corpus; tests/test_evaluate_report.py has a small one",
    "scamdetect export": "needs a trained run; tests/test_train_release.py makes a small one",
    "scamdetect finetune": "trains; tests/test_train_finetune.py runs a small one",
    "scamdetect fingerprints make": "tests/test_share_fingerprint_files.py makes some",
    "scamdetect fingerprints match": "tests/test_share_fingerprint_files.py matches some",
    "scamdetect hub": "needs the network; tests/test_hub.py has a hub of its own",
    "scamdetect score 's3://": "needs a bucket; tests/test_dumps_remote.py has a local one",
    "scamdetect score dumps/ -o scored.parquet --engine": "tests/test_engines_ray.py runs it",
    "scamdetect serve": "does not end by itself; tests/test_serve.py ends it",
    "scamdetect train": "takes half an hour; tests/test_train_fit.py takes a step",
    "scamdetect words": "needs the corpus; tests/test_train_words.py has a small one",
    ".": "a shell's own",
    "cd": "a shell's own",
    "curl": "needs a running service; tests/test_serve_openapi.py sends the requests",
    "export": "a shell's own",
    "git clone": "benchmarks/first_minutes.py clones and runs the README's commands",
    "jupyter": "does not end by itself",
    "mkdocs": "tests/test_docs_site.py builds the site",
    "mypy": "run by CI beside the tests",
    "pip": "run by CI, or loads from the network; the extras that it names are checked here",
    "podman": "needs podman and the network",
    "pytest": "these are the tests",
    "python docs/hooks/": "tests/test_docs_site.py compares what they write",
    "python tests/docs_pages.py": "this script",
    "python3 -m venv": "run by CI",
    "ruff": "run by CI beside the tests",
}
# Words in blocks of Python that other tests run, with the test.
NOT_RUN_HERE = {
    "confluent_kafka": "tests/test_docs_kafka.py",
    "duckdb": "tests/test_docs_scale.py",
    "scamdetect.hub": "tests/test_hub.py",
    "score_dataset": "tests/test_docs_scale.py",
    "score_frame": "tests/test_docs_scale.py",
}
# Commands that end with another code than 0 when all is well.
CODES: dict[str, int] = {}


def why_not(line: str) -> str | None:
    """Return why a test cannot run the command, or None if it can."""
    line = line[line.index(program(line)) :]
    return next((reason for begin, reason in NOT_RUN.items() if line.startswith(begin)), None)


def shown(page: Path) -> list[str]:
    """Return the outputs that the page shows."""
    return _FENCE.findall(page.read_text(encoding="utf-8"))


def masked(output: str) -> str:
    """Return the output without its numbers, which differ between machines."""
    return _NUMBER.sub("0", output)


def run_page(page: Path, default: Path | None = None) -> list[str]:
    """Run the page in the current folder; return what the block before each output prints.

    Commands take the bundle ``default``, and the shipped one if it is None. Python always takes the
    shipped one.
    """
    names: dict[str, object] = {"__name__": "__docs__"}  # a block may continue the one above it
    printed, found = "", []
    for block in blocks(page):
        if block.language == OUTPUT:
            found.append(printed)
            continue
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        failed = None
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            if block.language != "python":
                failed = _run_commands(block, page, default)
            elif not any(word in block.code for word in NOT_RUN_HERE):
                exec(compile(block.code, page.name, "exec"), names)
        stream.seek(0)
        lines = [line.rstrip() for line in stream.read().splitlines()]
        printed = "\n".join(lines).strip("\n") + "\n"
        assert failed is None, f"{page.name}: {failed}\n{printed}"
    return found


def _run_commands(block: Block, page: Path, default: Path | None) -> str | None:
    """Run the commands of the block; return the one that ended with a wrong exit code."""
    for line in block_commands(block, page):
        if why_not(line) is not None:
            continue
        assert program(line) == "scamdetect", f"{page.name}: no entry in NOT_RUN for: {line}"
        words = arguments(line)
        for needed in map(Path, paths(words)):
            if (name := _sample(needed)) and not needed.exists():
                needed.parent.mkdir(parents=True, exist_ok=True)
                with _default(default):
                    SAMPLES[name](needed)
        with _default(default):
            if run(words) != CODES.get(line, 0):
                return line
    return None


def _sample(path: Path) -> str | None:
    return next((name for name in (str(path), f"{path}/") if name in SAMPLES), None)


@contextmanager
def _default(folder: Path | None) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        if folder is not None:
            stack.enter_context(patch.object(bundle, "default_bundle_path", lambda: folder))
        yield


def run(words: list[str]) -> int:
    """Return the exit code of the command line in this process."""
    with patch.object(sys, "argv", ["scamdetect", *words]):
        try:
            scamdetect()
        except SystemExit as ended:
            return int(ended.code or 0)
    raise AssertionError("the command line did not exit")


def _newer(old: re.Match[str], output: str) -> str:
    """Return the fence with the output, or as it is if only the time that it took differs."""
    same = _SECONDS.sub("", old[1]) == _SECONDS.sub("", output)
    return old[0] if same else f"```{OUTPUT}\n{output}```"


def main() -> None:
    """Print the outputs that differ from what pages show, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--write", action="store_true", help="write them into the pages")
    given = parser.parse_args()
    for page in (path.resolve() for path in given.pages):
        if not shown(page):
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            found = run_page(page)
        if given.write:
            outputs = iter(found)
            text = page.read_text(encoding="utf-8")
            text = _FENCE.sub(lambda old: _newer(old, next(outputs)), text)  # noqa: B023
            page.write_text(text, encoding="utf-8")
        elif list(map(masked, shown(page))) != list(map(masked, found)):
            sys.stdout.write(f"{os.path.relpath(page)} is out of date\n{'---'.join(found)}\n")


if __name__ == "__main__":
    main()
