"""Why no webhook told of what ended, as far as anybody can tell, and what to do about it."""

from monitor.core.hearing import REFUSED_MOST, Hearing


def likeliest(hearing: Hearing, provider: str, last: str) -> tuple[str, str]:
    """The likeliest reason, and what to do; ``last`` is when the last good one came, in words."""
    refused = sum(at >= (hearing.missed_since or at) for at in hearing.refused.times)
    # A vendor whose secret differs is refused about as often as something ends.
    if 2 * refused >= min(hearing.missed, REFUSED_MOST):
        todo = f"Compare webhook_secret of [providers.{provider}] with the vendor's secret."
        return "those that came were refused", todo
    if hearing.heard_at is not None:
        todo = (
            "See at the vendor whether the endpoint is still there and enabled; offhook webhooks"
            f" shows its address, offhook webhooks test {provider} tries it."
        )
        return f"the last one came at {last}", todo
    if hearing.unreadable:
        todo = "See that only this vendor's events come; offhook status says what was wrong."
        return "those that came could not be read", todo
    todo = (
        "Register the address at the vendor; offhook webhooks shows it,"
        f" offhook webhooks test {provider} tries it."
    )
    return "none has ever come", todo
