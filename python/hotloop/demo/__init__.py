"""``hotloop demo``: digits in, a trained, a pruned and an int8 model out, each measured."""

from hotloop.demo.run import Options, run

__all__ = ["Options", "run"]
