"""The API does what its OpenAPI document says, whatever it is asked and whoever asks."""

import random
from typing import Any
from zlib import crc32

import pytest
from rest_framework.response import Response

from invoicing import representations
from invoicing.api.customers import CustomerDetail
from invoicing.errors import NotFound
from invoicing.models import Customer, Merchant
from tests.contract.callers import Stage
from tests.contract.calls import World, boundaries, contract, drawn
from tests.factories import given_a_customer
from tests.fixtures_stripe import Stripe
from tests.matrix.world import world

# What a database makes of odd values is asked of both in the neighbours' tests.
pytestmark = pytest.mark.same_everywhere
# Of the boundaries of each operation, and of what is drawn for it.
BOUNDARIES, DRAWN = 2, 1


@pytest.fixture(autouse=True)
def _without_limits(settings: Any) -> None:
    settings.RATE_LIMITS = {}


def test_whatever_is_asked_and_whoever_asks(
    subtests: pytest.Subtests,
    pytestconfig: pytest.Config,
    test_merchant: Merchant,
    stripe_account: Stripe,
) -> None:
    """A few calls for each operation; `--calls 200` for that many, others each time."""
    many: int = pytestconfig.getoption("--calls")
    seed = random.randrange(2**32) if many else 0
    stage = Stage(test_merchant, stripe_account, World(world(test_merchant, stripe_account)))
    for operation in (each.ok() for each in contract().get_all_operations()):
        with subtests.test(operation.label, seed=seed):
            luck = random.Random(crc32(operation.label.encode()) + seed)
            cases = boundaries(operation)
            if not many:
                cases = luck.sample(cases, min(BOUNDARIES, len(cases)))
            cases += drawn(operation, many or DRAWN, luck.getrandbits(32))
            for case in cases:
                stage.world.fill(case, luck)
            assert list(stage.found(operation, cases)) == []


def answered(how: str) -> Any:
    """A customer's page as it may not be answered."""

    def get(view: CustomerDetail, request: Any, customer_id: str) -> Response:
        if how == "anybody's":
            row = Customer.objects.get(public_id=customer_id)
            return Response(representations.customer(row))
        if how == "changed":
            Customer.objects.filter(public_id=customer_id).update(phone="1")
            raise NotFound("There is no such customer.")
        if how == "broken":
            raise RuntimeError("on purpose")
        if how == "undocumented":
            return Response(status=418)
        return Response({"id": 1})

    return get


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        ("broken", "ServerError"),
        ("undocumented", "UndefinedStatusCode"),
        ("misshapen", "JsonSchemaError"),
        ("anybody's", "another tenant was told"),
        ("changed", "strangers changed Customer"),
    ],
)
def test_what_is_not_as_documented_is_found(
    how: str,
    finding: str,
    test_merchant: Merchant,
    stripe_account: Stripe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: a page that breaks, surprises or belongs to somebody else."""
    customer = given_a_customer(test_merchant, name="Somebody of Ada's")
    stage = Stage(test_merchant, stripe_account, World({"customer": customer.public_id}))
    operation = contract()["/v1/customers/{customer_id}"]["GET"]
    (case,) = drawn(operation, 1, 0)
    stage.world.fill(case, random.Random(0))
    assert list(stage.found(operation, [case])) == []
    wrong = answered(how)
    wrong.endpoint = CustomerDetail.endpoints["get"]
    monkeypatch.setattr(CustomerDetail, "get", wrong)
    findings = list(stage.found(operation, [case]))
    assert any(finding in each for each in findings), findings
