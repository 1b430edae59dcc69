"""The errors that scamdetect raises on purpose; each message names the cure.

Each is a ScamDetectError and also the built-in error that it resembles, so code that knows nothing
of scamdetect catches it where it expects that.
"""

from __future__ import annotations


class ScamDetectError(Exception):
    """Root of every error that scamdetect raises on purpose; its text shows no secret of a URL."""

    def __str__(self) -> str:
        # Loaded when it is needed: an interrupt while the program starts must find little loaded.
        from scamdetect.urls import without_secrets

        return without_secrets(super().__str__())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # Pickle would call __init__ with the text, which some children make of other arguments.
        return _bare, (type(self),), {**self.__dict__, "args": self.args}


def _bare(kind: type[ScamDetectError]) -> ScamDetectError:
    return kind.__new__(kind)


class InputError(ScamDetectError, ValueError):
    """Report a file, table, column or option that cannot be used as given."""


class TextsError(InputError, TypeError):
    """Report one text where several are expected, several for one, or what is neither."""


class SharingError(ScamDetectError, TypeError):
    """Report an open model that cannot go to another process; pickling expects a TypeError."""


class NothingToResume(InputError):
    """Report that a destination is finished, so that nothing is left to go on with."""


class OutputError(ScamDetectError, OSError):
    """Report a destination that cannot be written: a full disk, a missing right."""


class EngineError(OutputError):
    """Report a job on Ray or Spark that failed as a whole and left nothing behind."""


class JobInterrupted(ScamDetectError, RuntimeError):
    """Report a job that stopped because it was asked to, and can be resumed.

    It is no KeyboardInterrupt, which ``except Exception`` lets pass, and no InterruptedError, after
    which a system call is made again.
    """


class WorkerError(ScamDetectError, RuntimeError):
    """Report a worker process that ended before its work did."""


class BundleError(ScamDetectError, ValueError):
    """Report a model bundle that is missing, damaged or too new."""


class SourceError(ScamDetectError, ValueError):
    """Report a data source whose description or files are not as expected."""


class RecipeError(ScamDetectError, ValueError):
    """Report a training recipe with an unknown key or an impossible value."""


class DetectorError(ScamDetectError, RuntimeError):
    """Report a detector of the benchmark that failed or gave answers that cannot be used."""


class EndpointError(ScamDetectError, ConnectionError):
    """Report an HTTP endpoint that stays down or refuses; ``status`` is its last HTTP status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BudgetSpent(EndpointError):
    """Report that an endpoint may not be called again; what it answered is kept."""


class MissingExtraError(ScamDetectError, ImportError):
    """Report an optional dependency that is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {module!r}, which is not installed; "
            f"run: pip install 'scamdetect[{extra}]'"
        )
        self.extra = extra
