"""The command line `tcn-search`: one module a command, and what several commands share.

The only package that prints. Commands parse arguments and call the packages below.
"""
