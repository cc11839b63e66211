"""The main job without any account: a simulated world, the real daemon, messages on screen."""

from monitor.simulator.demo.play import main

__all__ = ["main"]
