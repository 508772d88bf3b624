"""Sendyard: a self-hosted messaging gateway and campaign platform."""
