"""
What people and figures say before a campaign may go on: approvals, budgets, trouble of accounts.
"""
