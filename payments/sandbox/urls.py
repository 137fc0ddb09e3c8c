"""Where the sandbox's card pages live."""

from django.urls import path

from payments.sandbox import views

urlpatterns = [
    path("checkout/<str:session_id>", views.checkout, name="sandbox-checkout"),
    path("checkout/<str:session_id>/authenticate", views.authenticate, name="sandbox-authenticate"),
    path("checkout/<str:session_id>/answer", views.answer, name="sandbox-answer"),
    path("checkout/<str:session_id>/leave", views.leave, name="sandbox-leave"),
    path("setup/<str:setup_id>", views.setup, name="sandbox-setup"),
]
