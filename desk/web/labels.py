"""Words for codes: every code that a page may show has its message id here, and templates translate it.

A code that is not in its table (a topic or a site, which belong to the organisation) is shown as it is written.
"""

from __future__ import annotations

from typing import Final

from desk.translations import N_

CHANNEL: Final = {"phone": N_("Phone"), "chat": N_("Chat"), "face_to_face": N_("Face to face")}
SPEAKER: Final = {"customer": N_("Customer"), "colleague": N_("Colleague"), "system": N_("System")}
LANGUAGE: Final = {"en": N_("English"), "cy": N_("Welsh")}
PURPOSE: Final = {
    "random": N_("Random draw"),
    "systematic": N_("Systematic draw"),
    "quota": N_("Quota"),
    "targeted": N_("Targeted check"),
    "spot": N_("Spot check"),
    "planned": N_("Planned check"),
}
OUTCOME: Final = {
    "submitted": N_("Reviewed"),
    "skipped": N_("Skipped"),
    "expired": N_("Expired"),
    "shed": N_("Not reached in time"),
    "withdrawn": N_("Withdrawn"),
    "open": N_("Open"),
}
ERROR_CLASS: Final = {
    "customer": N_("Critical for the customer"),
    "business": N_("Critical for the business"),
    "compliance": N_("Critical for compliance"),
}
EFFECT: Final = {
    "zero": N_("the score becomes 0"),
    "cap": N_("the score is capped"),
    "flag": N_("it is flagged; the score stays"),
}
ROLE: Final = {
    "reviewer": N_("Reviewer"),
    "supervisor": N_("Supervisor"),
    "quality_manager": N_("Quality manager"),
    "colleague": N_("Colleague"),
    "judge": N_("Judge"),
    "administrator": N_("Administrator"),
}
REGISTER_STATE: Final = {
    "proposed": N_("Waits for agreement"),
    "agreed": N_("Agreed"),
    "earlier": N_("Earlier"),
    "holds": N_("In force"),
    "later": N_("Holds later"),
    "void": N_("Void: published too late"),
}
REGISTER_TONE: Final = {
    "proposed": "warn",
    "agreed": "brand",
    "earlier": "",
    "holds": "good",
    "later": "brand",
    "void": "bad",
}
NOTICE_HOW: Final = {
    "recorded_message": N_("by a recorded message"),
    "spoken": N_("by word of mouth"),
    "written": N_("in writing"),
    "sign": N_("by a sign"),
}
OBSERVATION_STATE: Final = {"planned": N_("Planned"), "recorded": N_("Recorded"), "cancelled": N_("Cancelled")}
CHECK_PICK: Final = {
    "next": N_("The next that come: each becomes a review as soon as it ends"),
    "random": N_("At random: drawn when the time is over"),
}
CHECK_PICK_SHORT: Final = {"next": N_("the next"), "random": N_("at random")}
CHECK_STATE: Final = {
    "on_its_way": N_("On its way"),
    "to_come": N_("Begins soon"),
    "running": N_("Running"),
    "over": N_("Over"),
    "void": N_("Void: it came too late"),
}
CHECK_TONE: Final = {"on_its_way": "warn", "to_come": "brand", "running": "good", "over": "", "void": "bad"}
DRAW_METHOD: Final = {"random": N_("Random"), "systematic": N_("Systematic"), "quota": N_("Quota"), "none": N_("None")}
COVERAGE: Final = {
    "read": N_("read"),
    "rejected": N_("rejected: could not be read"),
    "repeats": N_("sent twice"),
    "excluded": N_("excluded: not to be reviewed"),
    "eligible": N_("eligible"),
    "pending": N_("in a draw that is still open"),
    "late": N_("came too late for its draw"),
    "not_selected": N_("not selected"),
    "under_none": N_("of these, under no draw at all"),
    "selected": N_("selected"),
    "reviewed": N_("reviewed"),
    "awaiting": N_("waiting for a review"),
    "skipped": N_("skipped"),
    "expired": N_("expired"),
    "shed": N_("not reached in time"),
    "withdrawn": N_("withdrawn"),
}
"""Fields of sinks.queries.Counts, in the order in which they follow from each other."""
ALERT_STATUS: Final = {
    "open": N_("Open"),
    "acknowledged": N_("Acknowledged"),
    "resolved": N_("Resolved"),
    "closed": N_("Closed by itself"),
}
ALERT_TONE: Final = {"open": "bad", "acknowledged": "warn", "resolved": "good", "closed": ""}
PERIOD: Final = {"week": N_("week"), "month": N_("month"), "quarter": N_("quarter"), "year": N_("year")}
PERIODS: Final = {"week": N_("weeks"), "month": N_("months"), "quarter": N_("quarters"), "year": N_("years")}
TREND_VIEW: Final = {
    "time": N_("Over time"),
    "criteria": N_("By criterion"),
    "errors": N_("Errors and spread"),
    "change": N_("What changed"),
    "colleagues": N_("Side by side"),
}
VERDICT: Final = {
    "above": N_("surely above"),
    "below": N_("surely below"),
    "not told apart": N_("not told apart"),
    "too few": N_("too few to say"),
}
TREND_BY: Final = {
    "all": N_("all together"),
    "channel": N_("channel"),
    "site": N_("site"),
    "team": N_("team"),
    "colleague": N_("colleague"),
    "topic": N_("topic"),
    "language": N_("language"),
}
TREND_EVERY: Final = {"day": N_("a day"), "week": N_("a week"), "month": N_("a month"), "quarter": N_("a quarter")}
TREND_DIMENSION: Final = {
    "channel": N_("Channel"),
    "site": N_("Site"),
    "team": N_("Team"),
    "colleague": N_("Colleague"),
    "topic": N_("Topic"),
    "language": N_("Language"),
    "scorecard": N_("Scorecard"),
}
FREE_OF: Final = {
    "any": N_("Free of all of them"),
    "customer": N_("Free of errors critical for the customer"),
    "business": N_("Free of errors critical for the business"),
    "compliance": N_("Free of errors critical for compliance"),
}
LEFT_OUT: Final = {
    "customer_not_told": N_("The customer was not told"),
    "customer_told_late": N_("The customer was told too late"),
    "customer_told_otherwise": N_("The customer was told in another way than agreed"),
    "customer_notice_not_valid": N_("The customer's notice did not hold"),
    "colleague_not_told": N_("The colleague was not told"),
    "colleague_notice_not_valid": N_("The colleague's notice did not hold"),
    "too_short": N_("Too short"),
    "no_stratum": N_("No stratum takes it"),
    "frame_retired": N_("The frame was retired"),
}
"""Reasons that Tafol gives; a frame's own exclusions have their own names."""
SKIP_REASONS: Final = (
    N_("The recording or transcript is missing or unusable"),
    N_("Wrong language or queue"),
    N_("Not a customer transaction"),
    N_("I know the customer"),
    N_("Other"),
)
PROBLEM: Final = {
    "missing": N_("This is still missing."),
    "off_scale": N_("This is not on the scale."),
    "na_not_allowed": N_("This criterion always applies."),
    "unknown": N_("This is not known here."),
    "too_long": N_("This is too long."),
    "needs_comment": N_("Say why, in a comment."),
    "taken": N_("This is already taken."),
    "weak": N_("This is too easy to guess."),
    "wrong": N_("This is not right."),
    "length": N_("This is too short or too long."),
    "same": N_("This is the same as before: take another."),
    "repeated": N_("This is given twice."),
    "order": N_("The end must come after the beginning, and not in the future."),
    "mark": N_("Evidence is a line or a time, with a short note."),
    "too_many": N_("These are too many."),
    "own_check": N_("Nobody asks for checks of themselves."),
    "set": N_("Take out the id as colleague first."),
}
SAID: Final = {
    "submitted": N_("Your review is submitted. Thank you."),
    "skipped": N_("The item is skipped. It counts as not reviewed, with your reason."),
    "returned": N_("The item is back in its queue. Your draft is kept for you."),
    "saved": N_("Your draft is saved."),
    "nothing": N_("There is no item that you can take from this queue just now."),
    "reassigned": N_("The item is reassigned."),
    "changed": N_("The change is made."),
    "agreed": N_("Your agreement is recorded."),
    "published": N_("It is published."),
    "proposed": N_("The new version is proposed. It now waits for agreement."),
    "recorded": N_("The observation is recorded."),
    "planned": N_("The observation is planned."),
    "cancelled": N_("The observation is cancelled."),
    "absence": N_("The absence is recorded."),
    "absence_ended": N_("The absence has ended."),
    "password": N_("Your password is changed."),
    "out": N_("You are signed out."),
    "withdrawn": N_("The review is withdrawn from the score."),
    "corrected": N_("Your correction is submitted."),
    "acknowledged": N_("You have acknowledged the alert."),
    "resolved": N_("The alert is resolved."),
    "check_asked": N_("The check is asked for. Below you see how it stands."),
}


def clock(seconds: float) -> str:
    """A place in a recording: 'm:ss'."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
