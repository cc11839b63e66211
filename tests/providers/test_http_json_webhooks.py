"""The table ``webhook`` of a configured vendor: what it stands for, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.providers.http_json.webhooks import WebhookTable
from monitor.providers.schemes import ELEVENLABS, RETELL, STANDARD_WEBHOOKS, SVIX
from monitor.providers.signing import Basic, Hmac, SecretPath, Signing, StaticHeader, Verifier, sign
from tests.builders import MINUTE, NOON

KEY = "c2l4dGVlbiBsZXR0ZXJzIGxvbmc="
FULL: dict[str, Any] = {
    "scheme": "hmac",
    "header": "X-Signature",
    "value": "sha512={digest}",
    "separator": ",",
    "message": "{id}.{time}.{body}",
    "id_header": "X-Id",
    "time_header": "X-Time",
    "unit": "ms",
    "tolerance": timedelta(minutes=2),
    "algorithm": "sha512",
    "encoding": "base64",
    "key": "whsec",
}


@pytest.mark.parametrize(
    ("table", "signing"),
    [
        ({}, SecretPath()),
        ({"scheme": "path"}, SecretPath()),
        ({"scheme": "standard"}, STANDARD_WEBHOOKS),
        ({"scheme": "svix"}, SVIX),
        ({"scheme": "elevenlabs"}, ELEVENLABS),
        ({"scheme": "retell"}, RETELL),
        ({"scheme": "basic"}, Basic()),
        ({"scheme": "header", "header": "X-Secret"}, StaticHeader(header="x-secret")),
        (
            {"scheme": "header", "header": "Authorization", "value": "Bearer {secret}"},
            StaticHeader(header="authorization", prefix="Bearer "),
        ),
        ({"scheme": "hmac", "header": "X-Sig"}, Hmac(header="x-sig")),
        (
            FULL,
            Hmac(
                header="x-signature",
                value="sha512={digest}",
                message=("{id}", ".", "{time}", ".", "{body}"),
                algorithm="sha512",
                encoding="base64",
                many=",",
                id_header="x-id",
                time_header="x-time",
                unit="ms",
                key="whsec",
                tolerance=timedelta(minutes=2),
            ),
        ),
    ],
    ids=lambda each: each.get("scheme", "default") if isinstance(each, dict) else "",
)
def test_a_table_is_a_scheme(table: dict[str, Any], signing: Signing) -> None:
    assert WebhookTable(**table).signing == signing


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"scheme": "sig"}, "literal_error"),
        ({"scheme": "standard", "header": "X"}, "takes no header"),
        ({"scheme": "header", "header": "X", "message": "{body}"}, "takes no message"),
        ({"scheme": "hmac"}, "needs header"),
        ({"scheme": "header"}, "needs header"),
        ({"scheme": "hmac", "header": "X Y"}, "name of a header"),
        ({"scheme": "hmac", "header": "X", "value": "v1"}, "{digest} once"),
        ({"scheme": "hmac", "header": "X", "value": "{digest}{digest}"}, "{digest} once"),
        ({"scheme": "hmac", "header": "X", "value": "{secret}{digest}"}, "no {secret}"),
        ({"scheme": "hmac", "header": "X", "value": "{dgst}"}, "may stand in braces"),
        ({"scheme": "header", "header": "X", "value": "{digest}"}, "must end with {secret}"),
        ({"scheme": "header", "header": "X", "value": "{secret} x"}, "must end with {secret}"),
        ({"scheme": "hmac", "header": "X", "message": "{time}"}, "must hold {body}"),
        ({"scheme": "hmac", "header": "X", "message": "{time}.{body}"}, "where it is signed"),
        ({"scheme": "hmac", "header": "X", "time_header": "T"}, "where it is signed"),
        ({"scheme": "hmac", "header": "X", "value": "{time},{digest}"}, "where it is signed"),
        ({"scheme": "hmac", "header": "X", "message": "{id}{body}"}, "go together"),
        ({"scheme": "hmac", "header": "X", "id_header": "I"}, "go together"),
        ({"scheme": "hmac", "header": "X", "unit": "ms"}, "with a time"),
        ({"scheme": "hmac", "header": "X", "message": "{boddy}{body}"}, "may stand in braces"),
    ],
)
def test_what_proves_nothing_is_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WebhookTable(**table)
    assert words in f"{caught.value}{caught.value.errors()[0]['type']}"


@pytest.mark.parametrize(
    ("scheme", "secret", "words"),
    [("standard", "not base64 at all", "base64"), ("basic", "without a colon", "user:password")],
)
def test_a_secret_of_another_form_is_refused(scheme: str, secret: str, words: str) -> None:
    table = WebhookTable.model_validate({"scheme": scheme})
    with pytest.raises(ValueError, match=words):
        table.check_secret(secret)
    for good in (f"whsec_{KEY}", KEY, "user:password"):
        WebhookTable().check_secret(good)


def test_what_is_signed_by_all_parts_is_proven_by_them_while_it_is_young() -> None:
    signing = WebhookTable(**FULL).signing
    verifier = Verifier(signing, [KEY], [])
    sent = sign(signing, KEY, b"{}", NOON, "m-1")
    headers = {name.lower().encode(): value.encode() for name, value in sent.items()}

    found = verifier.check(headers, None, b"{}", NOON + MINUTE)

    assert found is not None
    assert found.unique == b"m-1"
    assert verifier.check(headers, None, b"{}", NOON + 3 * MINUTE) is None
    assert verifier.check(headers | {b"x-id": b"m-2"}, None, b"{}", NOON) is None
