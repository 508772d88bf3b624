"""
The rules of countries and channels: data with its source, and pure checks. Start at `registry`.
"""
