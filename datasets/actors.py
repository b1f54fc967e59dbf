"""What workers listen to."""

import dramatiq

from fynix.queue import supervision


@dramatiq.actor(queue_name="profile", max_retries=0)
def profile(*, job_id: str, **_: object) -> None:
    supervision.supervise(job_id=job_id)
