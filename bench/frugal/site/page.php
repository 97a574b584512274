<?php
// Makes, reads and drops rows and text: some megabytes.
$rows = [];
for ($i = 0; $i < 5000; $i++) {
    $rows[] = ['id' => $i, 'title' => "title $i", 'text' => str_repeat('x', $i % 700)];
}
$back = json_decode(json_encode($rows), true);
echo strlen(htmlspecialchars(implode('', array_column($back, 'text')))), "\n";
