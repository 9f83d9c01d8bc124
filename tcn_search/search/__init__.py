"""Ask-and-tell loop: definition of a study, samplers, pruners, queue, retries and stopping.

Reads and writes trials; what is done with the best ones belongs to `evaluation`.
"""
