"""A second OpenID provider that none of us wrote: Debian's
python3-django-oauth-toolkit (on oauthlib) behind Django's own login.

    python3 toolkit.py PORT FOLDER

It has one public client, "dancecard", and one user, zoe, with the password
"any". Refresh tokens rotate. Prints "ready", then a line for each request.
"""

import os
import subprocess
import sys

port, folder = sys.argv[1], sys.argv[2]
issuer = "http://127.0.0.1:%s/o" % port
key = os.path.join(folder, "key.pem")
subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)

import django
from django.conf import settings

LOGIN = (
    '<!doctype html><title>Sign in</title><form method="post">{% csrf_token %}{{ form.as_p }}'
    '<button type="submit">Sign in</button></form>'
)

settings.configure(
    DEBUG=False,
    SECRET_KEY=os.urandom(32).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder, "db")}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    LOGIN_URL="/login/",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": issuer,
        "OIDC_RSA_PRIVATE_KEY": open(key).read(),
        "SCOPES": {"openid": "Who you are", "read": "Read", "write": "Write"},
        "PKCE_REQUIRED": True,
        "ROTATE_REFRESH_TOKEN": True,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    },
)
django.setup()

from django.contrib.auth import get_user_model
from django.contrib.auth.views import LoginView
from django.core.management import call_command, execute_from_command_line
from django.urls import include, path

urlpatterns = [
    path("login/", LoginView.as_view()),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_user("zoe", password="any")
    from oauth2_provider.models import Application

    Application.objects.create(
        name="Dancecard",
        client_id="dancecard",
        client_type="public",
        authorization_grant_type="authorization-code",
        redirect_uris="http://127.0.0.1/callback",
        algorithm="RS256",
        user=user,
    )
    print("ready", flush=True)
    execute_from_command_line(["django", "runserver", "--noreload", "--nothreading", "127.0.0.1:" + port])
