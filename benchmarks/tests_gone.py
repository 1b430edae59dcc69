"""List the tests of one commit that another lacks, each with the reason why it went.

    python benchmarks/tests_gone.py BEFORE [AFTER]

A test has a counterpart if AFTER (HEAD) has one of its name, in whatever file, or one of the same
body whatever the modules are called that it imports. The others are printed as CSV (test, file,
why); the reasons are those of ``results/tests_gone.csv``. Exit status 1 if one has no reason there.
"""

from __future__ import annotations

import argparse
import ast
import csv
import io
import subprocess
import sys
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REASONS = ROOT / "benchmarks" / "results" / "tests_gone.csv"


@dataclass(frozen=True)
class Test:
    """A test function, and its code without the names of modules."""

    name: str
    file: str
    body: str


def main() -> None:
    """Print the tests that went, and fail if one has no reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--repository", type=Path, default=ROOT)
    parser.add_argument("--reasons", type=Path, default=REASONS)
    asked = parser.parse_args()
    with asked.reasons.open(encoding="utf-8", newline="") as file:
        reasons = {(row["test"], row["file"]): row["why"] for row in csv.DictReader(file)}
    found = gone(tests(asked.repository, asked.before), tests(asked.repository, asked.after))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("test", "file", "why"))
    writer.writerows((one.name, one.file, reasons.get((one.name, one.file), "")) for one in found)
    lacking = [f"{one.file}::{one.name}" for one in found if not reasons.get((one.name, one.file))]
    if lacking:
        sys.exit(f"tests_gone: no reason in {asked.reasons} for {', '.join(lacking)}")


def tests(repository: Path, commit: str) -> list[Test]:
    """Return the test functions of a commit, file by file."""
    command = ("git", "-C", str(repository), "archive", commit, "tests")
    found = []
    with tarfile.open(fileobj=io.BytesIO(subprocess.check_output(command))) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".py"):
                tree = ast.parse(file.read())
                aliases = _Aliases(tree)
                found += [
                    Test(node.name, member.name, aliases.bare(node))
                    for node in ast.walk(tree)
                    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
                ]
    return found


def gone(before: list[Test], after: list[Test]) -> list[Test]:
    """Return the tests that have no counterpart; each of ``after`` is that of one at most."""
    left = before
    for alike in (
        lambda test: (test.name, test.body),
        lambda test: (test.name, test.file),
        lambda test: test.name,
        lambda test: test.body,
    ):
        places = defaultdict(list)
        for test in after:
            places[alike(test)].append(test)
        unmatched = []
        for test in left:
            if places[alike(test)]:
                after = [one for one in after if one is not places[alike(test)][0]]
                del places[alike(test)][0]
            else:
                unmatched.append(test)
        left = unmatched
    return left


class _Aliases(ast.NodeTransformer):
    """Writes ``module.name`` of what a file imports as ``name``, so that a move changes nothing."""

    def __init__(self, tree: ast.Module) -> None:
        self.imported = {
            alias.asname or alias.name.partition(".")[0]: alias.name.rpartition(".")[2]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }

    def bare(self, test: ast.FunctionDef) -> str:
        """Return the code of a test without its name, docstring and the modules that it uses."""
        lines = test.body[1:] if ast.get_docstring(test) else test.body
        nodes = (*test.decorator_list, test.args, *lines)
        return "\n".join(ast.unparse(self.visit(node)) for node in nodes)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: N802, D102
        module = isinstance(node.value, ast.Name) and node.value.id in self.imported
        self.generic_visit(node)
        return ast.Name(node.attr) if module else node

    def visit_Name(self, node: ast.Name) -> ast.Name:  # noqa: N802, D102
        return ast.Name(self.imported.get(node.id, node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:  # noqa: N802, D102
        ours = isinstance(node.value, str) and node.value.startswith("scamdetect.")
        return ast.Constant(str(node.value).rpartition(".")[2]) if ours else node


if __name__ == "__main__":
    main()
