//go:build !submit

package main

import (
	_ "embed"
	"io"

	"dnseal/cmd/internal/demo"

	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var file, keep string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a message being signed, relayed and verified",
		Long: `Shows the whole way of a message on the terminal: identities are made and
published in a signed DNS hierarchy on loopback; a message is submitted to a
signing relay, passes two store-and-forward hops and is verified at the
recipient. It is encrypted to a key from the DNS, and opened again. Then five
attacks and faults that must not pass. It needs no root, no real DNS and no
fixed port.

Exit status: 0 every step ended as it must; 1 some step did not; 2 a step could
not run.`,
		Example: "  dnseal demo\n  dnseal demo --message mail.eml --keep story",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "message", "", "use the message in `FILE` (its From is signed for) instead of the built-in one")
	cmd.Flags().StringVar(&keep, "keep", "", "keep messages, keys, zones and the trust anchor in `DIR`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var text []byte
		if file != "" {
			in, err := openMessage(file)
			if err != nil {
				return err
			}
			defer in.Close() //nolint:errcheck // only read from
			if text, err = io.ReadAll(in); err != nil {
				return err
			}
		}
		return demo.Run(cmd.Context(), cmd.OutOrStdout(), text, keep)
	}
	return cmd
}
