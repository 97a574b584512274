# A FastCGI responder in Perl: makes, reads and drops rows and text, some megabytes.
use strict;
use warnings;
use FCGI;
use POSIX;
use Storable qw(freeze thaw);

sub page {
    my @rows = map { { id => $_, title => "title $_", text => 'x' x ($_ % 700) } } 0 .. 4999;
    my $back = thaw(freeze(\@rows));
    my $text = join '', map { $_->{text} } @$back;
    $text =~ s/&/&amp;/g;
    return length $text;
}

my $request = FCGI::Request();
while ($request->Accept() >= 0) {
    print "Status: 200 OK\r\n\r\n", page(), "\n";
}
