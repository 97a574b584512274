<?php
// The status is ?status=; with ?fatal= an uncaught exception ends the page.
if (isset($_GET['fatal'])) {
    ini_set('log_errors', '1');
    throw new Exception($_GET['fatal']);
}
if ($_SERVER['DOCUMENT_ROOT'] !== __DIR__ || $_SERVER['PHP_SELF'] !== '/page.php') {
    http_response_code(500);
} elseif (isset($_GET['to'])) {
    header('Location: ' . $_GET['to']);
} else {
    http_response_code((int)($_GET['status'] ?? 200));
}
echo "hello\n";
