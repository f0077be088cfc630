//go:build !submit

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

func newDKIM() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dkim COMMAND",
		Short: "Make, publish and check the keys of DKIM",
		Long: `Relay and signing milter sign what leaves by DKIM too, after S/MIME, with the
keys in [dkim] of the configuration: no OpenDKIM is needed behind them.

To replace a key: make one with another selector (dkim new), publish it (dkim
publish), write it into [dkim] in the place of the old one and reload; a week
later, when no mail with the old one is under way, withdraw that (dkim publish
--withdraw).`,
		Example: `  dnseal dkim new example.org --selector s2026
  dnseal dkim publish --config dnseal.toml
  dnseal dkim check`,
	}
	cmd.AddCommand(newDKIMNew(), newDKIMRecord(), newDKIMPublish(), newDKIMCheck())
	return cmd
}

const dkimKeys = "/etc/dnseal/dkim"

func newDKIMNew() *cobra.Command {
	var dir, selector, algorithm string
	cmd := &cobra.Command{
		Use:   "new DOMAIN",
		Short: "Make keys for DKIM, and print the lines for dnseal.toml",
		Long: `Makes the keys of a selector, each in a file of its own that only its owner can
read: an RSA key of 2048 bits, which all verifiers know, and an Ed25519 key (RFC
8463), whose selector has "-ed25519" behind it. Mail is signed by both. It
prints what to write into dnseal.toml; publish the keys before you reload.

Exit status: 0 done; 2 wrong usage, or a file that is there or cannot be
written.`,
		Example: "  dnseal dkim new example.org --selector s2026 --keys /etc/dnseal/dkim",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&dir, "keys", dkimKeys, "folder `DIR` of the key files")
	cmd.Flags().StringVar(&selector, "selector", "", "`NAME` of the key in the domain, as s2026 (mandatory)")
	cmd.Flags().StringVar(&algorithm, "algorithm", dkim.Both, "`ALGORITHM`: rsa-2048, ed25519 or both")
	flags.CompleteWords(cmd, "algorithm", dkim.RSA2048, dkim.Ed25519, dkim.Both)
	_ = cmd.MarkFlagRequired("selector")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		made, err := dkim.MakeAll(dir, args[0], selector, algorithm)
		if err != nil {
			return err
		}
		for _, k := range made {
			cli.Print(cmd.OutOrStdout(), "[[dkim.sign]]\ndomain = %q\nselector = %q\nkey = %q\n", k.Domain, k.Selector, dkim.File(dir, k.Domain, k.Selector))
		}
		cli.Print(cmd.ErrOrStderr(), "dnseal: hint: the user that dnseal runs as must own the files; publish them with dnseal dkim publish, or the lines of dnseal dkim record")
		return nil
	}
	return cmd
}

// dkimFlags name keys: those of a configuration, or one file.
type dkimFlags struct{ config, key, selector string }

func (f *dkimFlags) register(cmd *cobra.Command) {
	if cmd.Flags().Lookup("config") == nil {
		cmd.Flags().StringVar(&f.config, "config", "/etc/dnseal/dnseal.toml", "configuration `FILE` with the keys in [dkim]")
	}
	cmd.Flags().StringVar(&f.selector, "selector", "", "only the key with this selector `NAME`")
	cmd.Flags().StringVar(&f.key, "key", "", "key `FILE` that is in no configuration: with DOMAIN and --selector")
}

// keys are those of the file, or of the configuration c, which is read where it is nil.
func (f *dkimFlags) keys(c *config.Config, args []string) (keys []dkim.Key, err error) {
	var entries []config.DKIMKey
	if f.key != "" {
		if len(args) == 0 || f.selector == "" {
			return nil, errors.New("--key needs DOMAIN and --selector, which name its record")
		}
		entries = []config.DKIMKey{{Domain: args[0], Selector: f.selector, Key: f.key}}
	} else if c == nil {
		if c, err = config.LoadPublishing(f.config); err != nil {
			return nil, err
		}
	}
	if c != nil && f.key == "" {
		entries = c.DKIM.Sign
	}
	if len(args) > 0 && f.key == "" {
		if args[0], _, err = dkim.CheckName(args[0], "s"); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		domain, selector, err := dkim.CheckName(e.Domain, e.Selector)
		if err != nil {
			return nil, err
		}
		if len(args) > 0 && args[0] != domain && f.key == "" || f.selector != "" && !strings.EqualFold(f.selector, selector) {
			continue
		}
		private, err := dkim.ReadKey(e.Key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, dkim.Key{Domain: domain, Selector: selector, Private: private})
	}
	if len(keys) == 0 {
		return nil, cli.Hint(errors.New("there is no such key in [dkim] of the configuration"), "make one with: dnseal dkim new DOMAIN --selector NAME, or name a file with DOMAIN --selector NAME --key FILE")
	}
	return keys, nil
}

