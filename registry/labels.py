"""What people put on versions to find and keep them: tags, pins, notes and free names."""

import re
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts import audit
from accounts.models import User
from fynix.errors import Invalid
from registry.models import Alias, ModelVersion, Note, Pin, Tag

LONGEST_TAG, MOST_TAGS = 40, 20
LONGEST_NOTE = 2000
NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
LOOKS_LIKE_A_VERSION = re.compile(r"v\d+|latest")
PRODUCTION = "production"


def tag(*, version: ModelVersion, text: str, by: User, at: datetime) -> None:
    """Put a word on the version; the same word twice is there once. Raises Invalid."""
    word = " ".join(text.split()).lower()
    if not word:
        raise Invalid(gettext("Write a tag."), field="tag")
    if len(word) > LONGEST_TAG:
        raise Invalid(gettext("A tag has at most {most} characters.").format(most=LONGEST_TAG), field="tag")
    if version.tags.count() >= MOST_TAGS:
        raise Invalid(
            gettext("A version has at most {most} tags. Remove one first.").format(most=MOST_TAGS), field="tag"
        )
    Tag.objects.get_or_create(version=version, text=word, defaults={"by": by, "at": at})


def untag(*, version: ModelVersion, text: str) -> None:
    version.tags.filter(text=text).delete()


def pin(*, version: ModelVersion, by: User, at: datetime) -> None:
    """Keep the version, whatever retention says."""
    with transaction.atomic():
        _, is_new = Pin.objects.get_or_create(version=version, defaults={"by": by, "at": at})
        if is_new:
            _note_down(audit.Act.VERSION_PIN, version, by=by, at=at)


def unpin(*, version: ModelVersion, by: User, at: datetime) -> None:
    with transaction.atomic():
        if Pin.objects.filter(version=version).delete()[0]:
            _note_down(audit.Act.VERSION_UNPIN, version, by=by, at=at)


def note(*, version: ModelVersion, text: str, by: User, at: datetime) -> Note:
    """Leave a word for others; it stays. Raises Invalid."""
    text = text.strip()
    if not text:
        raise Invalid(gettext("Write a note."), field="note")
    if len(text) > LONGEST_NOTE:
        raise Invalid(gettext("A note has at most {most:,} characters.").format(most=LONGEST_NOTE), field="note")
    return Note.objects.create(version=version, text=text, by=by, at=at)


def name(*, version: ModelVersion, alias: str, by: User, at: datetime) -> None:
    """Let the name mean this version, and no other of its model any more. Raises Invalid."""
    alias = alias.strip().lower()
    if alias == PRODUCTION:
        raise Invalid(gettext("Production moves by promotion, which asks for a reason."), field="alias")
    if not NAME.fullmatch(alias) or LOOKS_LIKE_A_VERSION.fullmatch(alias):
        raise Invalid(
            gettext(
                "A name has up to 40 small letters, digits and hyphens, begins with a letter, "
                "and is no version’s number."
            ),
            field="alias",
        )
    with transaction.atomic():
        row = Alias.objects.select_for_update().filter(model=version.model, name=alias).first()
        before = row.version.number if row else None
        Alias.objects.update_or_create(
            model=version.model, name=alias, defaults={"version": version, "by": by, "at": at}
        )
        if before != version.number:
            facts: dict[str, str | int | None] = {"alias": alias, "from": before, "to": version.number}
            audit.record(
                audit.Act.ALIAS_MOVE, actor=by, project=version.model.project, subject=version.model_id,
                detail=facts, at=at,
            )  # fmt: skip


def unname(*, version: ModelVersion, alias: str, by: User, at: datetime) -> None:
    """Take the name away from this version."""
    with transaction.atomic():
        if version.aliases.filter(name=alias).delete()[0]:
            audit.record(
                audit.Act.ALIAS_REMOVE, actor=by, project=version.model.project, subject=version.model_id,
                detail={"alias": alias, "from": version.number}, at=at,
            )  # fmt: skip


def _note_down(act: audit.Act, version: ModelVersion, *, by: User, at: datetime) -> None:
    audit.record(
        act, actor=by, project=version.model.project, subject=version.pk, detail={"number": version.number}, at=at
    )
