# The least project that a handler in Django can be a part of.
from django.conf import settings

settings.configure(ROOT_URLCONF="urls", SECRET_KEY="not secret", ALLOWED_HOSTS=["*"], DATA_UPLOAD_MAX_MEMORY_SIZE=10 * 1024 * 1024)

import django
from django.core.asgi import get_asgi_application

django.setup()
application = get_asgi_application()
