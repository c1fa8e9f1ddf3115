"""People from CSV: login,name,roles,colleague_id,not_a_colleague,languages,skills,teams.

Lists are separated by spaces; a team is `id@from/to` with ISO days or times, to left out until further notice. Pure.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import Final

from desk.people.authorisation import ROLES, Role
from desk.views import Membership, NewPerson
from schemas.base import IDENTIFIER_PATTERN, LANGUAGE_PATTERN

COLUMNS: Final = ("login", "name", "roles", "colleague_id", "not_a_colleague", "languages", "skills", "teams")
MOST_LINES: Final = 50_000
LONGEST_LOGIN: Final = 200
_TRUE, _FALSE = frozenset({"yes", "true", "1"}), frozenset({"", "no", "false", "0"})


def read_people(text: str) -> tuple[list[tuple[int, NewPerson]], list[tuple[int, str]]]:
    """(line, person) for each line that is right, and (line, sentence) for each that is not."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    unknown = sorted(set(reader.fieldnames or ()) - set(COLUMNS))
    lacking = [one for one in ("login", "name", "roles") if one not in (reader.fieldnames or ())]
    if unknown or lacking:
        return [], [(1, f"columns are {', '.join(COLUMNS)}; here: {', '.join(reader.fieldnames or ()) or 'none'}")]
    people: list[tuple[int, NewPerson]] = []
    wrong: list[tuple[int, str]] = []
    seen: set[str] = set()
    for fields in reader:
        line = reader.line_num
        if line > MOST_LINES:
            wrong.append((line, f"more than {MOST_LINES} lines"))
            break
        try:
            person = _person({name: (value or "").strip() for name, value in fields.items() if name is not None})
        except ValueError as error:
            wrong.append((line, str(error)))
            continue
        if person.login in seen:
            wrong.append((line, f"login {person.login!r} stands twice"))
        seen.add(person.login)
        people.append((line, person))
    return people, wrong


def problem_of(person: NewPerson) -> str | None:
    """What is wrong with a person, in one sentence; None: nothing."""
    wrongs = {
        "login: 1 to 200 characters, no spaces": not 0 < len(person.login) <= LONGEST_LOGIN or " " in person.login,
        "name: 1 to 200 characters": not 0 < len(person.name) <= LONGEST_LOGIN,
        f"roles: some of {', '.join(ROLES)}": not person.roles or not set(person.roles) <= set(ROLES),
        "colleague_id: letters, digits and . _ : @ / # + - only": person.colleague_id is not None
        and not (re.match(IDENTIFIER_PATTERN, person.colleague_id) and len(person.colleague_id) <= 128),
        "either a colleague_id or not_a_colleague, not both": person.not_a_colleague
        and person.colleague_id is not None,
        "languages: such as en cy": any(not re.match(LANGUAGE_PATTERN, one) for one in person.languages),
        "skills: at most 100 characters each": any(not 0 < len(one) <= 100 for one in person.skills),
        "teams: id@from/to, from before to": any(
            not re.match(IDENTIFIER_PATTERN, one.team_id) or (one.to_at is not None and one.to_at <= one.from_at)
            for one in person.teams
        ),
    }
    return next((sentence for sentence, applies in wrongs.items() if applies), None)


def _person(fields: dict[str, str]) -> NewPerson:
    flag = fields.get("not_a_colleague", "").lower()
    if flag not in _TRUE | _FALSE:
        raise ValueError("not_a_colleague: yes or no")
    roles: list[Role] = [role for role in ROLES if role in fields["roles"].split()]
    unknown = sorted(set(fields["roles"].split()) - set(ROLES))
    if unknown:
        raise ValueError(f"there is no role {unknown[0]!r}; roles are {', '.join(ROLES)}")
    person = NewPerson(
        login=fields["login"],
        name=fields["name"],
        roles=tuple(roles),
        colleague_id=fields.get("colleague_id") or None,
        not_a_colleague=flag in _TRUE,
        languages=tuple(fields.get("languages", "").split()) or ("en",),
        skills=tuple(fields.get("skills", "").split()),
        teams=tuple(_membership(one) for one in fields.get("teams", "").split()),
    )
    wrong = problem_of(person)
    if wrong is not None:
        raise ValueError(wrong)
    return person


def _membership(written: str) -> Membership:
    team_id, at, span = written.rpartition("@")
    from_text, _, to_text = span.partition("/")
    if not at or not team_id:
        raise ValueError("teams: id@from/to, for example billing@2026-01-01")
    try:
        return Membership(team_id, _instant(from_text), _instant(to_text) if to_text else None)
    except ValueError:
        raise ValueError(f"teams: {span!r} is no day or time") from None


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
