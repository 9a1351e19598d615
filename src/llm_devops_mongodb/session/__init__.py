"""Sessions and transactions."""

from llm_devops_mongodb.session.opening import new_session
from llm_devops_mongodb.session.retry_policy import RetryPolicy
from llm_devops_mongodb.session.session import Session

__all__ = ["RetryPolicy", "Session", "new_session"]
