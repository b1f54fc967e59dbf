from django.urls import path

from registry.views import catalogue, files, labelling, moving, reading

MODEL = "p/<slug:slug>/models/<slug:name>"
VERSION = f"{MODEL}/v/<int:number>"

urlpatterns = [
    path("registry", catalogue.entries, name="registry"),
    path("p/<slug:slug>/models", reading.models, name="models"),
    path(MODEL, reading.model, name="model"),
    path(f"{MODEL}/compare", reading.compare, name="model-compare"),
    path(f"{MODEL}/rollback", moving.roll_back, name="model-rollback"),
    path(f"{MODEL}/demotion", moving.demote, name="model-demote"),
    path(VERSION, reading.version, name="model-version"),
    path(f"{VERSION}/promotion", moving.promote, name="model-promote"),
    path(f"{VERSION}/proposal", moving.propose, name="model-version-propose"),
    path(f"{VERSION}/decision", moving.decide, name="model-version-decide"),
    path(f"{VERSION}/labels", labelling.label, name="model-version-label"),
    path(f"{VERSION}/notes", labelling.note, name="model-version-note"),
    path(f"{VERSION}/links", files.revoke_links, name="model-version-links"),
    path(f"{VERSION}/lineage", reading.descent, name="model-version-lineage"),
    path("p/<slug:slug>/datasets/<slug:dataset>/v/<int:number>/lineage", reading.table_descent, name="dataset-lineage"),
    path("p/<slug:slug>/promotion-rule", moving.rule, name="promotion-rule"),
    path("p/<slug:slug>/formats", files.file_formats, name="formats"),
    path("p/<slug:slug>/formats/<slug:key>", files.switch_format, name="format-switch"),
    path("artifacts/<str:artifact_id>/download", files.download, name="artifact-download"),
    path("dl/<str:token>", files.redeem, name="download"),
]
