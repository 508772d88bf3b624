"""
People, and the addresses at which they are reached.
"""
