"""
The only truth: messages, attempts, exchanges and events, and the only code that writes them.
"""
