"""What a model does with data: ``compile``, ``fit``, ``evaluate``."""
