"""How OKX judges a signed request.

Source: https://www.okx.com/docs-v5/en/#overview-rest-authentication (2026-10).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from altmonitor.sim.control import ApiError

EXPIRED_AFTER_MS: Final = 30_000
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class OkxKey:
    """A key that may read, and how a request with it is judged."""

    key: Final = "3f6c1f0e-8d5b-4b7a-9a51-6a6f0c0d4e21"
    secret: Final = "7C1E5A9B3D2F4860A1B2C3D4E5F60718"  # noqa: S105 — of the simulated exchange
    passphrase: Final = "Read.Only.9f3a"  # noqa: S105

    def check(self, headers: Mapping[str, str], method: str, path_and_query: str, now_ms: int) -> None:
        """Raises: ApiError as the exchange words it."""
        given: dict[str, str] = {}
        missing = (("KEY", "50103"), ("PASSPHRASE", "50104"), ("SIGN", "50106"), ("TIMESTAMP", "50107"))
        for name, code in missing:
            given[name] = headers.get(f"OK-ACCESS-{name}", "")
            if not given[name]:
                raise ApiError(401, code, f'Request header "OK-ACCESS-{name}" cannot be empty.')
        if given["KEY"] != self.key:
            raise ApiError(401, "50111", "Invalid OK-ACCESS-KEY")
        if _STAMP.fullmatch(given["TIMESTAMP"]) is None:
            raise ApiError(401, "50112", "Invalid OK-ACCESS-TIMESTAMP")
        sent = datetime.fromisoformat(given["TIMESTAMP"].replace("Z", "+00:00"))
        if abs(sent.timestamp() * 1000 - now_ms) > EXPIRED_AFTER_MS:
            raise ApiError(401, "50102", "Timestamp request expired")
        if given["PASSPHRASE"] != self.passphrase:
            raise ApiError(401, "50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
        told = (given["TIMESTAMP"] + method + path_and_query).encode()
        right = base64.b64encode(hmac.new(self.secret.encode(), told, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(right, given["SIGN"]):
            raise ApiError(401, "50113", "Invalid Sign")
