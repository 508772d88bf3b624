"""
When a campaign starts, when each person's moment is, how often it runs, and which wave may leave.
"""
