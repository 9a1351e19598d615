"""The configuration of a client, and where it is read from."""

from llm_devops_mongodb.config.mongo_config import ConfigSettings, MongoConfig
from llm_devops_mongodb.config.sections import (
    AuditConfig,
    QueryGuardConfig,
    RetryConfig,
    SimulationMode,
    TlsConfig,
    TracingConfig,
)

__all__ = [
    "AuditConfig",
    "ConfigSettings",
    "MongoConfig",
    "QueryGuardConfig",
    "RetryConfig",
    "SimulationMode",
    "TlsConfig",
    "TracingConfig",
]
