<?php
// The same answer as site.py's.
echo implode('|', ['backend', $_SERVER['REQUEST_METHOD'], $_SERVER['SCRIPT_NAME'], $_SERVER['PATH_INFO'] ?? '',
    $_SERVER['QUERY_STRING'], $_SERVER['REQUEST_URI'], file_get_contents('php://input')]);
