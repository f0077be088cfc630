//go:build !submit

package main

import (
	"context"
	"crypto/tls"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/submit"
)

const tlsWords = "dane (a certificate that its TLSA records match; DNSEAL_RESOLVER and DNSEAL_TRUST_ANCHOR are as for other commands), "

// verifyServer is the check of submit.TLSDANE.
func verifyServer(ctx context.Context, s submit.Server, state tls.ConnectionState) error {
	var dns dnsflags.DNS
	dns.Register(&cobra.Command{})
	client, err := dns.Client(nil)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	return nexthop.Options{Lookup: client}.VerifyDANE(ctx, nexthop.Hop{Network: "tcp", Address: s.String()}, state)
}

// addCommands makes the tree of the whole program.
func addCommands(root *cobra.Command) {
	root.Long = `dnseal signs messages (S/MIME) with keys that their owner has bound to a name in
the DNS, and verifies such signatures end to end: the signer's SMIMEA or TLSA
records are fetched and validated by DNSSEC from the root. No certificate
authority is needed.

Exit status: 0 done, or every message is "pass"; 1 some message is neither
"pass" nor "temperror", or what the help of a command says; 2 wrong usage or
configuration, an argument that cannot be read, or output that cannot be
written; 3 undecided ("temperror") and nothing worse, or interrupted; 141 the
reader of the output ended early (128 and SIGPIPE).`
	root.Example = `  dnseal demo
  dnseal identity new alice@example.org --identities keys
  dnseal sign --identities keys mail.eml | dnseal verify`
	root.AddCommand(
		newDemo(), newIdentity(), newFleet(), newSign(), newVerify(), newEncrypt(), newDecrypt(), newSubmit(), newView(), newExplain(), newLookup(), newZone(), newSandbox(),
		newRelay(), newMilter(), newDKIM(), newCheck(), newReport(), newMan(root),
	)
}
