#!/usr/bin/perl
# CGI::Fast: one process, a request at a time.
use strict;
use warnings;
use CGI::Fast;

my %pause = ('/fast' => 0.01, '/slow' => 0.7);
while (my $q = CGI::Fast->new) {
    select undef, undef, undef, $pause{$ENV{REQUEST_URI}} // 0;
    print $q->header('text/plain'), "$$ $ENV{REQUEST_URI}\n";
}
