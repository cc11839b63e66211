"""Standard Webhooks as a sender sees them: the key that a secret holds, and the headers.

Used by whoever verifies and by whoever signs, who know nothing of each other.
"""

import base64
import binascii
import hmac
from datetime import datetime


def standard_key(secret: str) -> bytes:
    """The bytes of a Standard Webhooks secret, with or without its prefix; else ValueError."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = "a Standard Webhooks secret is base64, usually after whsec_"
        raise ValueError(msg) from error


def signed_headers(secret: str, unique: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that prove a body; ``unique`` stays the same when the body is sent again."""
    stamp = str(int(at.timestamp()))
    content = b".".join((unique.encode(), stamp.encode(), body))
    digest = base64.b64encode(hmac.digest(standard_key(secret), content, "sha256")).decode()
    return {
        "webhook-id": unique,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{digest}",
    }
