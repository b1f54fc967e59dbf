"""Pages of people and projects."""

from django.urls import path

from accounts.views import invitations
from accounts.views import people as views

urlpatterns = [
    path("projects", views.all_projects, name="projects"),
    path("projects/new", views.new_project, name="project-new"),
    path("p/<slug:slug>/settings", views.settings, name="project-settings"),
    path("p/<slug:slug>/settings/name", views.rename, name="project-rename"),
    path("p/<slug:slug>/settings/members", views.add_member, name="member-add"),
    path("p/<slug:slug>/settings/members/<int:user_id>/role", views.change_role, name="member-change"),
    path("p/<slug:slug>/settings/members/<int:user_id>/remove", views.remove_member, name="member-remove"),
    path("p/<slug:slug>/settings/invitations", invitations.invite, name="invitation-send"),
    path("p/<slug:slug>/settings/invitations/<str:invitation_id>/renew", invitations.renew, name="invitation-renew"),
    path(
        "p/<slug:slug>/settings/invitations/<str:invitation_id>/revoke",
        invitations.revoke,
        name="invitation-revoke",
    ),
    path("invitation/<str:token>", invitations.invitation, name="invitation"),
    path("invitation/<str:token>/accept", invitations.accept, name="invitation-accept"),
    path("invitation/<str:token>/decline", invitations.decline, name="invitation-decline"),
    path("settings/tokens", views.personal_tokens, name="tokens"),
    path("settings/tokens/<str:token_id>/revoke", views.revoke_token, name="token-revoke"),
    path("settings/programs", views.programs, name="programs"),
    path("settings/programs/<str:family_id>/end", views.end_program, name="program-end"),
    path("settings/usage", views.usage, name="usage"),
    path("settings/shortcuts", views.shortcuts, name="shortcuts"),
    path("settings/first-steps", views.close_first_steps, name="first-steps-close"),
    path("notifications", views.notification_list, name="notifications"),
    path("notifications/read", views.read_all, name="notifications-read"),
    path("notifications/<str:notification_id>/read", views.read_one, name="notification-read"),
]
