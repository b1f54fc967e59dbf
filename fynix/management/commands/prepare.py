"""`manage.py prepare`: what has to be there before the other processes start."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

NOWHERE = "us-east-1"  # the one region whose name a request for a bucket must leave out
PROBE = "probe"


class Command(BaseCommand):
    help = "Bring the tables up to date; with S3, make the bucket if need be and try it. Any number of times."
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
        if settings.S3_BUCKET:
            try:
                self._bucket()
            except (BotoCoreError, ClientError) as error:
                raise CommandError(f"The file store does not take and give files: {error}") from None
        self.stdout.write("Everything is prepared.")

    def _bucket(self) -> None:
        """Make the bucket when it is not there, then store, read and remove one small file."""
        store: Any = storages["default"]
        client = store.connection.meta.client
        try:
            client.head_bucket(Bucket=settings.S3_BUCKET)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            region = store.region_name
            there = {} if region == NOWHERE else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            client.create_bucket(Bucket=settings.S3_BUCKET, **there)
        store.delete(PROBE)
        name = store.save(PROBE, ContentFile(b"whole"))
        with store.open(name) as file:
            whole = file.read() == b"whole"
        store.delete(name)
        if not whole:
            raise CommandError("The file store gave back other bytes than it was given.")
