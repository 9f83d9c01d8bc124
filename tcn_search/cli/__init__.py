"""The command line `tcn-search`: one module for each command, and shared modules.

A command parses its arguments, calls the packages below and prints the results. No other package
prints, and no other package imports this one.
"""
