//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Names of the tests. Both verifiers of a host have one of their own.
const (
	author    = "alice@example.org"
	ourID     = "mx.example.net"
	dkimID    = "dkim.mx.example.net"
	recipient = "bob@example.net"
)

// office is a signed DNS with identities in it, and what looks them up.
type office struct {
	tb     testing.TB
	dir    string
	zones  map[string]*lookuptest.Zone
	dns    *lookuptest.Server
	client *lookup.Client
}

// openOffice publishes alice@example.org.
func openOffice(tb testing.TB) *office {
	tb.Helper()
	o := &office{tb: tb, dir: tb.TempDir(), zones: map[string]*lookuptest.Zone{}}
	o.publish(author, "")
	return o
}

// publish makes an identity, writes its record into its zone, broken as break says, and serves
// that.
func (o *office) publish(name string, broken lookuptest.Break) *identity.Identity {
	o.tb.Helper()
	id := o.create(name)
	owner, typ, err := id.OwnerName()
	o.check(err)
	record, err := id.Record(3, 1, 1)
	o.check(err)
	line, err := identity.FormatRecord(owner, typ, record, time.Hour, "zone")
	o.check(err)
	o.zone(name[strings.IndexByte(name, '@')+1:], line, broken)
	return id
}

func (o *office) create(name string) *identity.Identity {
	o.tb.Helper()
	id, err := identity.Create(o.dir, name, identity.CreateOptions{})
	o.check(err)
	return id
}

// zone adds a line to a zone and serves all zones anew.
func (o *office) zone(name, line string, broken lookuptest.Break) *lookuptest.Zone {
	o.tb.Helper()
	z := o.zones[name]
	if z == nil {
		z = &lookuptest.Zone{Origin: name + ".", File: name}
		o.zones[name] = z
	}
	z.Text += line + "\n"
	z.Break = broken
	o.serve()
	return z
}

func (o *office) serve() {
	o.tb.Helper()
	var all []lookuptest.Zone
	for _, z := range o.zones {
		all = append(all, *z)
	}
	if o.dns != nil {
		o.check(o.dns.Replace(all))
		return
	}
	var err error
	o.dns, err = lookuptest.New(all, lookuptest.Options{})
	o.check(err)
	o.check(o.dns.Start("127.0.0.1:0"))
	o.tb.Cleanup(func() { _ = o.dns.Close() })
	anchors, err := dnssec.ParseAnchors(o.dns.Anchor(), "test")
	o.check(err)
	o.client, err = lookup.New(lookup.Options{Resolvers: []string{o.dns.Addr()}, Anchors: anchors, Timeout: hang})
	o.check(err)
	o.tb.Cleanup(func() { _ = o.client.Close() })
}

func (o *office) check(err error) {
	o.tb.Helper()
	if err != nil {
		o.tb.Fatal(err)
	}
}

// signer signs for whoever comes from this host.
func (o *office) signer(opts sender.Options) message.Handler {
	o.tb.Helper()
	var loaded sync.Map // as the program keeps them
	opts.Identities = func(name string) (*identity.Identity, error) {
		if id, ok := loaded.Load(name); ok {
			return id.(*identity.Identity), nil
		}
		id, err := identity.Load(o.dir, name)
		if err == nil {
			loaded.Store(name, id)
		}
		return id, err
	}
	if opts.Rules == nil {
		opts.Rules = []sender.Rule{{Who: []string{"net:127.0.0.0/8", "net:192.0.2.0/24"}, From: []string{"*@example.org"}}}
	}
	s, err := sender.New(opts)
	o.check(err)
	return s
}

// verifier verifies as mx.example.net.
func (o *office) verifier(opts receiver.Options) *receiver.Receiver {
	o.tb.Helper()
	opts.Lookup, opts.AuthservID = o.client, ourID
	r, err := receiver.New(opts)
	o.check(err)
	return r
}

// serveHandler starts a milter for Postfix and returns its address as Postfix spells it.
func serveHandler(tb testing.TB, h message.Handler) string {
	tb.Helper()
	srv := serve(tb, Options{Handler: h})
	openToAll(tb, srv.path)
	return "unix:" + srv.path
}

// startOpenDKIM runs an OpenDKIM with these settings and returns its address as Postfix spells it.
func startOpenDKIM(tb testing.TB, settings string) string {
	tb.Helper()
	program := peertest.Program(tb, "opendkim")
	dir := peertest.ShortDir(tb)
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	conf, socket := filepath.Join(dir, "conf"), filepath.Join(dir, "sock")
	peertest.WriteFile(tb, conf, fmt.Sprintf("Syslog no\nUMask 000\nRequireSafeKeys no\nSocket local:%s\n%s\n", socket, settings))
	cmd := exec.Command(program, "-f", "-x", conf)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if tb.Failed() && log.Len() > 0 {
			tb.Logf("opendkim: %s", log.String())
		}
	})
	peertest.WaitFor(tb, "OpenDKIM to listen", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "unix:" + socket
}

func rsaPrivate(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// signedBy signs raw with the author's identity.
func signedBy(tb testing.TB, o *office, raw string) string {
	tb.Helper()
	id, err := identity.Load(o.dir, author)
	o.check(err)
	return signed(tb, id, raw, time.Now())
}

// dkimKey makes an RSA key for example.org and returns the settings of a signer and of a verifier
// that knows it.
func dkimKey(tb testing.TB) (sign, verify string) {
	tb.Helper()
	key := rsaPrivate(tb)
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		peertest.WriteFile(tb, path, content)
		return path
	}
	private := file("rsa.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	table := file("keytable", "k1 example.org:sel:"+private+"\n")
	signing := file("signingtable", "*@example.org k1\n")
	trusted := file("trusted", "127.0.0.1\n192.0.2.0/24\n")
	public := file("public", "sel._domainkey.example.org v=DKIM1; k=rsa; p="+base64.StdEncoding.EncodeToString(pub)+"\n")
	sign = fmt.Sprintf("Mode s\nCanonicalization relaxed/relaxed\nSignatureAlgorithm rsa-sha256\nKeyTable file:%s\n"+
		"SigningTable refile:%s\nInternalHosts file:%s\nExternalIgnoreList file:%s", table, signing, trusted, trusted)
	verify = fmt.Sprintf("Mode v\nAuthservID %s\nAlwaysAddARHeader yes\nTestPublicKeys %s", dkimID, public)
	return sign, verify
}

// results returns the Authentication-Results fields with this authserv-id, unfolded.
func results(tb testing.TB, raw, id string) []string {
	tb.Helper()
	fields, _ := message.ParseHeader([]byte(raw))
	var out []string
	for _, f := range fields {
		if f.Is("Authentication-Results") && strings.HasPrefix(f.Unfolded(), id+";") {
			out = append(out, f.Unfolded())
		}
	}
	return out
}
