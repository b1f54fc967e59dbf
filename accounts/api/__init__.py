"""Endpoints of people, projects and tokens."""

from accounts.api import invitations, people

urlpatterns = [*people.urlpatterns, *invitations.urlpatterns]
