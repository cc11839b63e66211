"""Doing at a vendor what somebody asked for: one request, and what its answer proves.

An action is never sent twice by itself. What may have been taken is said to be unknown, so
that a look at the batch can tell.
"""

from typing import Any

import msgspec

from monitor.errors import HttpError, ProviderError
from monitor.http import Answer
from monitor.providers.account import Account, part
from monitor.providers.answers import read, retry_after
from monitor.providers.budget import Turn, turn
from monitor.providers.facts import Action, Taken, Took

_WORDS = {
    400: "the vendor does not do that to the batch as it stands",
    401: "the key is not accepted; look at api_key",
    402: "the account has no credit or no billing",
    403: "the key may not do this; ask the vendor for one that may",
    404: "the vendor does not know the batch",
    409: "the batch stands in the way of it at the vendor: it may have moved just now",
    410: "the vendor has the batch no more",
    422: "the vendor does not do that to the batch as it stands",
}
# The server gave up waiting for something: perhaps for what it was asked to do.
_GAVE_UP = 408
_PATIENCE = 429


async def take_action(
    account: Account, action: Action, batch_id: str, *, older: bool = False
) -> Took:
    """Ask for one action, before everything else that waits for the same key."""
    path = action.older if older and action.older is not None else action.path
    before = turn.set(Turn.ACT)
    try:
        answer = await account.send(
            action.method, path.format(batch_id=part(batch_id)), _body(action)
        )
    except HttpError as error:
        if error.sent:
            return Took(Taken.UNKNOWN, f"no answer came: {error.text}")
        return Took(Taken.REFUSED, f"nothing was sent: {error.text}")
    except ProviderError as error:
        # The key is left alone, so that the vendor was not asked at all.
        return Took(Taken.REFUSED, f"nothing was sent, the vendor is left alone now: {error.text}")
    finally:
        turn.reset(before)
    return _read(answer)


def undocumented(vendor: str) -> Took:
    """The answer for a vendor that lets nobody act."""
    return Took(Taken.REFUSED, f"nothing was sent: {vendor} documents no actions")


def _body(action: Action) -> dict[str, bool] | None:
    return None if action.body is None else dict(action.body)


class _Told(msgspec.Struct):
    errors: Any = None
    status: Any = None
    success: Any = None


_TOLD = msgspec.json.Decoder(_Told)


def _body_of(answer: Answer) -> Took:
    """A good status: all these vendors answer with an object, in which one names its errors."""
    try:
        told = read(_TOLD, answer.body, "the action")
    except ProviderError as error:
        return Took(Taken.UNKNOWN, f"{answer.status}, but {error.text}")
    if told.errors or told.status == "error" or told.success is False:
        return Took(Taken.REFUSED, f"{answer.status}, but the vendor names an error")
    return Took(Taken.DONE, "the vendor took it")


def _read(answer: Answer) -> Took:
    status = answer.status
    if 200 <= status < 300:
        return _body_of(answer)
    if status >= 500 or status == _GAVE_UP:
        return Took(Taken.UNKNOWN, f"{status}: the vendor's server failed over it")
    if status == _PATIENCE:
        wait = retry_after(answer)
        again = "in a minute" if wait is None else f"in {wait:.0f} s"
        return Took(Taken.REFUSED, f"{status}: the vendor asks for patience; try again {again}")
    if 300 <= status < 400:
        return Took(Taken.REFUSED, f"{status}: the vendor points elsewhere; look at base_url")
    words = _WORDS.get(status, "the vendor does not take it as documented")
    return Took(Taken.REFUSED, f"{status}: {words}")
