"""Datasets for staff: names, sizes and states, never a cell value."""

from django.contrib import admin

from datasets.models import Dataset, DatasetVersion, Upload
from fynix.admin import ReadOnly


@admin.register(Dataset)
class DatasetAdmin(ReadOnly):
    list_display = ["name", "project", "created_by", "created_at"]
    list_select_related = ["project", "created_by"]
    search_fields = ["name", "slug", "id"]


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnly):
    list_display = ["dataset", "number", "job", "rows", "columns", "size_bytes", "created_at"]
    list_select_related = ["dataset", "job"]
    search_fields = ["id", "dataset__name"]


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    list_display = ["filename", "project", "state", "size_bytes", "created_by", "created_at", "expires_at"]
    list_select_related = ["project", "created_by"]
    list_filter = ["state"]
    search_fields = ["id", "filename"]
