"""Values as JSON in a column, and back; the types say what may be there."""

from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

T = TypeVar("T")


def encode(value: Any) -> str:
    """One value as compact JSON."""
    return msgspec.json.encode(value, enc_hook=_encode_other).decode()


def decode(kind: type[T], text: str) -> T:
    """The value that the JSON holds; ``kind`` is what it must be."""
    decoded: T = _decoder(kind)(text)
    return decoded


def _decoder(kind: type[T]) -> Callable[[str], T]:
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=_decode_other).decode
    return _decoders[kind]


_decoders: dict[Any, Callable[[str], Any]] = {}


def _encode_other(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value.key
    raise NotImplementedError(type(value).__name__)


def _decode_other(kind: type, value: Any) -> Any:
    if kind is ZoneInfo:
        return ZoneInfo(value)
    raise NotImplementedError(kind.__name__)
