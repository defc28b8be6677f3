<?php
// The least app that a handler in Laravel can be a part of, on Debian's packages.
require '/usr/share/php/Illuminate/autoload.php';
require __DIR__ . '/app/Http/Controllers/WebhookController.php';

$app = new Illuminate\Foundation\Application(__DIR__);
$app->singleton(Illuminate\Contracts\Http\Kernel::class, Illuminate\Foundation\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
$app->booted(fn () => $app['router']->match(['GET', 'POST'], getenv('HOOK_PATH'), App\Http\Controllers\WebhookController::class));
foreach (['bootstrap/cache', 'storage/framework/cache', 'storage/framework/views'] as $folder) {
    @mkdir(__DIR__ . '/' . $folder, 0700, true);
}

$kernel = $app->make(Illuminate\Contracts\Http\Kernel::class);
$response = $kernel->handle($request = Illuminate\Http\Request::capture());
$response->send();
$kernel->terminate($request, $response);
