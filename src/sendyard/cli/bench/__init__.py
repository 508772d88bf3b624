"""
Benchmarks: each measures a figure and, in the same run, the floor or limit it is held against.
"""
