<?php
// Every program here answers "PID PATH": /fast after 10 ms, /slow after 700 ms.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
usleep(['/fast' => 10000, '/slow' => 700000][$path] ?? 0);
header('Content-Type: text/plain');
echo getmypid(), ' ', $path, "\n";
