"""What a table of ``vendor = "vogent"`` may hold."""

from typing import Literal

from monitor.settings import AccountSettings, BaseUrl


class VogentSettings(AccountSettings):
    """A workspace at Vogent. Without ``rates`` nothing is known of what calls cost."""

    vendor: Literal["vogent"]
    base_url: BaseUrl = "https://api.vogent.ai/api"
