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
		Long: `Tells the whole story on the terminal, with what really happened: identities are
made and published in a signed DNS hierarchy on loopback; a message is submitted
to a signing relay, passes two store-and-forward hops and is verified at the far
end. Then five things that must not pass. It needs no root, no real DNS and no
fixed port, and ends non-zero if any step did not end as it must.`,
		Example: "  dnseal demo\n  dnseal demo --message mail.eml --keep story",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "message", "", "use the message in `FILE` (its From is signed for) instead of the built-in one")
	cmd.Flags().StringVar(&keep, "keep", "", "leave messages, keys, zones and the trust anchor in `DIR`, to go on with")
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
