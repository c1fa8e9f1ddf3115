"""People: who there is, what each may do, who is away; for administrators, changing it."""

from __future__ import annotations

from typing import get_args

from fastapi import Response

from desk.errors import Invalid, NotFound
from desk.people.authorisation import ROLES, Role, require
from desk.views import NewPerson, PersonView
from desk.web.forms import moment_of, number_of, text_of, texts_of
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router

router = page_router()


@router.get("/people")
def people(page: SignedInPage) -> Response:
    """All accounts."""
    return page.html("people.html", people=page.desk.people.people(page.person))


@router.get("/people/new")
def new_person(page: SignedInPage) -> Response:
    """An empty form."""
    require(page.person, "people.edit")
    return page.html("person_form.html", person=None, sent=None, problems={}, roles=ROLES)


@router.post("/people/new")
def create(page: SignedInPage, form: Form) -> Response:
    """A new account."""
    sent = _sent(form, None)
    password = text_of(form, "password") or None
    try:
        made = page.desk.people.create(page.person, sent, password)
    except Invalid as error:
        return _again(page, None, sent, error)
    return page.go(f"/people/{made.account_id}", "changed")


@router.get("/people/import")
def import_page(page: SignedInPage) -> Response:
    """Where a CSV of people is pasted."""
    require(page.person, "people.edit")
    return page.html("people_import.html", text="", report=None)


@router.post("/people/import")
def import_people(page: SignedInPage, form: Form) -> Response:
    """All lines or none."""
    text = text_of(form, "csv")
    report = page.desk.people.import_csv(page.person, text)
    return page.html("people_import.html", status=422 if report.problems else 200, text=text, report=report)


@router.get("/people/{account_id}")
def person(page: SignedInPage, account_id: str) -> Response:
    """One account with its absences."""
    actor, service = page.person, page.desk.people
    view = service.person(actor, account_id)
    absences = service.absences(actor, account_id) if actor.may("absence.any") else ()
    return page.html("person.html", person=view, absences=absences)


@router.get("/people/{account_id}/change")
def change_page(page: SignedInPage, account_id: str) -> Response:
    """The form with the account as it is."""
    require(page.person, "people.edit")
    view = page.desk.people.person(page.person, account_id)
    return page.html("person_form.html", person=view, sent=None, problems={}, roles=ROLES)


@router.post("/people/{account_id}/change")
def change(page: SignedInPage, account_id: str, form: Form) -> Response:
    """Set all fields."""
    view = page.desk.people.person(page.person, account_id)
    sent = _sent(form, view)
    try:
        page.desk.people.change(page.person, account_id, sent)
        password = text_of(form, "password")
        if password:
            page.desk.people.set_password(page.person, account_id, password)
    except Invalid as error:
        return _again(page, view, sent, error)
    return page.go(f"/people/{account_id}", "changed")


@router.post("/people/{account_id}/not-a-colleague")
def not_a_colleague(page: SignedInPage, account_id: str, _form: Form) -> Response:
    """Confirm that this reviewer serves no customers."""
    page.desk.people.confirm_not_a_colleague(page.person, account_id)
    return page.go(f"/people/{account_id}", "changed")


@router.post("/people/{account_id}/absence")
def add_absence(page: SignedInPage, account_id: str, form: Form) -> Response:
    """Away from one time to another."""
    zone = page.speech.zone
    from_at, to_at = moment_of(form, "from", zone), moment_of(form, "to", zone)
    page.desk.people.add_absence(page.person, account_id, from_at, to_at, reason=text_of(form, "reason"))
    own = account_id == page.person.account_id and not page.person.may("people.see")
    return page.go("/account" if own or text_of(form, "from_account") else f"/people/{account_id}", "absence")


@router.post("/people/{account_id}/absence/end")
def end_absence(page: SignedInPage, account_id: str, form: Form) -> Response:
    """Back at work."""
    page.desk.people.end_absence(page.person, number_of(form, "absence"))
    return page.go("/account" if text_of(form, "from_account") else f"/people/{account_id}", "absence_ended")


def _sent(form: Form, before: PersonView | None) -> NewPerson:
    known: tuple[Role, ...] = get_args(Role)
    wanted = texts_of(form, "role")
    if set(wanted) - set(known):
        raise NotFound("there is no such role")
    return NewPerson(
        login=text_of(form, "login"),
        name=text_of(form, "name"),
        roles=tuple(role for role in known if role in wanted),
        colleague_id=text_of(form, "colleague_id") or None,
        not_a_colleague=bool(text_of(form, "not_a_colleague")),
        languages=texts_of(form, "language"),
        skills=tuple(word.strip() for word in text_of(form, "skills").split(",") if word.strip()),
        teams=() if before is None else before.teams,
        active=before is None or bool(text_of(form, "active")),
    )


def _again(page: Page, view: PersonView | None, sent: NewPerson, error: Invalid) -> Response:
    problems = {one.field: one.code for one in error.problems} or {"form": "unknown"}
    return page.html("person_form.html", status=422, person=view, sent=sent, problems=problems, roles=ROLES)
