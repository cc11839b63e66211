"""Offhook: monitoring and alerting for outbound AI-voice call batches."""

__version__ = "0.1.0"
