"""Who may do what: one table of action and roles. Services ask it for every call; pages ask it what to show.

Pure. The table says who may do the action at all; which things it may be done to (own reviews, own team) is for the
service, which answers NotFound for what the actor may not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from desk.errors import NotAllowed

Role = Literal["reviewer", "supervisor", "quality_manager", "colleague", "judge", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Scope = Literal["queue.read", "review.write", "review.read"]
"""What a token of a tool may do, within the roles of its account."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

Action = Literal[
    "queue.list",
    "task.claim",
    "task.work",
    "task.see_all",
    "task.reassign",
    "task.override",
    "review.own",
    "review.withdraw",
    "score.own",
    "people.see",
    "people.edit",
    "absence.own",
    "absence.any",
    "token.own",
    "scorecard.see",
    "register.propose",
    "register.agree",
    "register.activate",
    "frame.see",
    "coverage.see",
    "trend.see",
    "trend.own",
    "alert.see",
    "alert.act",
    "check.ask",
    "observation.plan",
    "observation.record",
    "judging.see",
    "customer.erase",
    "audit.see",
]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

_STAFF: Final[frozenset[Role]] = frozenset({"reviewer", "supervisor", "quality_manager"})
_LEADS: Final[frozenset[Role]] = frozenset({"supervisor", "quality_manager"})
_MANAGES: Final[frozenset[Role]] = frozenset({"quality_manager"})
_ADMINISTERS: Final[frozenset[Role]] = frozenset({"administrator"})
_EVERYONE: Final[frozenset[Role]] = frozenset(ROLES)

MATRIX: Final[dict[Action, frozenset[Role]]] = {
    "queue.list": _STAFF,
    "task.claim": frozenset({"reviewer"}),
    "task.work": frozenset({"reviewer"}),
    "task.see_all": _LEADS,
    "task.reassign": _LEADS,
    "task.override": _LEADS,
    "review.own": frozenset({"reviewer"}),
    "review.withdraw": _MANAGES,
    "score.own": frozenset({"colleague"}),
    "people.see": _LEADS | _ADMINISTERS,
    "people.edit": _ADMINISTERS,
    "absence.own": _STAFF,
    "absence.any": _LEADS,
    "token.own": _STAFF,
    "scorecard.see": _EVERYONE - {"judge"},
    "register.propose": _MANAGES,
    "register.agree": _LEADS,
    "register.activate": _MANAGES,
    "frame.see": _LEADS,
    "coverage.see": _LEADS,
    "trend.see": _LEADS,
    "trend.own": frozenset({"colleague"}),
    "alert.see": _LEADS,
    "alert.act": _LEADS,
    "check.ask": _LEADS,
    "observation.plan": _LEADS,
    "observation.record": frozenset({"reviewer", "supervisor"}),
    "judging.see": frozenset({"judge"}),
    "customer.erase": _ADMINISTERS,
    "audit.see": _MANAGES | _ADMINISTERS,
}

SCOPE_OF: Final[dict[Action, Scope]] = {
    "queue.list": "queue.read",
    "task.claim": "review.write",
    "task.work": "review.write",
    "review.own": "review.read",
    "scorecard.see": "review.read",
}
"""The scope that a token needs for an action; actions that are not named are not for tokens."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. Made by PeopleService alone. `scopes` None: a person with a session; else a tool with a token."""

    account_id: str
    name: str
    roles: frozenset[Role]
    colleague_id: str | None = None
    """Their id in the transactions, where they serve customers themselves."""
    not_a_colleague: bool = False
    """Somebody confirmed that they serve no customers."""
    language: str = "en"
    """Of the pages: 'en' or 'cy'."""
    scopes: frozenset[Scope] | None = None

    def may(self, action: Action) -> bool:
        """Whether the table allows it."""
        if not self.roles & MATRIX[action]:
            return False
        return self.scopes is None or SCOPE_OF.get(action) in self.scopes


def require(actor: Actor, action: Action) -> None:
    """Raises NotAllowed when the table does not allow it."""
    if not actor.may(action):
        raise NotAllowed(
            f"your roles do not include {action}",
            hint="An administrator can give you a role that does." if actor.scopes is None else "The token needs it.",
        )
