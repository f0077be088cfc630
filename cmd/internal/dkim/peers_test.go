//go:build unix

package dkim

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// peerMessage has what signatures break at: folding, white space, 8 bits, fields twice.
const peerMessage = "From: Alice <alice@example.org>\r\nTo: b@example.net,\r\n\tc@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  folded \r\n" +
	"List-Id: <x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b;\r\n\tprotocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n\r\nHi  there \t\r\n.\r\nFrom x\r\n--b--\r\n\r\n\r\n"

// pyDKIM verifies each signature by a table of records; python3 is Debian's.
const pyDKIM = `
import sys, dkim
table = dict(l.rstrip("\n").split(" ", 1) for l in open(sys.argv[1]))
def txt(name, timeout=5): return table.get(name.decode().rstrip("."), "").encode()
d = dkim.DKIM(sys.stdin.buffer.read())
for i in range(int(sys.argv[2])):
    try: print("pass" if d.verify(idx=i, dnsfunc=txt) else "fail")
    except dkim.ValidationError: print("fail")
`

// perlDKIM does so by Mail::DKIM, whose questions are answered from the table.
const perlDKIM = `
use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS;
my %t; open F, $ARGV[0]; while (<F>) { chomp; my ($n, $v) = split / /, $_, 2; $t{$n} = $v }
{ no warnings; *Mail::DKIM::DNS::query = sub { my ($n) = @_; $n =~ s/\.$//; exists $t{$n} or return;
  return Net::DNS::RR->new(name => $n, type => "TXT", txtdata => [$t{$n} =~ /(.{1,255})/g]) }; }
my $v = Mail::DKIM::Verifier->new; binmode STDIN; local $/; $v->PRINT(<STDIN>); $v->CLOSE;
print $_->result, "\n" for $v->signatures;
`

// TestPeersVerify: dkimpy and Mail::DKIM verify both signatures, and see each change.
func TestPeersVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := filepath.Join(dir, "table")
	var lines strings.Builder
	for _, k := range both("example.org") {
		fmt.Fprintln(&lines, k.Name(), k.Record())
	}
	if err := os.WriteFile(table, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	signed, n := sign(t, both("example.org"), readMail(t, peerMessage), nil)
	if n != 2 {
		t.Fatalf("%d signatures", n)
	}
	for name, c := range map[string]struct {
		arg []string
		mod []string // that shows that it is there
	}{
		"dkimpy":     {[]string{"/usr/bin/python3", "-c", pyDKIM, table, "2"}, []string{"/usr/bin/python3", "-c", "import dkim, nacl"}},
		"Mail::DKIM": {[]string{"/usr/bin/perl", "-e", perlDKIM, table}, []string{"/usr/bin/perl", "-MMail::DKIM", "-MNet::DNS", "-e", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if exec.Command(c.mod[0], c.mod[1:]...).Run() != nil {
				peertest.Missing(t, name)
			}
			for _, change := range []struct{ text, want string }{
				{signed, "pass\npass\n"},
				{strings.Replace(signed, "Hi  there", "Ho  there", 1), "fail\nfail\n"},
				{strings.Replace(signed, "From: Alice", "Cc: mallory@example.com\r\nFrom: Alice", 1), "fail\nfail\n"},
			} {
				cmd := exec.Command(c.arg[0], c.arg[1:]...)
				cmd.Stdin = strings.NewReader(change.text)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				// Before 1.20240619 Mail::DKIM knows no Ed25519.
				if got := strings.Replace(string(out), "invalid\n", change.want[5:], 1); got != change.want {
					t.Errorf("%s says %q, want %q: %v %s", name, got, change.want, err, &stderr)
				}
			}
		})
	}
}
