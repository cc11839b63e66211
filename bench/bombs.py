"""Bodies that are made to cost much: each within the 256 KiB that are read of a webhook."""

from collections.abc import Mapping

_ROOM = 250_000


def _padded(head: str, piece: str, tail: str = "", *, room: int = _ROOM) -> bytes:
    return (head + piece * ((room - len(head) - len(tail)) // len(piece)) + tail).encode()


BOMBS: Mapping[str, bytes] = {
    "arrays without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 40_000,
    "a deep value": b'{"call_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a deep batch": b'{"batch":' + b'{"id":' * 20_000 + b"1" + b"}" * 20_001,
    "closed depth": b"[" * 100_000 + b"]" * 100_000,
    "as many keys as fit": _padded('{"call_id":"c",', '"":0,', '"z":0}'),
    "one key again and again": _padded("{", '"call_id":"c",', '"batch_id":"b"}'),
    "different keys": b"{" + b",".join(b'"k%d":0' % n for n in range(24_000)) + b"}",
    "an array of numbers": _padded('{"call_id":"c","x":[', "1,", "1]}"),
    "an array of objects": _padded('{"call_id":"c","variables":[', "{},", "{}]}"),
    "a number of 100,000 digits": b'{"call_id":' + b"9" * 100_000 + b"}",
    "a batch of 100,000 digits": b'{"batch_id":' + b"9" * 100_000 + b"}",
    "a price of 100,000 digits": b'{"call_id":"c","completed":true,"status":"completed","price":'
    + b"9" * 100_000
    + b"}",
    "a time of 100,000 digits": b'{"batch_id":"b","status":"completed","timestamp":"'
    + b"9" * 100_000
    + b'"}',
    "a fraction of 100,000 digits": b'{"call_id":"c","call_length":0.' + b"1" * 100_000 + b"}",
    "an exponent": b'{"call_id":"c","call_length":1e400,"price":1e-400}',
    "a large exponent": b'{"call_id":"c","call_length":1e999999999999}',
    "not a number": b'{"call_id":"c","call_length":NaN,"price":Infinity}',
    "the same key twice": b'{"call_id":"c","call_id":"d","batch_id":1,"batch_id":null}',
    "utf-16": '{"call_id":"c"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"call_id":"c"}',
    "half a character": b'{"call_id":"\\ud800","batch_id":"\\udfff"}',
    "halves without end": _padded('{"call_id":"', "\\ud800", '"}'),
    "backslashes without end": _padded('{"call_id":"', "\\\\", '"}'),
    "escapes broken off": _padded('{"call_id":"', "\\u", '"}'),
    "NUL": b'{"call_id":"\\u0000","batch_id":"b\\u0000"}',
    "NUL as a byte": b'{"call_id":"\x00"}',
    "bytes of no text": b'{"call_id":"\xff\xfe\xed\xa0\x80"}',
    "a reason of no text": b'{"batch_id":"b","status":"stopped","timestamp":"x","reason":"\xff"}',
    "a long name": _padded('{"call_id":"', "x", '"}'),
    "a long number as a name": b'{"call_id":-' + b"1" * 4_000 + b',"batch_id":' + b"1" * 300 + b"}",
    "blanks": b" " * _ROOM,
    "nothing": b"",
    "null": b"null",
    "a text": b'"call_id"',
}
