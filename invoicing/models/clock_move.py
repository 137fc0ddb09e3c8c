"""A test merchant's clock on its way from one moment to another."""

from django.db import models
from django.db.models import Q

from invoicing.models.merchant import Merchant


class ClockMove(models.Model):
    """One move of a clock: what it takes to finish it, and to tell what happened on the way."""

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="clock_moves")
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    # The merchant's last event before it began, and before it ended: what is between happened
    # on the way.
    after_event_id = models.BigIntegerField(default=0)
    until_event_id = models.BigIntegerField(null=True)
    # Who steps it may go on until then, by the wall clock.
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant"], condition=Q(finished_at=None), name="one_clock_move_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, until_event_id=None)
                | Q(finished_at__isnull=False, until_event_id__isnull=False),
                name="a_finished_clock_move_knows_its_end",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="clock_move_newest_first")]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d} to {self.to_at:%Y-%m-%d}"
