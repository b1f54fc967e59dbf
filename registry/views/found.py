"""The model or the version that an address names, for whoever may come near it."""

from accounts import access
from accounts.access import Action
from accounts.requests import AuthedRequest
from datasets.models import DatasetVersion
from registry.models import ModelVersion, RegisteredModel


def model(request: AuthedRequest, slug: str, name: str, needs: Action) -> RegisteredModel:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    return access.find(project.models.all(), request.user, needs=needs, name=name)


def version(request: AuthedRequest, slug: str, name: str, number: int, needs: Action) -> ModelVersion:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    rows = ModelVersion.objects.select_related("run__outcome", "run__created_by", "dataset_version__dataset", "job")
    return access.find(
        rows,
        request.user,
        needs=needs,
        project="model__project",
        model__project=project,
        model__name=name,
        number=number,
    )


def table(request: AuthedRequest, slug: str, dataset: str, number: int) -> DatasetVersion:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    return access.find(
        DatasetVersion.objects.select_related("dataset", "created_by"),
        request.user,
        needs=Action.SEE,
        project="dataset__project",
        dataset__project=project,
        dataset__slug=dataset,
        number=number,
    )
