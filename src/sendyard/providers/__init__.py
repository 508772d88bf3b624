"""
One folder per provider: pure data and pure functions, bytes in and values out.
"""
