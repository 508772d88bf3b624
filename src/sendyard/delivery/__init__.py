"""
From a draft to a provider and back: preflight, routing, limits, dispatch, transport, policy and ingest.
"""
