"""The portal for payers: where it is, and what they may do there by themselves."""

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from checkout import portal
from checkout.actions.portal import set_portal
from checkout.api import schemas
from checkout.inputs import PortalSettingsInput
from checkout.page_representations import portal_settings
from invoicing.api.endpoint import Endpoint
from invoicing.api.views import ApiView


class Portal(ApiView):
    tag = "Checkout"

    @Endpoint("Get the portal's settings", needs="checkout:read", answers=schemas.PortalSettings)
    def get(self, request: Request) -> Response:
        """Where payers see all their invoices, and what they may change there by themselves."""
        return Response(portal_settings(portal.settings_of(self.merchant)))

    @Endpoint(
        "Set the portal's settings",
        needs="checkout:write",
        body=PortalSettingsInput,
        answers=schemas.PortalSettings,
        example={"pause_recurring": True, "cancel_recurring": True},
    )
    def put(self, request: Request) -> HttpResponseBase:
        """Replaces all of them: what is left out is not allowed."""
        wanted = self.read(PortalSettingsInput)
        return self.run(lambda: set_portal(self.merchant, wanted), portal_settings)
