"""Rows for tests, made by the product's own verbs; every argument has a plausible default."""

from datetime import UTC, datetime

from accounts import projects
from accounts.models import Membership, Project, Role, User

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"


def user(name: str = "eve") -> User:
    """A person who can sign in as `name`@example.org with PASSWORD."""
    return User.objects.create_user(f"{name}@example.org", PASSWORD, name=name.capitalize())


def project(name: str = "Lab", *, owner: User) -> Project:
    return projects.create(name=name, by=owner, at=NOW)


def member(project: Project, person: User, role: Role) -> Membership:
    return projects.add_member(project, email=person.email, role=role, by=project.created_by, at=NOW)
