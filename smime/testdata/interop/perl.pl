# Signs and verifies S/MIME messages with Crypt::SMIME.
# sign MESSAGE OUT detached KEY CERTIFICATE
# verify MESSAGE ANCHOR
use strict;
use warnings;
use Crypt::SMIME;

sub slurp { local (@ARGV, $/) = @_; return scalar <> }

my ($job, $in, @rest) = @ARGV;
my $smime = Crypt::SMIME->new;
if ($job eq 'sign') {
    my ($out, $form, $key, $cert) = @rest;
    $smime->setPrivateKey(slurp($key), slurp($cert));
    open my $file, '>:raw', $out or die "$out: $!";
    print $file $smime->sign(slurp($in));
    close $file or die "$out: $!";
} else {
    $smime->setPublicKey([slurp($rest[0])]);
    $smime->check(slurp($in));
}
