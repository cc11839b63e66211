"""``demo``: the main job in a simulated world."""

from monitor.simulator.demo import main


def demo(*, keep: bool) -> int:
    """The story of about a minute; needs no configuration and no account."""
    return main(keep=keep)
