"""The rows of an answer as raw slices, so that what is known need not be decoded."""

from collections.abc import Sequence
from typing import Any

import msgspec

from monitor.errors import ProviderError
from monitor.providers.answers import read
from monitor.providers.http_json.api import Got
from monitor.providers.http_json.expressions import Expression

_TABLE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODER = msgspec.json.Encoder(order="sorted")


class RowsAt:
    """Where the rows of an answer stand.

    Where plain names lead to them, they are slices of the answer as it came. Any other
    expression makes new values: those are written anew, always alike, and stand for it.
    """

    def __init__(self, at: Expression, what: str) -> None:
        self._at = at
        self._what = what

    def body(self, got: Got) -> bytes:
        """What is kept of an answer, to be split."""
        if self._at.keys is not None:
            return got.body
        found = self._at.find(got.data)
        if not isinstance(found, list):
            raise self._missing()
        try:
            return _ENCODER.encode(found)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
            raise ProviderError("garbage", f"{self._what}: a row cannot be read") from None

    def split(self, body: bytes) -> Sequence[msgspec.Raw]:
        """The rows in order; ProviderError where there is no list."""
        raw: Any = body
        for key in self._at.keys or ():
            table = read(_TABLE, bytes(raw), self._what)
            if key not in table:
                raise self._missing()
            raw = table[key]
        return read(_ROWS, bytes(raw), self._what)

    def _missing(self) -> ProviderError:
        return ProviderError("garbage", f"{self._what}: the answer has no list at {self._at.text}")
