"""
One-time codes: made here or by a provider, sent, sent again and checked.
"""

from sendyard.features.otp.codes import OneTimeCodes
from sendyard.features.otp.limits import Limits
from sendyard.features.otp.wishes import CodeWish, Verdict

__all__ = ["CodeWish", "Limits", "OneTimeCodes", "Verdict"]
