"""
What Mitake's one-character codes and status words mean.

Source: "API文件規格說明書" 2.14 (2024-06-18), appendix 1 (`StatusFlag`), 2 (`statuscode`), 3 (`statusstr`).
The digits mean the same as `statuscode` and as `StatusFlag`; the words stand under `statusstr:<word>`.
"""

from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

STATUS_WORD = "statusstr:"
"""Prefix of the keys of appendix 3."""

_TEXT = (
    "Check that the text names your approved sender identity, such as 【Brand】, and holds no web address or phone "
    "number that is not registered with Mitake: Taiwanese carriers block both."
)
_PASSWORD_PLACE = "sign in at the Mitake console (sms.mitake.com.tw) with the same name and password"  # noqa: S105

CODES = MappingProxyType(
    {
        "0": Code(ReportStatus.SENT, "預約傳送中 (reservation pending)"),
        "1": Code(ReportStatus.SENT, "已送達業者 (handed to the carrier)"),
        "2": Code(ReportStatus.SENT, "已送達業者 (handed to the carrier)"),
        # In lists older than 2.14 only; refusing it would send twice.
        "3": Code(ReportStatus.SENT, "已送達業者 (handed to the carrier)"),
        "4": Code(ReportStatus.DELIVERED, "已送達手機 (delivered to the handset)"),
        "5": Code(ErrorKind.CONTENT_REJECTED, "內容有錯誤 (content error)", _TEXT),
        "6": Code(ErrorKind.INVALID_RECIPIENT, "門號有錯誤 (number error)", "Ask the person for a working number."),
        "7": Code(
            ErrorKind.BLOCKED,
            "簡訊已停用 (short messages are stopped for this number)",
            "The person or the carrier has short messages switched off; reach them another way.",
        ),
        "8": Code(ErrorKind.UNDELIVERABLE, "逾時無送達 (not delivered in time)"),
        # Nobody but a person in Mitake's console cancels a reservation, so nothing may be sent in its place.
        "9": Code(ErrorKind.EXPIRED, "預約已取消 (reservation cancelled)"),
        "*": Code(ErrorKind.UNAVAILABLE, "系統發生錯誤，請聯絡三竹資訊窗口人員 (system error)"),
        "a": Code(ErrorKind.UNAVAILABLE, "簡訊發送功能暫時停止服務，請稍候再試 (sending is suspended for the moment)"),
        "b": Code(ErrorKind.UNAVAILABLE, "簡訊發送功能暫時停止服務，請稍候再試 (sending is suspended for the moment)"),
        "c": Code(
            ErrorKind.AUTH_FAILED, "請輸入帳號 (account missing)", "Enter the account name of the Mitake console."
        ),
        "d": Code(ErrorKind.AUTH_FAILED, "請輸入密碼 (password missing)", "Enter the password here."),
        "e": Code(
            ErrorKind.AUTH_FAILED,
            "帳號、密碼錯誤 (wrong account or password)",
            f"To find out which is wrong, {_PASSWORD_PLACE}; it is the same password, so one changed there must be "
            "changed here. An enterprise account works only under /api/mtk, a B2C account only under /b2c/mtk.",
        ),
        "f": Code(ErrorKind.AUTH_FAILED, "帳號已過期 (account expired)", "Ask Mitake to renew the account."),
        "h": Code(ErrorKind.AUTH_FAILED, "帳號已被停用 (account disabled)", "Ask Mitake why, and to enable it again."),
        "k": Code(
            ErrorKind.AUTH_FAILED,
            "無效的連線位址 (invalid source address)",
            "Ask Mitake to register the public IP address of this server for your account; "
            "name and password are not judged before that.",
        ),
        "l": Code(
            ErrorKind.THROTTLED,
            "帳號已達到同時連線數上限 (too many concurrent connections)",
            "Mitake allows 15 connections at a time; is another system using the same account?",
        ),
        "m": Code(
            ErrorKind.AUTH_FAILED,
            "必須變更密碼，在變更密碼前，無法使用簡訊發送服務 (the password must be changed)",
            f"To change it, {_PASSWORD_PLACE}, then enter the new password here.",
        ),
        "n": Code(
            ErrorKind.AUTH_FAILED,
            "密碼已逾期，在變更密碼前，將無法使用簡訊發送服務 (the password has expired)",
            f"To change it, {_PASSWORD_PLACE}, then enter the new password here.",
        ),
        "p": Code(
            ErrorKind.AUTH_FAILED,
            "沒有權限使用外部Http程式 (no permission for the HTTP interface)",
            "Ask Mitake to open the API sending permission (API 發送權限) for this account.",
        ),
        "r": Code(ErrorKind.UNAVAILABLE, "系統暫停服務，請稍後再試 (service paused)"),
        "s": Code(
            ErrorKind.OUT_OF_CREDIT,
            "帳務處理失敗，無法發送簡訊 (accounting failure: no points)",
            "Buy points from Mitake, then resume the account here.",
        ),
        "t": Code(ErrorKind.EXPIRED, "簡訊已過期 (message expired)"),
        "u": Code(ErrorKind.CONTENT_REJECTED, "簡訊內容不得為空白 (empty text)", "Give the message a text."),
        "v": Code(
            ErrorKind.INVALID_RECIPIENT,
            "無效的手機號碼 (invalid mobile number)",
            "Only Taiwanese mobile numbers (09 and eight digits) can be reached.",
        ),
        "w": Code(ErrorKind.UNSUPPORTED, "查詢筆數超過上限 (too many messages in one query)", OUR_REQUEST),
        "x": Code(ErrorKind.UNSUPPORTED, "發送檔案過大，無法發送簡訊 (upload too large)", OUR_REQUEST),
        "y": Code(ErrorKind.UNSUPPORTED, "參數錯誤 (parameter error)", OUR_REQUEST),
        # Answers a query about a message; says nothing that could change one.
        "z": Code(ReportStatus.UNMAPPED, "查無資料 (no data found)"),
        "statusstr:DELIVRD": Code(ReportStatus.DELIVERED, "已送達手機 (delivered to the handset)"),
        "statusstr:EXPIRED": Code(ErrorKind.UNDELIVERABLE, "逾時無法送達 (could not be delivered in time)"),
        "statusstr:DELETED": Code(ErrorKind.EXPIRED, "預約已取消 (reservation cancelled)"),
        # Stands for 6 and 7, so it cannot tell whether the number is wrong: no address is marked bad for it.
        "statusstr:UNDELIV": Code(ErrorKind.UNDELIVERABLE, "無法送達 (number error, or short messages stopped)"),
        "statusstr:UNKNOWN": Code(ErrorKind.UNDELIVERABLE, "無效的簡訊狀態，系統有錯誤 (invalid status, system error)"),
        "statusstr:SYNTAXE": Code(ErrorKind.CONTENT_REJECTED, "簡訊內容有錯誤 (content error)", _TEXT),
    }
)
