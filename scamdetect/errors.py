"""The errors that scamdetect raises on purpose; each message names the cure."""

from __future__ import annotations


class ScamDetectError(Exception):
    """Root of every error that scamdetect raises on purpose; its text shows no secret of a URL."""

    def __str__(self) -> str:
        # Loaded when it is needed: an interrupt while the program starts must find little loaded.
        from scamdetect.urls import without_secrets

        return without_secrets(super().__str__())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class InputError(ScamDetectError):
    """Report a file, table, column or option that cannot be used as given."""


class TextsError(InputError, ValueError):
    """Report what an estimator cannot take for texts; scikit-learn expects a ValueError."""


class SharingError(ScamDetectError, TypeError):
    """Report an open model that cannot go to another process; pickling expects a TypeError."""


class NothingToResume(InputError):
    """Report that a destination is finished, so that nothing is left to go on with."""


class OutputError(ScamDetectError):
    """Report a destination that cannot be written: a full disk, a missing right."""


class EngineError(OutputError):
    """Report a job on Ray or Spark that failed as a whole and left nothing behind."""


class JobInterrupted(ScamDetectError):
    """Report a job that stopped because it was asked to, and can be resumed."""


class BundleError(ScamDetectError):
    """Report a model bundle that is missing, damaged or too new."""


class SourceError(ScamDetectError):
    """Report a data source whose description or files are not as expected."""


class RecipeError(ScamDetectError):
    """Report a training recipe with an unknown key or an impossible value."""


class DetectorError(ScamDetectError):
    """Report a detector of the benchmark that failed or gave answers that cannot be used."""


class EndpointError(ScamDetectError):
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
