"""The wake-up call for training."""

import dramatiq

from fynix.queue import supervision


@dramatiq.actor(actor_name="train", queue_name="train", max_retries=0)
def train(*, job_id: str) -> None:
    supervision.supervise(job_id=job_id)
