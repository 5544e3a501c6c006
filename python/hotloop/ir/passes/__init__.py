"""Passes: functions that rewrite a graph of ops in place, each in a file of its own.

A pass knows ops and nothing of layers. Which run, and in what order, stands in ``hotloop.ir.pipelines``.
"""
