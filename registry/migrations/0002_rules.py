from django.db import migrations

from fynix import triggers

VERSION, PROMOTION = "registry_modelversion", "registry_promotion"
IDENTITY = ("model_id", "number", "run_id", "sha256", "dataset_version_id")


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]
    operations = [
        *triggers.append_only(PROMOTION),
        triggers.refuse(
            VERSION,
            event="UPDATE",
            name="model_version_is_immutable",
            message="the identity of a model version cannot change",
            when=" OR ".join(f"OLD.{column} <> NEW.{column}" for column in IDENTITY),
        ),
        triggers.refuse(
            PROMOTION,
            event="INSERT",
            name="promotion_stays_in_its_model",
            message="a promotion names versions of its own model",
            when=f"EXISTS (SELECT 1 FROM {VERSION} v WHERE v.id IN (NEW.from_version_id, NEW.to_version_id)"  # noqa: S608  two constants of ours
            " AND v.model_id <> NEW.model_id)",
        ),
    ]
