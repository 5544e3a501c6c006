"""The rows by what they measure; ``hotloop.benchmark.catalogue`` puts them together."""
