use strict;
use warnings;

my %pause = ('/fast' => 0.01, '/slow' => 0.7);
sub {
    my $path = shift->{PATH_INFO};
    select undef, undef, undef, $pause{$path} // 0;
    return [200, ['Content-Type' => 'text/plain'], ["$$ $path\n"]];
};
