"""Files of skops: objects of scikit-learn without pickles."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.system.files import writing

try:
    import skops.io
except ImportError as error:
    raise MissingExtraError(error.name or "skops", "bench") from error

_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"}
# Beyond what skops trusts by itself. It calls such classes with arguments from the file, and some
# of numpy and scipy overwrite files when made (numpy.memmap).
_ALLOWED = "sklearn"


def read_skops(path: Path) -> Any:  # noqa: ANN401
    """Return the object in a skops file.

    Raises InputError on a pickle, a missing or damaged file and types that are not allowed.
    """
    if path.suffix.lower() in _PICKLES:
        raise InputError(
            f"{path}: pickles can run code and are never loaded; save the pipeline by "
            "skops.io.dump(pipeline, 'model.skops')"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; pass a file that skops.io.dump wrote")
    try:
        unknown = skops.io.get_untrusted_types(file=path)
        refused = sorted(name for name in unknown if not _is_allowed(name))
        if refused:
            raise InputError(
                f"{path} holds {', '.join(refused)}; only classes of scikit-learn are loaded; pass "
                "a pipeline of them, or a function of your own as python:module:name"
            )
        return skops.io.load(path, trusted=unknown)
    except InputError:
        raise
    except (BadZipFile, KeyError) as problem:
        raise InputError(f"{path}: not a file of skops; save it by skops.io.dump") from problem
    except Exception as problem:
        raise InputError(
            f"{path}: skops cannot load it ({type(problem).__name__}: {problem}); save it again "
            "with the versions of skops and scikit-learn that are installed here"
        ) from problem


def _is_allowed(name: str) -> bool:
    """Return whether the name is that of a class of scikit-learn.

    Its functions stay out: some run what they are given, and a pipeline may call them on texts.
    """
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] != _ALLOWED or "__" in module:
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(found, type) and found.__module__.partition(".")[0] == _ALLOWED


def write_skops(path: Path, saved: Any) -> None:  # noqa: ANN401
    """Write the object as a file of skops, whole or not at all; make its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        skops.io.dump(saved, file, compression=ZIP_DEFLATED)
