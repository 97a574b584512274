#!/usr/bin/perl
# A FastCGI responder, one request at a time, at descriptor 0. Answers like respond.py: /leak?kb=N keeps that much.
use strict;
use warnings;
use FCGI;

my %params;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%params, 0);
my @kept;

while ($request->Accept() >= 0) {
    my ($path, $query) = split /\?/, $params{REQUEST_URI}, 2;
    my %query = map { split /=/, $_, 2 } split /&/, $query // '';
    if ($path eq '/leak') {
        my $more = 'x' x ($query{kb} << 10);
        push @kept, \$more;
    }
    elsif ($path eq '/fast') {
        select undef, undef, undef, 0.01;
    }
    print "Content-Type: text/plain\r\n\r\n$$ $path\n";
}
