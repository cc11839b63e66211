"""What a table of ``vendor = "bland"`` may hold."""

from typing import Literal

from monitor.settings import AccountSettings, BaseUrl


class BlandSettings(AccountSettings):
    """An account at Bland; enterprise deployments have an address of their own."""

    vendor: Literal["bland"]
    base_url: BaseUrl = "https://api.bland.ai"
