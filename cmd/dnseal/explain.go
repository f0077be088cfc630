package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"dnseal/smime"
)

func newExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [FILE]",
		Short: "Say why a signature does not hold, and how the message was changed",
		Long: `Looks at every signature of a message whose digest does not fit, and undoes what
mail systems are known to do on the way: transfer encodings, line ends, trailing
space, ">From", footers and more. It names the first change that, undone, makes
the digest fit, and between which hops it may have happened.

It is a diagnosis only: the signature does not hold, whatever the reason. It asks
no DNS. Exit status: 0 nothing to explain; 1 some signature does not hold.`,
		Example: "  dnseal explain broken.eml",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line and signature")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := readOne(cmd, args)
		if err != nil {
			return err
		}
		defer m.Close() //nolint:errcheck // an unlinked file
		found, err := smime.Explain(cmd.Context(), m)
		if err != nil {
			return err
		}
		if asJSON {
			return explainJSON(cmd, found)
		}
		return explainText(cmd, found)
	}
	return cmd
}

func explainText(cmd *cobra.Command, found []smime.Explanation) error {
	out := cmd.OutOrStdout()
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, "nothing to explain: no signature here whose digest does not fit the content")
		return err
	}
	for _, e := range found {
		if _, err := fmt.Fprintf(out, "signature in part %s: %s\n", e.Part, e.Sentence); err != nil {
			return err
		}
	}
	return verdictError{exitNotPass}
}

func explainJSON(cmd *cobra.Command, found []smime.Explanation) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	for _, e := range found {
		if err := enc.Encode(struct {
			Part     string `json:"part"`
			Change   string `json:"change"`
			Sentence string `json:"sentence"`
			After    string `json:"after,omitempty"`
			Before   string `json:"before,omitempty"`
		}(e)); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return verdictError{exitNotPass}
	}
	return nil
}
