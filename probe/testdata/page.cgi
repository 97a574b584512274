#!/bin/sh
printf "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n"
