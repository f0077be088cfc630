//go:build !submit

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
)

// sandboxFlags are the flags of dnseal sandbox.
type sandboxFlags struct {
	zones      []string
	listen     string
	anchor     string
	delvAnchor string
	breaks     map[string]string
	validating bool
	delay      time.Duration
	updateKey  string
}

func newSandbox() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox --zone FILE...",
		Short: "Serve zone files as a signed DNS hierarchy, to try it all",
		Long: `Serves zone files on loopback as a recursive resolver would, signed from a root
of its own: the parents of each zone are made up around it. The trust anchor
file is written when it answers. SIGHUP reads the files again; keys stay. A zone
file may also be only records (as "identity record" prints them): SOA and NS are
then made up for the domain of the first record. NAME= is a zone without any.

With --update-key the zones can be changed by dynamic updates (RFC 2136), as
"identity publish" sends them. Changes are kept in memory only: SIGHUP and a
restart forget them. Without RD it answers as the name server of its zones, so
that --server and --name-server can both be its address.

It does not validate (AD is not set): it hands out the data as it is.`,
		Example: `  dnseal sandbox --zone zone --listen 127.0.0.1:5355 --anchor anchor &
  dnseal lookup bob@example.org --resolver 127.0.0.1:5355 --trust-anchor anchor
  dnseal sandbox --zone example.org= --update-key key --anchor anchor`,
		Args: cobra.NoArgs,
	}
	set := cmd.Flags()
	set.StringArrayVar(&f.zones, "zone", nil, "zone `[NAME=]FILE`; repeated for several. NAME is the zone's, for a file without $ORIGIN; NAME= has no records")
	set.StringVar(&f.listen, "listen", "127.0.0.1:0", "`ADDRESS` to answer on, UDP and TCP; port 0 chooses a free one")
	set.StringVar(&f.anchor, "anchor", "", "write the trust anchor to `FILE` when it answers")
	set.StringVar(&f.delvAnchor, "delv-anchor", "", "write it to `FILE` in the form that delv -a and named read, too")
	set.StringToStringVar(&f.breaks, "break", nil, "break a zone on purpose, `ZONE=HOW`: "+flags.OneOf(breaks()))
	set.Lookup("break").DefValue = "" // not "[]"
	set.BoolVar(&f.validating, "validating", false, "answer as a validating resolver would: AD, and SERVFAIL for bogus zones")
	set.StringVar(&f.updateKey, "update-key", "", "accept updates signed with the TSIG key in `FILE`, in BIND's form; it is made when it is not there")
	set.DurationVar(&f.delay, "delay", 0, "wait `TIME` before each answer")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if len(f.zones) == 0 {
			return cli.Hint(errors.New("no zone file"), "give --zone FILE; dnseal identity record NAME >FILE writes one")
		}
		return sandbox(cmd.Context(), cmd.ErrOrStderr(), &f)
	}
	return cmd
}

// breaks are the ways to break a zone.
func breaks() []string {
	var words []string
	for _, b := range lookuptest.Breaks() {
		words = append(words, string(b))
	}
	return words
}

func sandbox(ctx context.Context, stderr io.Writer, f *sandboxFlags) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	zones, err := readZones(f.zones)
	if err != nil {
		return err
	}
	keys, err := updateKeys(stderr, f.updateKey)
	if err != nil {
		return err
	}
	server, err := lookuptest.New(zones, lookuptest.Options{Validating: f.validating, Delay: f.delay, UpdateKeys: keys})
	if errors.Is(err, lookuptest.ErrTwice) {
		return cli.Hint(err, "put all records of a zone into one file: cat FILE... >ZONE")
	}
	if errors.Is(err, lookuptest.ErrNoOrigin) {
		return cli.Hint(err, "or name the zone: --zone NAME=FILE")
	}
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // nothing is lost
	for zone, how := range f.breaks {
		if err := server.SetBreak(zone, lookuptest.Break(how)); err != nil {
			return cli.Hint(err, "the zones are those of the --zone files and their parents; --break ZONE=HOW, HOW is %s", flags.OneOf(breaks()))
		}
	}
	if err := server.Start(f.listen); err != nil {
		return cli.Hint(err, "choose another --listen address, or port 0 for a free one")
	}
	if err := writeAnchor(f.delvAnchor, "trust-anchors {", server.AnchorDelv()); err != nil {
		return err
	}
	if err := writeAnchor(f.anchor, anchorLine, anchorLine+" on "+server.Addr()+"\n"+server.Anchor()); err != nil {
		return err
	}
	cli.Print(stderr, "dnseal: sandbox answers on %s", server.Addr())
	if f.anchor != "" {
		cli.Print(stderr, "dnseal: hint: use it with --resolver %s --trust-anchor %s", server.Addr(), f.anchor)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			reload(stderr, server, f.zones)
		}
	}
}

