#!/usr/bin/perl
# A CGI::Fast application; the listening socket is descriptor 0.
use strict;
use warnings;
use CGI::Fast;
while (my $query = CGI::Fast->new) {
    print $query->header('text/plain'), "hello\n";
}