const recordTTL = 3600

func newDKIMRecord() *cobra.Command {
	var f dkimFlags
	var ttl uint32
	cmd := &cobra.Command{
		Use:   "record [DOMAIN]",
		Short: "Print the DNS records of DKIM keys",
		Long: `Prints the TXT record of each key in [dkim] of the configuration, or of those of
DOMAIN, in zone-file form, long texts in strings of at most 255 octets.`,
		Example: `  dnseal dkim record >>example.org.zone
  dnseal dkim record example.org --selector s2026 --key s2026.pem`,
		Args: cobra.MaximumNArgs(1),
	}
	f.register(cmd)
	cmd.Flags().Uint32Var(&ttl, "ttl", recordTTL, "time to live in `SECONDS`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		keys, err := f.keys(nil, args)
		for _, k := range keys {
			cli.Print(cmd.OutOrStdout(), "%s", k.ZoneLine(ttl))
		}
		return err
	}
	return cmd
}

func newDKIMPublish() *cobra.Command {
	var f dkimFlags
	var zone dnsflags.Publish
	var ttl uint32
	var withdraw bool
	cmd := &cobra.Command{
		Use:   "publish [DOMAIN]",
		Short: "Publish the records of DKIM keys in the DNS, and read them back",
		Long: `Publishes the TXT record of each key as "identity publish" publishes identities:
by a dynamic update (RFC 2136) to the primary of its zone, or in the zone file;
then reads it back from every name server. Another text at the name is never
replaced or withdrawn: another key needs another selector.

Exit status: 0 every name server shows it; 1 it could not be changed; 2 wrong
usage or configuration; 3 a name server does not show it yet.`,
		Example: `  dnseal dkim publish --config /etc/dnseal/dnseal.toml
  dnseal dkim publish example.org --selector s2025 --key s2025.pem --withdraw`,
		Args: cobra.MaximumNArgs(1),
	}
	zone.Register(cmd)
	f.register(cmd)
	cmd.Flags().Uint32Var(&ttl, "ttl", recordTTL, "time to live in `SECONDS`")
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "remove the record of the key instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if zone.Config == "" && f.key == "" {
			return cli.Hint(errors.New("no keys are named"), "give --config FILE, or DOMAIN --selector NAME --key FILE")
		}
		if ttl == 0 || ttl > math.MaxInt32 { // RFC 2181, Section 8
			return fmt.Errorf("--ttl is %d; it must be 1 to %d seconds", ttl, math.MaxInt32)
		}
		p, err := zone.Open()
		if err != nil {
			return err
		}
		defer p.Close() //nolint:errcheck // only lookups
		keys, err := f.keys(zone.Loaded, args)
		if err != nil {
			return err
		}
		return publishDKIM(cmd, p, keys, ttl, withdraw)
	}
	return cmd
}

