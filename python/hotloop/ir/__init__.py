"""The graph of ops that a model is lowered to."""
