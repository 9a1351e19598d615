"""The opt-in policy that asks again, above the driver's own single retry."""

from llm_devops_mongodb.transports.retrying.transport import RetryingTransport

__all__ = ["RetryingTransport"]
