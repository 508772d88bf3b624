"""
What became of a campaign: counts, results, its end, and what goes wrong.
"""
