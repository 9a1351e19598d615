"""The query guard: a transport that notices slow queries while a program is developed and tested."""

from llm_devops_mongodb.transports.guarded.transport import GuardedTransport

__all__ = ["GuardedTransport"]
