"""
What providers are asked or told beside messages, kept until they have answered: who somebody is, a contact of ours,
a number for refusals.
"""
