"""What a call costs by the user's own rates, where the vendor tells nothing."""

from decimal import Decimal

from monitor.core.model import Call, CallStatus, Rates

# Calls that reached the network. What the vendor's queue lost, or people cancelled, is free.
_CHARGED = frozenset(
    {CallStatus.COMPLETED, CallStatus.NO_ANSWER, CallStatus.BUSY, CallStatus.FAILED}
)


def estimated(rates: Rates | None, call: Call) -> Call:
    """The call with an estimated cost, marked as such, unless its cost is known or unknowable.

    Minutes are charged by the second. The estimate's ``detail_at`` is the call's own end, so
    that the vendor's figure, whenever it was read, is the later view and stays.
    """
    at = call.ended_at or call.created_at
    if rates is None or call.cost_micros is not None or at is None or call.status not in _CHARGED:
        return call
    if rates.minute is not None and call.duration_s is None:
        return call
    talked = (rates.minute or Decimal(0)) * Decimal(call.duration_s or 0) / 60
    amount = talked + (rates.attempt or Decimal(0))
    return call._replace(
        cost_micros=round(amount * 1_000_000),
        currency=rates.currency,
        cost_estimated=True,
        detail_at=call.detail_at or at,
    )
