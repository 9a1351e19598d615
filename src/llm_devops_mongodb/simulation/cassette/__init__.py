"""Cassettes: recordings as files. A line is an interaction, a part of a stream, the header, or the end."""

from llm_devops_mongodb.simulation.cassette.content import Footer, Header, Interaction, Part
from llm_devops_mongodb.simulation.cassette.journal import Journal
from llm_devops_mongodb.simulation.cassette.reading import Recording
from llm_devops_mongodb.simulation.cassette.writing import write_recording

__all__ = ["Footer", "Header", "Interaction", "Journal", "Part", "Recording", "write_recording"]
