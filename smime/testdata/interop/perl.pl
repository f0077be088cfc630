# Signs and verifies S/MIME messages with Crypt::SMIME, encrypts and decrypts them.
# sign MESSAGE OUT detached KEY CERTIFICATE
# verify MESSAGE ANCHOR
# encrypt|decrypt MESSAGE OUT KEY CERTIFICATE
use strict;
use warnings;
use Crypt::SMIME;

sub slurp { local (@ARGV, $/) = @_; return scalar <> }

sub spill {
    my ($out, $text) = @_;
    open my $file, '>:raw', $out or die "$out: $!";
    print $file $text;
    close $file or die "$out: $!";
}

my ($job, $in, @rest) = @ARGV;
my $smime = Crypt::SMIME->new;
if ($job eq 'sign') {
    my ($out, $form, $key, $cert) = @rest;
    $smime->setPrivateKey(slurp($key), slurp($cert));
    spill($out, $smime->sign(slurp($in)));
} elsif ($job eq 'encrypt') {
    $smime->setPublicKey([slurp($rest[2])]);
    spill($rest[0], $smime->encrypt(slurp($in)));
} elsif ($job eq 'decrypt') {
    $smime->setPrivateKey(slurp($rest[1]), slurp($rest[2]));
    spill($rest[0], $smime->decrypt(slurp($in)));
} else {
    $smime->setPublicKey([slurp($rest[0])]);
    $smime->check(slurp($in));
}
