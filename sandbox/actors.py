"""The shim between the message broker and the workshop of tests."""

import dramatiq

from fynix.queue import supervision


@dramatiq.actor(queue_name="test", max_retries=0)
def test(*, job_id: str, **_: object) -> None:
    supervision.supervise(job_id=job_id)
