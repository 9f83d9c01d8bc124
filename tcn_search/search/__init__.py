"""The ask-and-tell loop: a study's definition, samplers, pruners, queue, retries and stopping.

Reads and writes trials; what is done with the best ones belongs to `evaluation`.
"""
