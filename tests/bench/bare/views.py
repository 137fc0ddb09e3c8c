"""Create and get, with a token and a ModelSerializer, and nothing else."""

from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import generics, serializers
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tests.bench.bare.models import Event, Invoice, Line, Token


class TokenAuthentication(BaseAuthentication):
    """One SELECT by the key."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        key = get_authorization_header(request).decode().removeprefix("Bearer ")
        token = Token.objects.filter(key=key).first()
        if token is None:
            raise AuthenticationFailed
        return token, token


class LineSerializer(serializers.ModelSerializer[Line]):
    class Meta:
        model = Line
        fields: ClassVar[list[str]] = ["description", "quantity", "unit_price", "amount"]


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    lines = LineSerializer(many=True)

    class Meta:
        model = Invoice
        fields: ClassVar[list[str]] = [
            *("id", "number", "customer_name", "currency", "total"),
            *("status", "created_at", "lines"),
        ]

    def create(self, validated_data: dict[str, Any]) -> Invoice:
        lines = validated_data.pop("lines")
        with transaction.atomic():
            invoice = Invoice.objects.create(**validated_data)
            Line.objects.bulk_create(Line(invoice=invoice, **line) for line in lines)
        return invoice


class CreateInvoice(generics.CreateAPIView[Invoice]):
    authentication_classes: ClassVar[list[Any]] = [TokenAuthentication]
    serializer_class = InvoiceSerializer
    queryset = Invoice.objects.all()


class GetInvoice(generics.RetrieveAPIView[Invoice]):
    authentication_classes: ClassVar[list[Any]] = [TokenAuthentication]
    serializer_class = InvoiceSerializer
    queryset = Invoice.objects.prefetch_related("lines")


@csrf_exempt
def take_event(request: HttpRequest) -> JsonResponse:
    """Keep a body, whoever sent it."""
    Event.objects.create(body=request.body.decode())
    return JsonResponse({"received": True})
