"""A report as one HTML page: every text is escaped, and nothing is loaded or run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from scamdetect import __version__
from scamdetect.errors import MissingExtraError
from scamdetect.explain.explanation import CAUTION, Explanation
from scamdetect.reports.cells import count, listed, share_of, spaced_share
from scamdetect.system.files import ANYONE, writing

try:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "report") from error

_FILTERS = {"count": count, "listed": listed, "share": share_of, "percent": spaced_share}


def page(
    template: str,
    filters: Mapping[str, Callable[..., Any]] = {},
    finalize: Callable[[Any], Any] | None = None,
    package: str = __package__,
    **given: object,
) -> str:
    """Return the page of a template of a package; ``finalize`` changes each shown text."""
    # Autoescape: messages and names come from strangers and may contain tags.
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, ".") for name in (package, __package__)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters |= _FILTERS | dict(filters)
    known = {"made": date.today().isoformat(), "version": __version__}
    return environment.get_template(template).render(known | given)


def write_page(text: str, path: Path, access: int = ANYONE) -> None:
    """Write a page completely or not at all; raise OSError if that fails."""
    with writing(path, access) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def explanation_page(explanations: Sequence[Explanation]) -> str:
    """Return a page with the explanations in their order."""
    models = sorted({each.prediction.model_id for each in explanations})
    return page("explain.html", explanations=explanations, models=models, caution=CAUTION)
