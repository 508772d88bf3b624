"""
Vocabulary and pure rules of messaging: no I/O, no clock, no chance.
"""
