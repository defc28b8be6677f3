<?php
// Writes bodies as apps on PHP do, see node.js.
$jobs = [
    // Laravel and Symfony give arrays; plain PHP may keep objects.
    'encode' => fn ($b) => json_encode(json_decode($b, true)),
    'encode-object' => fn ($b) => json_encode(json_decode($b)),
    'encode-slashes' => fn ($b) => json_encode(json_decode($b), JSON_UNESCAPED_SLASHES),
    'encode-unicode' => fn ($b) => json_encode(json_decode($b), JSON_UNESCAPED_UNICODE),
    'encode-both' => fn ($b) => json_encode(json_decode($b), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE),
    'encode-pretty' => fn ($b) => json_encode(json_decode($b), JSON_PRETTY_PRINT),
    'encode-symfony' => fn ($b) => json_encode(json_decode($b), JSON_HEX_TAG | JSON_HEX_APOS | JSON_HEX_AMP | JSON_HEX_QUOT),
    'form-json' => function ($b) { parse_str($b, $f); return json_encode($f); },
    'form-form' => function ($b) { parse_str($b, $f); return http_build_query($f); },
    'urlencode' => fn ($b) => urlencode($b),
    'utf8-encode' => fn ($b) => mb_convert_encoding($b, 'UTF-8', 'ISO-8859-1'),
];
while (($line = fgets(STDIN)) !== false) {
    $r = json_decode($line, true);
    echo base64_encode($jobs[$r['job']](base64_decode($r['body']))), "\n";
}
