"""Where each vendor's webhooks are to be registered: the address, the place, the secret's key.

The address of a vendor that signs nothing is a secret itself: it is shown only on request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitor.app.senders import secrets_now, signing_of
from monitor.config import Config
from monitor.providers.build import AnyProviderSettings, facts_of, has_registrar, vendor_name
from monitor.providers.facts import Proof, VendorFacts
from monitor.providers.http_json import HttpJsonSettings, elevenlabs
from monitor.providers.signing import Basic, Hmac, SecretPath, Signing, StaticHeader, path_secret
from monitor.settings import SECRET_LENGTH, UNREADABLE_CREDENTIAL

MASK = "…"

_MEANS: Mapping[Proof, str] = {
    Proof.CALL: "the whole call: taken over at once",
    Proof.CALL_STATUS: "how the call stands; the vendor is asked for the call",
    Proof.BATCH: "how the batch stands: its beginning counts at once, its end is asked for",
    Proof.HINT: "that something moved; the vendor is asked",
    Proof.NOTHING: "nothing of use; nobody is asked",
}
_NOT_DOCUMENTED = (
    "the vendor documents no webhooks; whatever can call an address when something moves (a"
    " workflow, a telephony hook) may call this one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address to register. ``shown`` is without its secret, ``url`` has it."""

    provider: str
    url: str = field(repr=False)
    shown: str
    signing: Signing
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """One kind of webhook, and what it proves."""

    event: str
    proves: str
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """All that a person needs to register one provider's webhooks.

    ``url`` is for what the vendor signs, ``secret_url`` for what it does not (``unsigned``);
    each is None where there is nothing of the kind, or where ``missing`` says what to add.
    ``by_hand`` says why no command registers it, None where one does.
    """

    provider: str
    vendor: str
    url: str | None
    secret_url: str | None
    unsigned: str | None
    proof: str
    secret_key: str
    secrets: int
    register: str
    by_hand: str | None
    understood: tuple[Understood, ...]
    retries: str
    dashboard: str | None
    documented_at: tuple[str, ...]
    missing: tuple[str, ...]


def registrations(config: Config, *, show_secrets: bool) -> tuple[Registration, ...]:
    """Every provider's, in the order of the configuration."""
    return tuple(
        _registration(config, name, settings, show_secrets=show_secrets)
        for name, settings in config.providers.items()
    )


def addresses(config: Config, name: str, base: str) -> tuple[Address, ...]:
    """The addresses of a provider under a base address; none without a secret.

    Of several secrets the first is meant to be registered: the others are on their way out.
    """
    settings = config.providers[name]
    known = secrets_now(settings)
    if not known:
        return ()
    facts = facts_of(settings)
    signing = signing_of(settings, facts)
    plain = f"{base.rstrip('/')}/webhooks/{name}"
    found = []
    if not isinstance(signing, SecretPath):
        found.append(
            Address(provider=name, url=plain, shown=plain, signing=signing, secret=known[0])
        )
    if isinstance(signing, SecretPath) or _unsigned(facts) is not None:
        found.append(
            Address(
                provider=name,
                url=f"{plain}/{path_secret(name, known[0])}",
                shown=f"{plain}/{MASK}",
                signing=SecretPath(),
                secret=known[0],
            )
        )
    return tuple(found)


def is_readable(settings: AnyProviderSettings) -> bool:
    """Whether the secrets are here: a credential of the service is not, outside of it."""
    return UNREADABLE_CREDENTIAL not in secrets_now(settings)


def by_hand(settings: AnyProviderSettings) -> str | None:
    """Why no command registers it; None where one can."""
    if has_registrar(settings):
        return None
    facts = facts_of(settings)
    return "no API for it is known" if facts.webhooks is None else facts.webhooks.by_hand


def where(settings: AnyProviderSettings) -> str:
    """Where the address is entered."""
    if has_registrar(settings):
        return elevenlabs.REGISTER
    if isinstance(settings, HttpJsonSettings):
        return "wherever the vendor lets you enter it"
    webhooks = facts_of(settings).webhooks
    return _NOT_DOCUMENTED if webhooks is None else webhooks.register


def missing(config: Config, name: str) -> Iterator[str]:
    """What to add to the configuration before anything can be registered."""
    settings = config.providers[name]
    if config.web.public_url is None:
        yield 'public_url = "https://…" in [web]: where vendors reach this server'
    if not settings.webhook_secret:
        whose = "the signing secret that the vendor shows or takes"
        if isinstance(signing_of(settings, facts_of(settings)), SecretPath):
            whose = f"{SECRET_LENGTH} characters or more of your own making"
        yield f'webhook_secret = {{ env = "…" }} in [providers.{name}]: {whose}'


def _registration(
    config: Config, name: str, settings: AnyProviderSettings, *, show_secrets: bool
) -> Registration:
    facts = facts_of(settings)
    base = config.web.public_url
    found = {isinstance(each.signing, SecretPath): each for each in _all(config, name, base)}
    signed, secret = found.get(False), found.get(True)
    return Registration(
        provider=name,
        vendor=vendor_name(settings),
        url=None if signed is None else signed.url,
        secret_url=None if secret is None else secret.url if show_secrets else secret.shown,
        unsigned=_unsigned(facts),
        proof=_proof(signing_of(settings, facts)),
        secret_key=f"providers.{name}.webhook_secret",
        secrets=len(settings.webhook_secret or ()),
        register=where(settings),
        by_hand=by_hand(settings),
        understood=_understood(facts),
        retries=_retries(settings),
        dashboard=facts.dashboard,
        documented_at=facts.documented_at,
        missing=tuple(missing(config, name)),
    )


def _all(config: Config, name: str, base: str | None) -> tuple[Address, ...]:
    return () if base is None else addresses(config, name, base)


def _unsigned(facts: VendorFacts) -> str | None:
    return None if facts.webhooks is None else facts.webhooks.unsigned


def _retries(settings: AnyProviderSettings) -> str:
    """What the vendor does when nobody answers."""
    if has_registrar(settings):
        return elevenlabs.RETRIES
    if isinstance(settings, HttpJsonSettings):
        return "what the vendor does then is not known here"
    webhooks = facts_of(settings).webhooks
    return "not documented" if webhooks is None else webhooks.retries


def _understood(facts: VendorFacts) -> tuple[Understood, ...]:
    if facts.webhooks is None:
        anything = "any JSON object, best with batch_id"
        return (Understood(event=anything, proves=Proof.HINT.value, means=_MEANS[Proof.HINT]),)
    told = (
        Understood(event=each.name, proves=each.proves.value, means=_MEANS[each.proves])
        for each in facts.webhooks.events
    )
    return tuple(dict.fromkeys(told))  # one kind may be known in several ways


def _proof(signing: Signing) -> str:
    """How a webhook proves where it comes from, for people."""
    match signing:
        case Hmac():
            return f"a signature in the header {signing.header}, made with the secret"
        case StaticHeader():
            return f"the secret itself in the header {signing.header}"
        case Basic():
            return "a login (HTTP basic auth), which is the secret"
        case SecretPath():
            return "nothing is signed: the address is the secret, and what comes is a hint"
