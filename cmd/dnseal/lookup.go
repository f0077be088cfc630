//go:build !submit

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/sender/identity"
)

func newLookup() *cobra.Command {
	var dns dnsflags.DNS
	var asJSON, trace bool
	var evidenceFile, recordType string
	cmd := &cobra.Command{
		Use:   "lookup NAME|ADDRESS",
		Short: "Show a signer's DNS records, their state and the chain of trust",
		Long: `Looks up the SMIMEA records of a mail address, or the TLSA records of a device,
service or host name, validates them by DNSSEC and draws the chain from the
trust anchor to the record: which keys, which signatures, for how long, and
where it breaks. With --type TXT the key of a DKIM selector, or any other text.

Exit status: 0 there are secure records; 1 there are none, or they are insecure;
2 wrong usage, or output that cannot be written; 3 bogus, or undecided.`,
		Example: `  dnseal lookup alice@example.org
  dnseal lookup sensor7._device.example.net --trace
  dnseal lookup s1._domainkey.example.org --type TXT`,
		Args: cobra.ExactArgs(1),
	}
	dns.Register(cmd)
	cmd.Flags().StringVar(&recordType, "type", "", "ask for records of `TYPE` (TLSA, SMIMEA, TXT) at NAME as it stands")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&evidenceFile, "evidence", "", "add the records and their DNSSEC signatures to `FILE` (JSON, RFC 9102 order),\nfor \"dnseal explain --evidence\" when they are gone")
	cmd.Flags().BoolVar(&trace, "trace", false, "show every query with its time on standard error")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, typ, err := askedName(args[0], recordType)
		if err != nil {
			return err
		}
		if evidenceFile != "" && typ == dane.TXT {
			return errors.New("--evidence keeps the records of signers (SMIMEA, TLSA), not TXT")
		}
		client, err := dns.Client(tracer(cmd, trace))
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is lost
		res := client.Lookup(cmd.Context(), name, typ)
		if err = cmd.Context().Err(); err != nil {
			return err
		}
		if evidenceFile != "" {
			if err = keep(evidenceFile, res); err != nil {
				return err
			}
		}
		out := cmd.OutOrStdout()
		if asJSON {
			err = cli.WriteJSON(out, res)
		} else {
			err = res.WriteTree(out, time.Now(), 80)
		}
		if err != nil {
			return err
		}
		return lookupStatus(res)
	}
	return cmd
}

// keep adds the evidence of a result to a file.
func keep(file string, res *lookup.Result) error {
	e, err := evidence.Of(res)
	if err != nil {
		return err
	}
	// Nothing is added to a file that holds something else.
	if info, statErr := os.Stat(file); statErr == nil && info.Size() > 0 {
		if err = (&kept{files: []string{file}}).read(nil); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(cli.WriteJSON(f, e), f.Close())
}

// tracer prints every query, one at a time.
func tracer(cmd *cobra.Command, on bool) func(lookup.Query) {
	if !on {
		return nil
	}
	var mu sync.Mutex
	start := time.Now()
	return func(q lookup.Query) {
		mu.Lock()
		defer mu.Unlock()
		cli.Print(cmd.ErrOrStderr(), "%9s  %s", time.Since(start).Round(10*time.Microsecond), q)
	}
}

func lookupStatus(res *lookup.Result) error {
	switch {
	case res.Status == dnssec.Secure && res.Presence == dane.Present:
		return nil
	case res.Status == dnssec.Secure || res.Status == dnssec.Insecure:
		return cli.ExitNotPass
	}
	return cli.ExitTempfail
}

// askedName is ownerName, or where a type is given the name as it stands.
func askedName(arg, recordType string) (string, dane.Type, error) {
	if recordType == "" {
		return ownerName(arg)
	}
	for _, t := range []dane.Type{dane.TLSA, dane.SMIMEA, dane.TXT} {
		if strings.EqualFold(recordType, t.String()) {
			name, err := dane.Domain(arg)
			return name, t, err
		}
	}
	return "", 0, fmt.Errorf("--type %q: want TLSA, SMIMEA or TXT", recordType)
}

// ownerName returns the owner name and type to look up.
func ownerName(arg string) (string, dane.Type, error) {
	kind, name, err := identity.ParseName(arg)
	if err != nil {
		return "", 0, err
	}
	return (&identity.Identity{Name: name, Kind: kind}).OwnerName()
}
