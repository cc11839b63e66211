"""What a table of ``vendor = "graine"`` may hold."""

from typing import Literal

from monitor.settings import AccountSettings, BaseUrl


class GraineSettings(AccountSettings):
    """An organisation at Graine. The key is a token that begins with ``gat_``."""

    vendor: Literal["graine"]
    base_url: BaseUrl = "https://api.graine.ai/api/v1"
