#!/bin/sh
# A CGI program: a process for each request. What it names is its parent, which is fcgiwrap.
case $REQUEST_URI in
/fast) sleep 0.01 ;;
/slow) sleep 0.7 ;;
esac
printf 'Content-Type: text/plain\r\n\r\n%s %s\n' "$PPID" "$REQUEST_URI"
