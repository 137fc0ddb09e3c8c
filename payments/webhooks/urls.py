"""Addresses at which providers tell of what happened."""

from django.urls import path

from payments.webhooks import views

urlpatterns = [path("stripe", views.stripe, name="stripe-webhook")]
