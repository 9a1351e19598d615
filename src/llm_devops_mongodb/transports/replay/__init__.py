"""What answers from a recording: there is no driver, and no socket."""

from llm_devops_mongodb.transports.replay.transport import ReplayTransport

__all__ = ["ReplayTransport"]
