"""
Experiments: several texts in one campaign, compared on a part of the people, and what the rest gets.
"""
