// Package demo tells the story of a signed message on the terminal, with real
// servers on loopback.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup"
	"dnseal/lookup/lookuptest"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

//go:embed message.eml
var builtin []byte

//go:embed device.eml
var demoDeviceMessage []byte

// silence is how long the demo waits for a name server that does not answer.
const silence = 2 * time.Second

// Run runs the demo and prints it on out. It uses the message text, or the built-in one if text is
// nil, and keeps its files in the folder keep unless that is empty. Errors: keep is not empty, the
// message has no single From address or is signed or encrypted, [cli.ExitNotPass] when a step did
// not end as it must, and those of a step that could not run.
func Run(ctx context.Context, out io.Writer, text []byte, keep string) error {
	d := &demo{out: out, dir: keep}
	if keep == "" {
		dir, err := os.MkdirTemp("", "dnseal-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // the system clears its temporary folder too
		d.dir = dir
	} else if err := emptyFolder(keep); err != nil {
		return err
	}
	defer d.close()
	if text == nil {
		text = builtin
	}
	cli.Print(out, "dnseal demo: a signed message across relays, checked by nothing but the DNS")
	if err := d.read(text); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for _, step := range []func(context.Context) error{
		d.identities, d.publish, d.submit, d.arrive, d.device, d.rollOver, d.encrypt, d.ship, d.mustNotPass,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("demo: step %d: %w", d.step, err)
		}
	}
	return d.end(keep)
}

// emptyFolder makes dir; it refuses one that holds something.
func emptyFolder(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return cli.Hint(fmt.Errorf("--keep %s: the folder is not empty", dir), "choose a new folder")
	}
	return os.MkdirAll(dir, 0o700)
}

// demo is what the steps share.
type demo struct {
	out   io.Writer
	dir   string
	step  int
	wrong int // things that did not end as they must

	from  string // the person in the message's From
	text  []byte // as submitted
	dns   *lookuptest.Server
	post  *office
	alice *identity.Identity
	eve   *identity.Identity
	boxed []byte // as it arrived

	reported  []byte // the device's report, as it arrived
	lookup    *lookup.Client
	publisher provision.Publisher
}

func (d *demo) close() {
	if d.post != nil {
		d.post.close()
	}
	if d.lookup != nil {
		_ = d.lookup.Close()
	}
	if d.dns != nil {
		_ = d.dns.Close()
	}
}

// title begins a step.
func (d *demo) title(format string, args ...any) {
	d.step++
	cli.Print(d.out, "\n%d. %s", d.step, fmt.Sprintf(format, args...))
}

// note prints what happened.
func (d *demo) note(format string, args ...any) {
	cli.Print(d.out, "   %s", fmt.Sprintf(format, args...))
}

// must prints whether something ended as it must.
func (d *demo) must(ok bool, format string, args ...any) {
	word := "ok   "
	if !ok {
		word = "WRONG"
		d.wrong++
	}
	cli.Print(d.out, "   %s  %s", word, fmt.Sprintf(format, args...))
}

// file writes something to keep.
func (d *demo) file(name string, data []byte) error {
	return os.WriteFile(filepath.Join(d.dir, name), data, 0o600)
}

// client returns a verifier's view of the DNS: nothing but a resolver's address and a trust anchor.
func (d *demo) client(timeout time.Duration) (*lookup.Client, error) {
	anchors, err := config.ReadAnchors(filepath.Join(d.dir, "root.anchor"))
	if err != nil {
		return nil, err
	}
	return lookup.New(lookup.Options{Resolvers: []string{d.dns.Addr()}, Anchors: anchors, Timeout: timeout})
}

func (d *demo) end(keep string) error {
	cli.Print(d.out, "")
	if d.wrong > 0 {
		cli.Print(d.out, "Things that did not end as they must: %d.", d.wrong)
		return cli.ExitNotPass
	}
	cli.Print(d.out, "Everything ended as it must.")
	if keep == "" {
		return nil
	}
	zones := fmt.Sprintf("--zone %s/%s.zone", keep, d.domain())
	if d.domain() != "example.net" {
		zones += fmt.Sprintf(" --zone %s/example.net.zone", keep)
	}
	cli.Print(d.out, `
Kept in %[1]s: 1-submitted.eml 2-arrived.eml …, identities/, *.zone, root.anchor. Go on with:
  dnseal sandbox %[4]s --listen 127.0.0.1:5355 \
    --anchor %[1]s/new.anchor --delv-anchor %[1]s/delv.anchor &
  dnseal verify %[1]s/2-arrived.eml --resolver 127.0.0.1:5355 --trust-anchor %[1]s/new.anchor
  dnseal verify %[1]s/6-for-the-ship.eml --offline --trust-anchor %[1]s/root.anchor
  dnseal decrypt %[1]s/7-encrypted.eml --identities %[1]s/identities
  delv @127.0.0.1 -p 5355 -a %[1]s/delv.anchor +root=. %[2]s SOA
  openssl cms -verify -in %[1]s/2-arrived.eml -CAfile '%[3]s'`, keep, d.domain(), d.alice.CertFile, zones)
	return nil
}

// domain is the mail domain of the person.
func (d *demo) domain() string {
	return d.from[strings.LastIndexByte(d.from, '@')+1:]
}

var errNoPerson = errors.New("the message must have exactly one From address")
