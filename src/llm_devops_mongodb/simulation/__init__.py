"""Simulation: what a real server answered, recorded once and replayed anywhere."""

from llm_devops_mongodb.simulation.overriding import simulating
from llm_devops_mongodb.simulation.recorder import SimulationRecorder
from llm_devops_mongodb.simulation.replayer import SimulatedFault, SimulationReplayer

__all__ = ["SimulatedFault", "SimulationRecorder", "SimulationReplayer", "simulating"]
