"""The first page of the administration: what staff look at before they open a table."""

import pytest
from django.utils.timezone import now

from accounts.models import User
from fynix.queue import jobs
from fynix.queue.models import Job
from registry import approvals, promotion
from registry.models import ModelVersion
from tests import make
from tests.cast import Cast, as_
from tests.registry.conftest import churn, churn_table, config, finish, first, learnt, proofs, second  # noqa: F401

pytestmark = pytest.mark.django_db


def test_an_admin_sees_at_a_glance_what_is_in_production_what_waits_and_what_failed(
    cast: Cast,
    first: ModelVersion,  # noqa: F811
    second: ModelVersion,  # noqa: F811
) -> None:
    said = promotion.Said("The first one there is.")
    promotion.promote(version=first, by=cast.mia, said=said, seen_revision=0, at=now())
    approvals.request(version=second, by=cast.ben, reason="It knows newer rows.", at=now())
    job = jobs.enqueue(kind="profile", subject="dv_1", project_id=cast.acme.pk, user_id=cast.ben.pk, at=now())
    Job.objects.filter(pk=job.pk).update(
        state="failed", error_code="unparseable_file", error_detail="“Zoe” is odd", finished_at=now()
    )
    root = as_(User.objects.create_superuser("root@example.org", make.PASSWORD))
    page = root.get("/admin/").content.decode()

    assert "In production (1)" in page
    assert "Waiting for approval (1)" in page
    assert cast.ben.email in page
    assert "unparseable_file" in page
    assert "Zoe" not in page
    assert "Free on the disk" in page


def test_an_empty_server_says_so_and_support_sees_it_too(cast: Cast) -> None:
    page = as_(cast.sue).get("/admin/").content.decode()
    assert "Nothing is in production" in page
    assert "Nobody waits for an answer" in page
    assert "Nothing has failed" in page
    assert as_(cast.ada).get("/admin/").status_code == 302


def test_the_registry_and_what_came_of_a_table_are_one_click_away(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    vic = as_(cast.vic)
    assert 'href="/registry"' in vic.get("/home").content.decode()
    assert 'href="/registry?project=acme"' in vic.get("/p/acme/models").content.decode()
    profile = vic.get("/p/acme/datasets/customers/v/1").content.decode()
    assert 'href="/p/acme/datasets/customers/v/1/lineage"' in profile
