"""Several payers want the last of something: it is sold once, and the control shows why."""

from checkout import ordering
from invoicing import clock
from tests.crew import Crew, Job
from tests.factories import given_a_checkout_page, given_a_merchant

MOVE = "tests.races.sale_moves:begin_sale"


def test_four_payers_who_want_two_of_five_get_two_of_them(crew: Crew) -> None:
    items = [{"name": "Ticket", "unit_price": "1", "stock": 5}]
    page = given_a_checkout_page(given_a_merchant(), amount=None, items=items)
    ticket = page.on_sale[0]
    of = {"page_pk": page.pk, "quantities": {ticket.public_id: 2}}
    done = crew.together([Job(MOVE, of)] * 4)
    assert sorted(str(one.result) for one in done) == ["open", "open", "sold out", "sold out"]
    assert ordering.sold_of(page, clock.now(page.merchant)) == {ticket.pk: 4}
    page = given_a_checkout_page(page.merchant, max_uses=1)
    done = crew.together([Job(MOVE, {"page_pk": page.pk, "quantities": {}})] * 3)
    assert sorted(str(one.result) for one in done) == ["open", "sold out", "sold out"]


def test_without_the_lock_on_the_page_both_are_let_in(crew: Crew) -> None:
    """A control: whoever looks before the other has taken sees that there is enough."""
    items = [{"name": "Ticket", "unit_price": "1", "stock": 1}]
    page = given_a_checkout_page(given_a_merchant(), amount=None, items=items)
    of = {"page_pk": page.pk, "quantities": {page.on_sale[0].public_id: 1}, "guarded": False}
    done = crew.together([Job(MOVE, of)] * 2)
    # Their numbers, which have a lock of their own, may collide all the same.
    assert {one.result for one in done} <= {"open", None}
    assert "open" in {one.result for one in done}
    assert all(one.result or "IntegrityError" in one.error for one in done)
