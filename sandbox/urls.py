from django.urls import path

from sandbox import views

TEST = "p/<slug:slug>/models/<slug:name>/v/<int:number>/test"

urlpatterns = [
    path(TEST, views.single, name="sandbox"),
    path(f"{TEST}/what-if", views.what_if, name="sandbox-what-if"),
    path(f"{TEST}/many", views.many, name="sandbox-many"),
    path("p/<slug:slug>/tests/<str:batch_id>", views.batch, name="batch-test"),
    path("p/<slug:slug>/tests/<str:batch_id>/results", views.batch_results, name="batch-test-results"),
]
