"""Any vendor with a JSON API: what to ask and what its answers mean stands in the configuration."""

from monitor.providers.http_json.capabilities import capabilities_of
from monitor.providers.http_json.provider import HttpJson
from monitor.providers.http_json.sample import check_sample
from monitor.providers.http_json.settings import HttpJsonSettings

__all__ = ["HttpJson", "HttpJsonSettings", "capabilities_of", "check_sample"]
