"""Every error altmonitor raises on purpose.

AltmonitorError
├── ConfigError              wrong environment, .env or arguments: exit code 2, one line per problem
├── StartError               cannot start although the configuration is right (port in use, directory read-only): exit 1
├── StorageError             the database or state.json refuses
│   ├── NoFileLocks          the database lies where files cannot be locked: starting again does not help, exit code 2
│   ├── DatabaseRefused      PostgreSQL refuses, or holds something else: starting again does not help, exit code 2
│   ├── NewerSchemaError     written by a newer altmonitor; left untouched
│   └── NoSnapshotsYet       nothing was tracked yet into the file that is asked
├── ClaimLost                what was about to be sent is another process's to send by now
├── LeadershipLost           another feed writes by now; this one has to start again as the second
├── ExchangeError            one request to the exchange gave no usable answer
│   ├── ExchangeUnreachable  no answer, or a 5xx: transient
│   ├── HandshakeRefused     a stream's address answered with an HTTP status instead of a socket
│   ├── ExchangeBlocked      418, 429, 403: do not ask again before `until_ms`
│   │   └── RegionBlocked    451, or 403 with a geography text: asking again will not help from here
│   ├── BudgetExhausted      our own request budget has no room before the caller's deadline; nothing was sent
│   ├── KeyRefused           the exchange does not take our key, or not for this: only whoever set it can help
│   ├── UnknownTrader        the exchange knows no trader by that id, or tells nothing of this one
│   ├── UnknownSymbol        the exchange does not list this symbol (any more)
│   └── BadAnswer            an answer that is not what the endpoint promises
├── NotOffered               a provider of traders cannot give what was asked of it; it names those that can
└── DeliveryError            one message was not accepted by the chat service
    ├── RetryLater           429: not before `retry_after_s`
    ├── ChatUnreachable      no answer, or a 5xx: certainly not delivered or not known, see `outcome_unknown`
    │   └── TokenDoubted     401, 404 for a token that worked before: asked again with growing pauses
    ├── ChatMoved            the group became a supergroup: `new_chat_id`
    ├── ChatClosed           403, or 400 for missing rights: nothing goes there until somebody opens it
    ├── MessageRefused       400: this text or target will never be accepted; final for this message
    │   └── TopicClosed      the forum topic is deleted or closed: the chat itself can still be written to
    ├── TokenRefused         401, 404 for a token that never worked: final for the bot
    └── SecondPoller         409: another process polls the same bot, or a webhook is set
"""

from __future__ import annotations

from typing import ClassVar

from altmonitor.core.causes import Cause, CauseCode, http_cause


class AltmonitorError(Exception):
    """Base of all errors raised on purpose; `str()` is one clear line for a person. code: what a kind of error means
    unless whoever raises it knows better; values: the numbers that belong to it."""

    code: ClassVar[CauseCode] = CauseCode.OTHER

    def __init__(self, message: str = "", *, code: CauseCode | None = None, **values: int) -> None:
        super().__init__(*[message] if message else ())
        self.cause = Cause(self.code if code is None else code, message, values)


class ConfigError(AltmonitorError):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class StartError(AltmonitorError):
    pass


class StorageError(AltmonitorError):
    pass


class NoFileLocks(StorageError):
    pass


class DatabaseRefused(StorageError):
    pass


class NewerSchemaError(StorageError):
    pass


class NoSnapshotsYet(StorageError):
    pass


class ClaimLost(AltmonitorError):
    pass


class LeadershipLost(AltmonitorError):
    pass


class ExchangeError(AltmonitorError):
    pass


class ExchangeUnreachable(ExchangeError):
    code = CauseCode.NO_ANSWER


class HandshakeRefused(ExchangeError):
    """`status`: HTTP status of the answer. `retry_after_s`: seconds we were asked to wait, None when not."""

    def __init__(self, message: str, *, status: int, retry_after_s: float | None = None) -> None:
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(message)
        self.cause = http_cause(status, message)


class ExchangeBlocked(ExchangeError):
    """`until_ms`: unix milliseconds (our clock) before which nothing may be asked of this host."""

    code = CauseCode.TOO_MANY

    def __init__(self, message: str, *, until_ms: int, code: CauseCode | None = None) -> None:
        self.until_ms = until_ms
        super().__init__(message, code=code)


class RegionBlocked(ExchangeBlocked):
    code = CauseCode.REGION


class BudgetExhausted(ExchangeError):
    code = CauseCode.BUDGET


class KeyRefused(ExchangeError):
    pass


class UnknownTrader(ExchangeError):
    pass


class UnknownSymbol(ExchangeError):
    code = CauseCode.UNKNOWN_SYMBOL


class BadAnswer(ExchangeError):
    code = CauseCode.UNREADABLE


class NotOffered(AltmonitorError):
    """`provider` was asked; `who_can`: providers that have it, empty when none has."""

    def __init__(self, provider: str, what: str, *, who_can: tuple[str, ...] = ()) -> None:
        self.provider = provider
        self.what = what
        self.who_can = who_can
        way_out = f"; provider={' or '.join(who_can)} does" if who_can else "; no provider does"
        super().__init__(f"{provider} does not offer {what}{way_out}")


class DeliveryError(AltmonitorError):
    pass


class RetryLater(DeliveryError):
    """`retry_after_s`: seconds the chat service asked us to wait (≥ 0)."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, code=CauseCode.FLOOD, seconds=round(retry_after_s))


class ChatUnreachable(DeliveryError):
    """`outcome_unknown`: True when the request may have been carried out although no answer came (a time-out)."""

    code = CauseCode.NO_ANSWER_TELEGRAM

    def __init__(self, message: str, *, outcome_unknown: bool, code: CauseCode | None = None) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(message, code=code)


class TokenDoubted(ChatUnreachable):
    """A mirror that fails says the same as Telegram does of a token that was revoked: nothing was delivered."""

    code = CauseCode.TOKEN

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome_unknown=False)


class ChatMoved(DeliveryError):
    def __init__(self, message: str, *, new_chat_id: int) -> None:
        self.new_chat_id = new_chat_id
        super().__init__(message)


class ChatClosed(DeliveryError):
    code = CauseCode.NOT_LET_WRITE


class MessageRefused(DeliveryError):
    pass


class TopicClosed(MessageRefused):
    code = CauseCode.TOPIC_CLOSED


class TokenRefused(DeliveryError):
    code = CauseCode.TOKEN


class SecondPoller(DeliveryError):
    code = CauseCode.SECOND_POLLER

    @property
    def is_webhook(self) -> bool:
        """It is no other process but a webhook that is set for the bot; that stays until it is removed."""
        return self.cause.code is CauseCode.WEBHOOK
