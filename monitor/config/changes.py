"""What a reload cannot change."""

from monitor.config.model import Config


def needs_restart(old: Config, new: Config) -> list[str]:
    """Which keys differ that only a restart takes over; sentences for people."""
    pairs = (
        ("web.listen", old.web.listen, new.web.listen),
        ("monitor.data_dir", old.monitor.data_dir, new.monitor.data_dir),
        ("monitor.database_url", old.monitor.database_url, new.monitor.database_url),
        ("monitor.hash_key", old.monitor.hash_key, new.monitor.hash_key),
        ("monitor.log", old.monitor.log, new.monitor.log),
        ("web.api_token", old.web.api_token, new.web.api_token),
        # Whether a token is needed goes by it, and whom the server believes to be asked for.
        ("web.public_url", old.web.public_url, new.web.public_url),
    )
    return [f"{name} changed: restart offhook to use it" for name, a, b in pairs if a != b]
