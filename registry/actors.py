"""The shim between the message broker and the packaging workshop."""

import dramatiq

from fynix.queue import supervision


@dramatiq.actor(queue_name="package", max_retries=0)
def package(*, job_id: str, **_: object) -> None:
    supervision.supervise(job_id=job_id)
