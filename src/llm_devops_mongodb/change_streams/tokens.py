"""Resume tokens."""

from llm_devops_mongodb.resume_token import ResumeToken

__all__ = ["ResumeToken"]