// reload reads the zone files again; on an error the old zones stay.
func reload(stderr io.Writer, server *lookuptest.Server, files []string) {
	zones, err := readZones(files)
	if err == nil {
		err = server.Replace(zones)
	}
	if err != nil {
		_ = cli.Report(stderr, cli.Hint(fmt.Errorf("not reloaded: %w", err), "the old zones are still served"))
		return
	}
	cli.Print(stderr, "dnseal: sandbox has read its zones again")
}

// maxZone is the most bytes of a zone file.
const maxZone = 256 << 20

func readZones(files []string) ([]lookuptest.Zone, error) {
	zones := make([]lookuptest.Zone, 0, len(files))
	for _, arg := range files {
		name, file := zoneArgument(arg)
		if file == "" {
			zones = append(zones, lookuptest.Zone{Origin: name})
			continue
		}
		text, err := cli.ReadFile(file, maxZone)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("zone file %s does not exist", file)
		}
		if err != nil {
			return nil, fmt.Errorf("zone file: %w", err)
		}
		zones = append(zones, lookuptest.Zone{Text: string(text), File: file, Origin: cmp.Or(name, bareOrigin(string(text)))})
	}
	return zones, nil
}

// zoneArgument splits NAME=FILE; a file whose name is the whole argument has precedence.
func zoneArgument(arg string) (name, file string) {
	if _, err := os.Stat(arg); err == nil {
		return "", arg
	}
	if name, file, ok := strings.Cut(arg, "="); ok && name != "" && !strings.Contains(name, "/") {
		return name, file
	}
	return "", arg
}

// anchorLine begins the file of a trust anchor.
const anchorLine = "; the trust anchor of a dnseal sandbox"

// writeAnchor writes the file whole or not at all, because a program that waits for it may read it
// at once. It replaces only an empty file, or one that begins as text does.
func writeAnchor(file, begin, text string) error {
	if file == "" {
		return nil
	}
	old, _, err := readOld(file)
	if err != nil {
		return fmt.Errorf("trust anchor: %w", err)
	}
	if len(old) > 0 && !strings.HasPrefix(string(old), begin) {
		return fmt.Errorf("trust anchor: %s exists and holds something else; name another file", file)
	}
	if err := replaceFile(file, text, 0o644); err != nil {
		return fmt.Errorf("trust anchor: %w", err)
	}
	return nil
}

// bareOrigin returns the zone that a text of bare records belongs to, as "identity record" prints
// them: SOA and NS are then made up around them. It is empty when the text has a SOA, or no
// absolute name to go by.
func bareOrigin(text string) string {
	owner := ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		for _, f := range fields[1:min(len(fields), 4)] {
			if strings.EqualFold(f, "SOA") {
				return ""
			}
		}
		if owner == "" {
			owner = fields[0]
		}
	}
	// RFC 1035, Section 5.1: a name without the dot at its end is relative.
	if !strings.HasSuffix(owner, ".") {
		return ""
	}
	return zoneOf(owner)
}

// zoneOf returns the domain that a record's owner name belongs to: what follows its last
// underscore label, else its parent.
func zoneOf(owner string) string {
	labels := strings.Split(strings.TrimSuffix(owner, "."), ".")
	cut := 1
	for i, label := range labels {
		// RFC 8552, Section 1.1.
		if strings.HasPrefix(label, "_") {
			cut = i + 1
		}
	}
	if cut >= len(labels) {
		return owner
	}
	return strings.Join(labels[cut:], ".") + "."
}

// updateKeys reads the TSIG key in a file, made when it is not there; none without a file.
func updateKeys(stderr io.Writer, file string) ([]lookuptest.UpdateKey, error) {
	if file == "" {
		return nil, nil
	}
	key, err := publish.LoadKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeUpdateKey(file)
	}
	if err != nil {
		return nil, err
	}
	if key.Warning != "" {
		cli.Print(stderr, "dnseal: warning: %s", key.Warning)
	}
	return []lookuptest.UpdateKey{{Name: key.Name, Algorithm: key.Algorithm, Secret: key.Secret()}}, nil
}

// makeUpdateKey writes a new key that only its owner can read.
func makeUpdateKey(file string) (*publish.Key, error) {
	key, err := publish.NewKey("dnseal-sandbox")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(f, key.File())
	return key, errors.Join(err, f.Close())
}
