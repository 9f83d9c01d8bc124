"""Recurrent networks of the same number of parameters, to compare a TCN with.

They share head, loss and metrics with the models of `models`.
"""
