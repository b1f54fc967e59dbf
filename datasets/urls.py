"""Pages of datasets, and the signed address of an upload's parts."""

from django.urls import path

from datasets import views

urlpatterns = [
    path("p/<slug:project>/datasets", views.datasets, name="datasets"),
    path("p/<slug:project>/datasets/<slug:dataset>", views.dataset, name="dataset"),
    path(
        "p/<slug:project>/datasets/<slug:dataset>/v/<int:number>",
        views.dataset_version,
        name="dataset-version",
    ),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/reading", views.read_again, name="read-again"),
    path(
        "p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/privacy", views.privacy_decide, name="privacy-decide"
    ),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/treated", views.privacy_apply, name="privacy-apply"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/reveal", views.privacy_reveal, name="privacy-reveal"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/recipe", views.recipe, name="recipe"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/column", views.column_change, name="column-change"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/compare", views.compare, name="dataset-compare"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/discard", views.discard, name="dataset-discard"),
    path("p/<slug:project>/datasets/<slug:dataset>/v/<int:number>/left-out", views.leftover, name="dataset-left-out"),
    path("p/<slug:project>/samples/<slug:key>", views.sample_add, name="sample-add"),
    path("u/<str:upload>/<int:number>", views.upload_part, name="upload-part"),
]
