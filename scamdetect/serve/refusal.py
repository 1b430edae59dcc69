"""How the service says no: a status, a code for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse


@dataclass
class Refusal(Exception):
    """Report a request that is not answered; ``message`` names the cure and holds no text of it."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """Return the answer that says so."""
        error = {"code": self.code, "message": self.message}
        return JSONResponse({"error": error}, self.status, dict(self.headers))
