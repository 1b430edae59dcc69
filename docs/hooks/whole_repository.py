"""Name the site's pages by their paths in the repository, and take in what they link to.

Pages of ``docs/`` link to cards, results and figures outside that folder, as a plain checkout needs
it. MkDocs knows only files below its ``docs_dir``, so this hook adds the others, each at the path
that it has in the repository: the same link then leads to the same file in both places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of ``docs/`` under that name, and those that nav and links lead to."""
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir)
    found: dict[str, File] = {}
    for file in files:
        if file.src_dir == config.docs_dir:
            path = f"{docs.relative_to(root).as_posix()}/{file.src_uri}"
            found[path] = _file(root, path, config, file.dest_uri)
        else:
            found[file.src_uri] = file
    to_read = [*found, *(page for page in pages_of(config.nav or []) if page not in found)]
    while to_read:
        path = to_read.pop()
        if path not in found:
            found[path] = _file(root, path, config)
        if path.endswith(".md"):
            linked = linked_files(root, path)
            to_read += [target for target in linked if target not in found]
    return Files(found.values())


def on_page_markdown(markdown: str, **_: Any) -> str:  # noqa: ANN401
    """Return the page with folded parts that MkDocs reads too, as the sites of repositories do."""
    return markdown.replace("<details>", '<details markdown="1">')


def pages_of(nav: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the paths that a nav names."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(part)


def linked_files(root: Path, page: str) -> set[str]:
    """Return the files of the repository that a page links to, as paths from its root."""
    text = (root / page).read_text(encoding="utf-8")
    folder = PurePosixPath(page).parent.as_posix()
    targets = {normpath(f"{folder}/{link}") for link in _LINK.findall(text) if ":" not in link}
    inside = {target for target in targets if not target.startswith("..")}
    return {target for target in inside if (root / target).is_file()}


def _file(root: Path, path: str, config: MkDocsConfig, dest_uri: str | None = None) -> File:
    # The README of the repository would take the place of the site's first page.
    dest_uri = "README.html" if path == "README.md" else dest_uri
    return File(path, str(root), config.site_dir, config.use_directory_urls, dest_uri=dest_uri)
