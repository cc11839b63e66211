"""What a process that has started need not do any more."""

import gc

# Reading pages makes many short-lived values and no cycles among them.
_YOUNG = 20_000


def settle() -> None:
    """Let the collector pass over what lives as long as the process, and look less often.

    Looking through all that was built at the start takes longer than reading a page in.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
