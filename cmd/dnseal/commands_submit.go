//go:build submit

package main

import (
	"context"
	"crypto/tls"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/submit"
)

// There is no lookup of TLSA records here, which needs a library for DNS messages.
const tlsWords = ""

var verifyServer func(context.Context, submit.Server, tls.ConnectionState) error

// addCommands makes the tree of the build for devices.
func addCommands(root *cobra.Command) {
	root.Short = "Sign mail with DNS-bound keys and hand it in (the submit build)"
	root.Long = `This is the submit build of dnseal, for devices: it signs messages (S/MIME) with
keys that their owner has bound to a name in the DNS, and hands them in by SMTP.
The whole program makes keys, publishes them and verifies messages too.

Exit status: 0 done; 1 a server refused something; 2 wrong usage or
configuration; 3 it could not be done now, or interrupted.`
	root.AddCommand(newSubmit())
}
