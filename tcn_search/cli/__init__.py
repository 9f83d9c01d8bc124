"""The command line `tcn-search`: one module for each command, and what several commands share.

A command parses its arguments, calls the packages below and prints the results. No other package
prints, and no other package imports this one.
"""
