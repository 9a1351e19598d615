"""What records the traffic that passes through it."""

from llm_devops_mongodb.transports.recording.transport import RecordingTransport

__all__ = ["RecordingTransport"]
