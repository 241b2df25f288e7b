"""From masks to text: samplers, the decoding loop with its token budget, scores. Importing this needs no torch."""

from treadle.decoding.loop import Decoding, FinishReason, Scores
from treadle.decoding.results import Result, TextStream
from treadle.decoding.sampling import Greedy, Sampler, Sampling

__all__ = ["Decoding", "FinishReason", "Greedy", "Result", "Sampler", "Sampling", "Scores", "TextStream"]
