# A FastCGI responder that keeps what it is told to. Listens at descriptor 0, or at the path that is its argument.
# QUERY_STRING says kb (to keep), ms (how long the answer takes) and cap (no more is kept above so many MiB). The
# answer is the process id.
use strict;
use warnings;
use FCGI;
use POSIX ();

my $page   = POSIX::sysconf(POSIX::_SC_PAGESIZE());
my $socket = @ARGV ? FCGI::OpenSocket($ARGV[0], 128) : 0;
my %params;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%params, $socket);
my @kept;

sub resident {
    open(my $statm, '<', '/proc/self/statm') or return 0;
    return (split ' ', <$statm>)[1] * $page;
}

while ($request->Accept() >= 0) {
    my %query = map { split /=/, $_, 2 } split /&/, $params{QUERY_STRING};
    if (resident() < $query{cap} << 20) {
        my $more = 'x' x ($query{kb} << 10);
        push @kept, \$more;
    }
    select(undef, undef, undef, $query{ms} / 1000);
    print "Content-Type: text/plain\r\n\r\n$$\n";
}
