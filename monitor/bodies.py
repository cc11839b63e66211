"""The body of an answer as it comes: bounded on the wire, and unpacked."""

import zlib
from collections.abc import AsyncIterator

from monitor.errors import HttpError

MIB = 1024 * 1024


async def whole(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """All of it, unpacked; HttpError before more than ``limit`` bytes are held."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return b"".join([chunk async for chunk in chunks])
    if encoding in {"gzip", "x-gzip"}:
        return await _gunzip(chunks, limit)
    raise HttpError("encoding", "the answer has an encoding that was not asked for", sent=True)


async def _gunzip(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Unpack as it comes; a small answer that unpacks without end is stopped at the limit."""
    unpacker = zlib.decompressobj(wbits=31)
    out = bytearray()
    begun = False
    try:
        async for chunk in chunks:
            rest = chunk
            begun = begun or bool(chunk)
            while rest:
                if unpacker.eof:  # gzip members may follow one another
                    unpacker = zlib.decompressobj(wbits=31)
                out += unpacker.decompress(rest, limit + 1 - len(out))
                if len(out) > limit:
                    raise oversize(limit)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as error:
        raise HttpError("encoding", "the answer's gzip is damaged", sent=True) from error
    if begun and not unpacker.eof:
        raise HttpError("encoding", "the answer's gzip is broken off", sent=True)
    return bytes(out)


def oversize(limit: int) -> HttpError:
    """The error of an answer that is too long."""
    return HttpError("oversize", f"the answer is longer than {limit // MIB} MiB", sent=True)
