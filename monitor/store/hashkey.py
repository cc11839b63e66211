"""Under which key this database's phone numbers are hashed, as far as another can be told."""

from hashlib import blake2b, sha256

from sqlalchemy import Connection

from monitor.store import settings

_PROOF = "hash_key_proof"


def is_another(conn: Connection, key: bytes) -> bool:
    """Whether the numbers were hashed under another key, so that nobody is recognised."""
    known = settings.load(conn, _PROOF)
    return known is not None and known != _proof(key)


def remember(conn: Connection, key: bytes) -> None:
    """Know the key again, from the first time on."""
    settings.made(conn, _PROOF, lambda: _proof(key))


def _proof(key: bytes) -> str:
    return blake2b(b"hash_key", key=sha256(key).digest(), digest_size=16).hexdigest()
