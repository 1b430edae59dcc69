"""The exceptions that scamdetect raises; each message says how to fix the problem.

Each class derives from ScamDetectError and from the built-in exception it resembles, so generic
error handling catches it too.
"""

from __future__ import annotations


class ScamDetectError(Exception):
    """Base class of all scamdetect errors."""

    def __reduce__(self) -> tuple[object, ...]:
        # Pickle would call __init__ with the message, but some subclasses take other arguments.
        return _bare, (type(self),), {**self.__dict__, "args": self.args}


def _bare(kind: type[ScamDetectError]) -> ScamDetectError:
    return kind.__new__(kind)


class InputError(ScamDetectError, ValueError):
    """Raised if a file, table, column or option cannot be used."""


class TextsError(InputError, TypeError):
    """Raised if one text is passed instead of several, several instead of one, or neither."""


class SharingError(ScamDetectError, TypeError):
    """Raised if an open model is sent to another process; pickling expects a TypeError."""


class NothingToResume(InputError):
    """Raised if a job is already finished and there is nothing to resume."""


class OutputError(ScamDetectError, OSError):
    """Raised if a destination cannot be written, for example because the disk is full."""


class JobInterrupted(ScamDetectError, RuntimeError):
    """Raised if a job stopped on request and can be resumed.

    It does not derive from KeyboardInterrupt, which ``except Exception`` does not catch, nor from
    InterruptedError, after which system calls are retried.
    """


class BundleError(ScamDetectError, ValueError):
    """Raised if a model bundle is missing, damaged or too new."""


class SourceError(ScamDetectError, ValueError):
    """Raised if a data source or its files are not as expected."""


class RecipeError(ScamDetectError, ValueError):
    """Raised if a training recipe has an unknown key or an invalid value."""


class DetectorError(ScamDetectError, RuntimeError):
    """Raised if a detector of the benchmark failed or gave unusable answers."""


class EndpointError(ScamDetectError, ConnectionError):
    """Raised if an HTTP endpoint stays down or refuses; ``status`` is its last HTTP status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class MissingExtraError(ScamDetectError, ImportError):
    """Raised if an optional dependency is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"package {module!r} is not installed; in a clone of scamdetect, run: "
            f"pip install '.[{extra}]'"
        )
        self.extra = extra
