"""What usually happens, one step after another; everything else comes in between at random."""

from tests.sim import moves
from tests.sim.moves import MOVES, Move
from tests.sim.stage import Stage

HEAR = (moves.deliver, moves.apply_notices)


def _by(rail: str, **likes: bool) -> Move:
    """From here on payers choose this way to pay."""

    def choose(stage: Stage) -> str:
        stage.rail = rail
        stage.likes = likes
        return rail

    choose.__name__ = f"by_{rail}"
    return choose


CARD, ACH, SANDBOX = _by("card", good=True), _by("ach", good=True), _by("sandbox", good=True)
ANY_CARD, ANY_BANK, ODD = _by("card"), _by("ach"), _by("card", odd=True)
CARD_PAID = (CARD, moves.start, moves.pay_by_card, *HEAR)
SAVED = (CARD, moves.save_method, moves.leave_method, *HEAR)
Story = tuple[Move, ...]
UNHEARD: Story = (*SAVED, moves.lose_answers, moves.charge, moves.lose_answers, moves.refund)
VOIDED: Story = (CARD, moves.start, moves.pay_by_card, moves.void, *HEAR, moves.refund_overpayment)
GIVEN_BACK: Story = (*CARD_PAID, moves.go_wrong, moves.refund, moves.refund, moves.fail_refund)
AT_THE_DESK: Story = (*CARD_PAID, moves.refund_at_the_desk, *HEAR, moves.refund)
UNASKED = (ODD, moves.start, moves.pay_by_card)
UNASKED_TAKEN_EARLY: Story = (
    *UNASKED,
    moves.open_dispute,
    moves.judge_dispute,
    *HEAR,
    moves.answer_dispute,
    moves.resolve_deposit,
)
TAKEN_EARLY: Story = (
    CARD,
    moves.start,
    moves.pay_by_card,
    moves.open_dispute,
    moves.judge_dispute,
    moves.judge_dispute,
    *HEAR,
)
STORIES: tuple[Story, ...] = (
    UNHEARD,
    VOIDED,
    GIVEN_BACK,
    AT_THE_DESK,
    TAKEN_EARLY,
    UNASKED_TAKEN_EARLY,
    (*UNASKED, *HEAR, moves.open_dispute, *HEAR, moves.answer_dispute, moves.judge_dispute),
    (*UNASKED, *HEAR, moves.resolve_deposit, moves.open_dispute, *HEAR, moves.judge_dispute),
    (*UNASKED, *HEAR, moves.open_dispute, moves.judge_dispute, *HEAR, moves.resolve_deposit),
    (*UNASKED, moves.refund_at_the_desk, *HEAR, moves.resolve_deposit, moves.open_dispute, *HEAR),
    (*UNASKED, *HEAR, moves.resolve_deposit, moves.open_dispute, moves.fail_refund, *HEAR),
    (ANY_CARD, moves.start, moves.pay_by_card, moves.pay_by_card, *HEAR),
    (SANDBOX, moves.start, moves.pay_in_sandbox, moves.apply_notices, moves.refund, moves.refund),
    (ANY_CARD, moves.start, moves.pay_by_card, *HEAR, moves.refund, moves.pass_time, moves.refund),
    (CARD, moves.start, moves.mark_paid, moves.pay_by_card, *HEAR, moves.make_invoice),
    (ANY_BANK, moves.start, moves.pay_by_bank, *HEAR, moves.pass_time, moves.work),
    (ACH, moves.start, moves.pay_by_bank, moves.pass_days, *HEAR, moves.open_dispute, *HEAR),
    (ACH, moves.start, moves.pay_by_bank, moves.pass_days, *HEAR, moves.refund, moves.fail_refund),
    (*SAVED, moves.go_wrong, moves.charge, moves.work, moves.refund),
    (*SAVED, moves.charge, *HEAR, moves.open_dispute, moves.charge),
    (*SAVED, moves.go_wrong, moves.charge_invoice, moves.pass_time, moves.work),
    (*CARD_PAID, moves.open_dispute, *HEAR, moves.answer_dispute, moves.judge_dispute),
    (*CARD_PAID, moves.open_dispute, *HEAR, moves.judge_dispute, moves.judge_dispute, *HEAR),
    (*CARD_PAID, moves.refund, moves.open_dispute, *HEAR, moves.judge_dispute, moves.refund),
    (CARD, moves.start, moves.pay_by_card, moves.refund_at_the_desk, moves.open_dispute, *HEAR),
    (ODD, moves.start, moves.pay_by_card, *HEAR, moves.resolve_deposit, moves.make_invoice),
    (CARD, moves.start, moves.start, moves.pay_by_card, moves.pay_by_card, *HEAR),
    (*CARD_PAID, moves.refund_to_credit, moves.make_invoice, moves.start, moves.pay_by_card),
)
# What comes in between.
DISTURBANCES: tuple[Move, ...] = (
    moves.go_wrong,
    moves.go_wrong,
    moves.deliver,
    moves.work,
    moves.pass_time,
    moves.know_no_fee_yet,
)


def tell(stage: Stage) -> list[Move]:
    """One story with a few disturbances."""
    told: list[Move] = []
    for step in stage.rng.choice(STORIES):
        if stage.rng.random() < 0.15:
            told.append(stage.rng.choice(DISTURBANCES))
        told.append(step)
    return told


def tell_many(stage: Stage) -> list[Move]:
    """Several stories, and whatever else may happen, twenty moves at least."""
    told: list[Move] = []
    while len(told) < 20:
        told += [moves.make_invoice, *tell(stage)]
        told += stage.rng.choices(list(MOVES), list(MOVES.values()), k=3)
    return told
