"""Pages of runs."""

from django.urls import path

from training import views

urlpatterns = [
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/giveaways", views.giveaways_page, name="giveaways"),
    path("p/<slug:slug>/runs", views.run_list, name="runs"),
    path("p/<slug:slug>/runs/new", views.run_new, name="run-new"),
    path("p/<slug:slug>/runs/compare", views.run_compare, name="run-compare"),
    path("p/<slug:slug>/runs/<int:number>", views.run_page, name="run"),
    path("p/<slug:slug>/runs/<int:number>/report/<slug:form>", views.run_report, name="run-report"),
    path("p/<slug:slug>/runs/<int:number>/log", views.run_log, name="run-log"),
    path("p/<slug:slug>/runs/<int:number>/cancel", views.run_cancel, name="run-cancel"),
]
