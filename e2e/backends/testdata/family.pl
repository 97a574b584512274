#!/usr/bin/perl
# FCGI::ProcManager: the leader starts two processes that serve, and replaces those that die.
use strict;
use warnings;
use FCGI;
use FCGI::ProcManager;

my %pause = ('/fast' => 0.01, '/slow' => 0.7);
my $family = FCGI::ProcManager->new({n_processes => 2});
my %params;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%params);
$family->pm_manage;
while ($request->Accept >= 0) {
    $family->pm_pre_dispatch;
    select undef, undef, undef, $pause{$params{REQUEST_URI}} // 0;
    print "Content-Type: text/plain\r\n\r\n$$ $params{REQUEST_URI}\n";
    $family->pm_post_dispatch;
}
