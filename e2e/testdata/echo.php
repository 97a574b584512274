<?php
// The same paths as respond.py; the answer is "PID PATH".
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
switch ($path) {
case '/fast':
    usleep(10000);
    break;
case '/slow':
    usleep(1000000);
    break;
case '/sleep':
    usleep(1000 * (int)$_GET['ms']);
    break;
case '/leak': // what an extension forgets; php-cgi wants -d ffi.enable=true
    $bytes = (int)$_GET['kb'] << 10;
    if ($bytes > 0) {
        FFI::memset(FFI::new("char[$bytes]", false, true), 120, $bytes);
    }
    break;
case '/crash':
    posix_kill(getmypid(), 9);
    break;
case '/exit0':
    posix_kill(getmypid(), 15);
    break;
}
header('Content-Type: text/plain');
echo getmypid(), ' ', $path, "\n";