// publishDKIM changes the records of keys, all or, where one cannot be, none.
func publishDKIM(cmd *cobra.Command, p *dnsflags.Publishing, keys []dkim.Key, ttl uint32, withdraw bool) error {
	var changes, todo []publish.Change
	for _, k := range keys {
		text, other, err := shown(cmd.Context(), p, k)
		if err != nil {
			return refusedDKIM(cmd, err)
		}
		if other != "" {
			cli.Print(cmd.ErrOrStderr(), "dnseal: error: %s has another text: %.60q; nothing was changed", k.Name(), other)
			cli.Print(cmd.ErrOrStderr(), "dnseal: hint: %s", map[bool]string{false: "take another selector for another key", true: "name the file of the key that is there"}[withdraw])
			return cli.ExitNotPass
		}
		own := []dane.Record{publish.Text(text)}
		c := publish.Change{Owner: k.Name(), Type: dane.TXT, TTL: time.Duration(ttl) * time.Second, Add: own}
		if withdraw {
			c.Add, c.Remove = nil, own
		}
		changes = append(changes, c)
		if withdraw || text == k.Record() { // the same key in other words is left as it is
			todo = append(todo, c)
		}
	}
	if p.DryRun {
		text, err := p.Script(cmd.Context(), todo...)
		if err == nil {
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
		}
		return refusedDKIM(cmd, err)
	}
	if err := p.Apply(cmd.Context(), todo...); err != nil {
		return refusedDKIM(cmd, err)
	}
	for i, k := range keys { // each by itself: one zone may be signed, the next one not
		_, err := p.ReadBack(cmd.Context(), changes[i])
		if err = refusedDKIM(cmd, err); err != nil {
			return err
		}
		cli.Print(cmd.OutOrStdout(), "%s: %s, and every name server shows it", k.Name(), map[bool]string{false: "published", true: "withdrawn"}[withdraw])
	}
	return nil
}

// refusedDKIM tells a refusal, and returns the exit status for it; other errors are as they were.
func refusedDKIM(cmd *cobra.Command, err error) error {
	refusal, told := errors.AsType[*publish.Refusal](err)
	switch {
	case !told:
		return err
	case refusal.Code == publish.NotSigned, refusal.Code == publish.OptOut: // enough for DKIM
		return nil
	}
	cli.Print(cmd.ErrOrStderr(), "dnseal: error: %s", cli.Plain(err))
	if hint := refusal.Hint(); hint != "" {
		cli.Print(cmd.ErrOrStderr(), "dnseal: hint: %s", hint)
	}
	if refusal.Code == publish.Behind || refusal.Code == publish.Unknown {
		return cli.ExitTempfail
	}
	return cli.ExitNotPass
}

// shown is the text of the key's record, as it is at its name or else as it is to be, and another
// text that a name server shows there, or "": verifiers would take any of several, or none.
func shown(ctx context.Context, p *dnsflags.Publishing, k dkim.Key) (own, other string, err error) {
	seen, err := p.Read(ctx, k.Name(), dane.TXT)
	own = k.Record()
	for _, s := range seen {
		for _, r := range s.Records {
			switch text := string(r.Data); {
			case s.Wildcard:
			case k.Is(text):
				own = text
			default:
				other = text
			}
		}
	}
	return own, other, err
}

func newDKIMCheck() *cobra.Command {
	var f dkimFlags
	var dns dnsflags.DNS
	cmd := &cobra.Command{
		Use:   "check [DOMAIN]",
		Short: "Compare DKIM keys with their records in the DNS",
		Long: `Looks up the record of each key, says the state of the answer (secure, insecure)
and whether it has the key of the file.

Exit status: 0 all are published; 1 one is missing, withdrawn or another key; 2
wrong usage or configuration, or a key that cannot be read; 3 undecided.`,
		Example: `  dnseal dkim check --config /etc/dnseal/dnseal.toml
  dnseal dkim check example.org --selector s2026 --key s2026.pem`,
		Args: cobra.MaximumNArgs(1),
	}
	dns.Register(cmd)
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var c *config.Config
		var client *lookup.Client
		var err error
		if f.key == "" {
			if c, err = config.LoadPublishing(f.config); err != nil {
				return err
			}
		}
		keys, err := f.keys(c, args)
		if err != nil {
			return err
		}
		if c != nil && dns.Changed(cmd) == "" {
			client, err = c.LookupClient()
		} else {
			client, err = dns.Client(nil)
		}
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is lost
		return checkDKIM(cmd, client, keys)
	}
	return cmd
}

func checkDKIM(cmd *cobra.Command, client lookup.Resolver, keys []dkim.Key) error {
	result := cli.ExitOK
	for _, k := range keys {
		found := k.Compare(client.Lookup(cmd.Context(), k.Name(), dane.TXT))
		cli.Print(cmd.OutOrStdout(), "%s (%s): %s", k.Name(), k.Algorithm(), found.Text(k))
		switch {
		case found.Wrong():
			result = cli.ExitNotPass
		case found.State == dkim.Unknown && result == cli.ExitOK:
			result = cli.ExitTempfail
		}
	}
	if err := cmd.Context().Err(); err != nil || result == cli.ExitOK {
		return err
	}
	return result
}
