"""Where the sandbox's card page lives."""

from django.urls import path

from payments.sandbox import views

urlpatterns = [
    path("checkout/<str:session_id>", views.checkout, name="sandbox-checkout"),
    path("checkout/<str:session_id>/authenticate", views.authenticate, name="sandbox-authenticate"),
    path("checkout/<str:session_id>/answer", views.answer, name="sandbox-answer"),
    path("checkout/<str:session_id>/leave", views.leave, name="sandbox-leave"),
]
