#!/usr/bin/perl
# The contract (../README.md) in Perl, on FCGI.pm (which is libfcgi within); responder, authorizer and filter.
# Not offered: status, which FCGI.pm has no way to set; wait, for it tells nobody of FCGI_ABORT_REQUEST.

use strict;
use warnings;
use FCGI;
use IO::Handle;

use constant BLOCK_SIZE => 65536;

my ($in, $out, $err) = map { IO::Handle->new } 1 .. 3;
my %params;
my $request = FCGI::Request($in, $out, $err, \%params, 0);
my $exit_asked;

# Reads FCGI_STDIN, or what has been put in its place, to its end, gives each block to `use`, says how many bytes.
sub read_all {
    my ($use, $length) = (shift // sub { }, 0);
    while (read($in, my $block, BLOCK_SIZE)) {
        $use->($block);
        $length += length $block;
    }
    return $length;
}

sub copy_all { read_all(sub { print $out $_[0] }) }

# The file, read before the header fields are sent: these say whether it was whole.
my $file;
sub read_file {
    $file = '';
    read_all();
    read_all(sub { $file .= $_[0] }) if $request->StartFilterData() == 0;
    return length $file < ($params{FCGI_DATA_LENGTH} || 0) ? "Status: 500\r\n" : '';
}

sub write_cycle {
    my ($to, $cycle, $size) = @_;
    my $block = $cycle x (BLOCK_SIZE / length $cycle);
    for (; $size > 0; $size -= BLOCK_SIZE) { print $to $size < BLOCK_SIZE ? substr($block, 0, $size) : $block }
}

sub escaped {
    my ($text, $also) = @_;
    $text =~ s/([^\x21-\x7e]|[%$also])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub write_params {
    my $prefix = shift;
    my @names = sort grep { index($_, $prefix) == 0 } keys %params;
    print $out escaped($_, '='), '=', escaped($params{$_}, ''), "\n" for @names;
}

sub write_error {
    write_cycle($err, 'e', shift);
    print $out "ok\n";
}

my %operations;
%operations = (
    authorize => sub { },
    cached    => sub { read_all(); print $out "cached\n" },
    data      => sub { print $out $file },
    deny      => sub { print $out "denied\n" },
    early     => sub { print $out "early\n"; $request->Flush(); print $out read_all(), "\n" },
    echo      => \&copy_all,
    error     => \&write_error,
    exit      => sub { print $out "bye\n"; $exit_asked = 1 },
    hello     => sub { print $out join(' ', 'fcgispec contract 1:', sort keys %operations), "\n" },
    large     => sub { write_cycle($out, '0123456789abcdef', shift) },
    length    => sub { print $out read_all(), "\n" },
    params    => \&write_params,
    stderr    => \&write_error,
    unread    => sub { print $out "ok\n" },
    update    => sub { print $out read_all() == ($params{CONTENT_LENGTH} || 0) ? "complete\n" : "incomplete\n" },
);
my %fields = (
    authorize => sub { "Status: 200\r\nVariable-FCGISPEC: yes\r\n" },
    data      => \&read_file,
    deny      => sub { "Status: 403\r\n" },
);
my %takes_number = (error => 1, large => 1, stderr => 1);
my %for_filter = (cached => 1, data => 1);

while (!$exit_asked && $request->Accept() >= 0) {
    print $out "Content-Type: text/plain\r\n";
    if (($params{QUERY_STRING} // '') =~ /^fcgispec\.([^=]*)=?(.*)/s) {
        my ($name, $argument) = ($1, $2);
        my $unfit = !$operations{$name} || $takes_number{$name} && $argument !~ /^[0-9]{1,10}\z/
            || $for_filter{$name} && ($params{FCGI_ROLE} // '') ne 'FILTER';
        my $fields = !$unfit && $fields{$name};
        print $out $fields ? $fields->() : '', "\r\n";
        $unfit ? print $out "unsupported\n" : $operations{$name}->($argument);
    } else {
        read_all() if ($params{FCGI_ROLE} // '') eq 'FILTER';
        print $out "\r\nhello\n";
    }
    $request->Finish();
}
exit !$exit_asked;
