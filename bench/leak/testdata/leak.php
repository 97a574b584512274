<?php
// Keeps what it is told to. What a script allocates is freed when it ends; what an extension forgets is not, so this
// asks the C library for memory and forgets it. QUERY_STRING says kb (to keep), ms (how long the answer takes) and cap
// (no more is kept above so many MiB). The answer is the process id.
$pages = (int) explode(' ', file_get_contents('/proc/self/statm'))[1];
$bytes = (int) $_GET['kb'] << 10;
if ($bytes > 0 && $pages * 4096 < (int) $_GET['cap'] << 20) {
    $kept = FFI::new("char[$bytes]", false, true);
    FFI::memset($kept, 120, $bytes);
}
usleep((int) $_GET['ms'] * 1000);
header('Content-Type: text/plain');
echo getmypid(), "\n";
