"""Notebooks on the site have the outputs of copies that were run, and of no others."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")
pytest.importorskip("nbconvert", reason="needs the extra docs")

import nbformat

from docs.hooks.notebooks import NOT_RUN, execute, on_page_markdown, render

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CODE = f"""import base64
from IPython.display import HTML, Image, display
print("printed")
display(HTML("<div><style scoped>td {{}}</style><table><tr><td>cell</td></tr></table></div>"))
display(Image(base64.b64decode({base64.b64encode(PIXEL).decode()!r})))
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    written: Any = nbformat.v4.new_notebook()
    written.cells = [
        nbformat.v4.new_markdown_cell("# A title\n\nWords."),
        nbformat.v4.new_code_cell(CODE),
    ]
    nbformat.write(written, tmp_path / "1_small.ipynb")
    return tmp_path / "1_small.ipynb"


def test_a_notebook_that_was_not_run_shows_its_code_and_says_so(notebook: Path) -> None:
    text, pictures = render(notebook, notebook.parent / "executed")
    assert text.startswith("# A title\n") and NOT_RUN in text and "](1_small.ipynb)" in text
    assert 'print("printed")' in text and pictures == {}


@pytest.mark.network_loopback
def test_a_copy_that_was_run_gives_outputs_until_the_notebook_changes(notebook: Path) -> None:
    pytest.importorskip("ipykernel", reason="needs the extra notebooks")
    executed = notebook.parent / "executed"
    before = notebook.read_bytes()
    execute(notebook, executed)
    assert notebook.read_bytes() == before
    text, pictures = render(notebook, executed)
    assert NOT_RUN not in text and "    printed" in text
    assert "<td>cell</td>" in text and "<style" not in text
    ((name, content),) = pictures.items()
    assert content == PIXEL and f"![Chart drawn by the code above]({name})" in text
    notebook.write_bytes(before + b"\n")
    assert NOT_RUN in render(notebook, executed)[0]


def test_links_to_notebooks_lead_to_their_pages() -> None:
    text = "[a](../notebooks/1_small.ipynb), [b](notebook.ipynb)"
    assert on_page_markdown(text) == "[a](../notebooks/1_small.md), [b](notebook.ipynb)"
