"""Show the notebooks on the site, with the outputs of copies that were run.

    python docs/hooks/notebooks.py [NAME...]

runs the notebooks, or those named, and keeps the copies in ``.executed``; git ignores them. The
hook renders each notebook as a page. Without a copy of the notebook as it is now, the page shows
the code and says that it was not run.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER, EXECUTED = "notebooks", ".executed"
NOT_RUN = "This page was built without running the notebook, so it has no outputs."
_LINK = re.compile(rf"\]\((\.\./{FOLDER}/\w+)\.ipynb\)")
_STYLE = re.compile(r"<style.*?</style>\s*", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, with its pictures."""
    root = Path(config.config_file_path).parent
    for path in sorted((root / FOLDER).glob("*.ipynb")):
        text, pictures = render(path, root / EXECUTED)
        files.append(File.generated(config, f"{FOLDER}/{path.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"{FOLDER}/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:  # noqa: ANN401
    """Return the page with links to notebooks as links to their pages."""
    return _LINK.sub(r"](\1.md)", markdown)


def render(path: Path, executed: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by file name."""
    from nbconvert import MarkdownExporter

    copy = executed / f"{path.stem}.{digest(path)}.ipynb"
    name = {"unique_key": path.stem, "output_files_dir": ""}
    notebook = nbformat.read(copy if copy.is_file() else path, 4)
    text, resources = MarkdownExporter().from_notebook_node(notebook, resources=name)
    # A table of pandas brings a style sheet of its own, and a picture no words.
    text = _STYLE.sub("", text).replace("![png](", "![Chart drawn by the code above](")
    note = f"[Download the notebook]({path.name}). " + ("" if copy.is_file() else NOT_RUN)
    title, _, rest = text.lstrip().partition("\n")
    pictures = {Path(key).name: content for key, content in resources["outputs"].items()}
    return f"{title}\n\n{note.strip()}\n{rest}", pictures


def digest(path: Path) -> str:
    """Return what identifies the notebook as it is now."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def execute(path: Path, executed: Path) -> Path:
    """Run the notebook and return its copy, which replaces older ones."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=None, resources=where).execute()
    executed.mkdir(exist_ok=True)
    for older in executed.glob(f"{path.stem}.*.ipynb"):
        older.unlink()
    copy = executed / f"{path.stem}.{digest(path)}.ipynb"
    nbformat.write(notebook, copy)
    return copy


def main() -> None:
    """Run the notebooks and keep the copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 1_quickstart; by default all")
    names = parser.parse_args().names
    for path in sorted((ROOT / FOLDER).glob("*.ipynb")):
        if not names or path.stem in names:
            copy = execute(path, ROOT / EXECUTED)
            sys.stdout.write(f"{copy.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
