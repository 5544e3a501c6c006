"""What users wrote: symbolic tensors, the calls of layers, the arena of weights."""
