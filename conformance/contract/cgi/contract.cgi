#!/usr/bin/perl
# The contract (../README.md) as a plain CGI program in Perl, for fcgiwrap, which plays the FastCGI application.
# Not offered: wait, data, cached and exit, which a CGI program has no notion of; status, which fcgiwrap does not pass
# on; early, for fcgiwrap gives us all of FCGI_STDIN before it takes any output. Therefore echo reads before it writes.

use strict;
use warnings;

use constant BLOCK_SIZE => 65536;

binmode STDIN;
binmode STDOUT;

# Reads FCGI_STDIN to its end, gives each block to `use`, says how many bytes.
sub read_all {
    my ($use, $length) = (shift // sub { }, 0);
    while (sysread STDIN, my $block, BLOCK_SIZE) {
        $use->($block);
        $length += length $block;
    }
    return $length;
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
    print escaped($_, '='), '=', escaped($ENV{$_}, ''), "\n" for sort grep { index($_, $prefix) == 0 } keys %ENV;
}

sub write_error {
    write_cycle(\*STDERR, 'e', shift);
    print "ok\n";
}

my %operations;
%operations = (
    authorize => sub { },
    deny      => sub { print "denied\n" },
    echo      => sub { my $body = ''; read_all(sub { $body .= $_[0] }); print $body },
    error     => \&write_error,
    hello     => sub { print join(' ', 'fcgispec contract 1:', sort keys %operations), "\n" },
    large     => sub { write_cycle(\*STDOUT, '0123456789abcdef', shift) },
    length    => sub { print read_all(), "\n" },
    params    => \&write_params,
    stderr    => \&write_error,
    unread    => sub { print "ok\n" },
    update    => sub { print read_all() == ($ENV{CONTENT_LENGTH} || 0) ? "complete\n" : "incomplete\n" },
);
my %fields = (authorize => "Status: 200\r\nVariable-FCGISPEC: yes\r\n", deny => "Status: 403\r\n");
my %takes_number = (error => 1, large => 1, stderr => 1);

print "Content-Type: text/plain\r\n";
if (($ENV{QUERY_STRING} // '') =~ /^fcgispec\.([^=]*)=?(.*)/s) {
    my ($name, $argument) = ($1, $2);
    my $unfit = !$operations{$name} || $takes_number{$name} && $argument !~ /^[0-9]{1,10}\z/;
    print $unfit ? '' : $fields{$name} // '', "\r\n";
    $unfit ? print "unsupported\n" : $operations{$name}->($argument);
} else {
    print "\r\nhello\n";
}
