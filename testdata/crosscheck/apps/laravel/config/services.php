<?php
return [getenv('HOOK_PROVIDER') => ['webhook_secret' => getenv(getenv('HOOK_SECRET'))]];
