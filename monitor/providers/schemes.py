"""The signing schemes that are published and used by several vendors, as data."""

from datetime import timedelta

from monitor.providers.signing import BODY, ID, TIME, Hmac

STANDARD_WEBHOOKS = Hmac(
    header="webhook-signature",
    value="v1,{digest}",
    message=(ID, ".", TIME, ".", BODY),
    encoding="base64",
    many=" ",
    id_header="webhook-id",
    time_header="webhook-timestamp",
    key="whsec",
)
SVIX = Hmac(
    header="svix-signature",
    value="v1,{digest}",
    message=(ID, ".", TIME, ".", BODY),
    encoding="base64",
    many=" ",
    id_header="svix-id",
    time_header="svix-timestamp",
    key="whsec",
)
ELEVENLABS = Hmac(
    header="elevenlabs-signature",
    value="t={time},v0={digest}",
    message=(TIME, ".", BODY),
    tolerance=timedelta(minutes=30),
)
RETELL = Hmac(
    header="x-retell-signature", value="v={time},d={digest}", message=(BODY, TIME), unit="ms"
)
