package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// loadFiles reads the files that the configuration names. Each problem is a mistake at the key that
// names the file.
func (c *Config) loadFiles(n *notes) {
	c.loadIdentities(n)
	c.loadDecryption(n)
	c.loadDKIM(n)
	c.loadPublishing(n)
	c.loadRoots(n)
	c.loadEvidence(n)
	c.loaded.denied = &denyFiles{files: map[string]*denyFile{}, now: time.Now}
	c.loaded.servers = map[string]*tls.Certificate{}
	c.loaded.hopRoots = map[string]*x509.CertPool{}
	c.loaded.passwords = map[string]nexthop.Secret{}
	for i := range c.Relays {
		c.loadRelay(n, fmt.Sprintf("relay[%d]", i), &c.Relays[i])
	}
	for i, m := range c.Milters {
		n.group(fmt.Sprintf("milter[%d].socket-group", i), m.SocketGroup)
	}
}

// loadPublishing reads the files that [publish] and [dns] name.
func (c *Config) loadPublishing(n *notes) {
	c.loadPublish(n)
	c.loadAnchors(n)
}

// loadIdentities reads all identities, and checks that the ones that rules name exist.
func (c *Config) loadIdentities(n *notes) {
	c.loaded.identities = map[string]*identity.Identity{}
	if c.Identities == "" {
		return
	}
	names, err := identity.List(c.Identities)
	if err != nil {
		n.wrong("identities", "%s%s", strip(err), advice(err))
		return
	}
	ids, errs := c.loadAll(names)
	for i, name := range names {
		if err := errs[i]; err != nil && !errors.Is(err, identity.ErrRevoked) {
			n.wrong("identities", "%s%s", strip(err), advice(err))
		}
		c.loaded.identities[name] = ids[i] // nil: there, and noted as unusable, or revoked
	}
	for _, needed := range c.named() {
		c.needIdentity(n, needed.key, needed.name)
	}
}

// loadAll loads identities by all processors: thousands of them take seconds.
func (c *Config) loadAll(names []string) ([]*identity.Identity, []error) {
	ids, errs := make([]*identity.Identity, len(names)), make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			ids[i], errs[i] = c.loaded.live.Load(c.Identities, name)
			return nil
		})
	}
	_ = g.Wait() // what is wrong is in errs
	return ids, errs
}

// named is an identity that the configuration names at a key.
type named struct{ key, name string }

// named are the identities of rules, or those of each address that a rule spells out, those of
// relays, and that of [evidence]. Which identities stars and placeholders lead to is known when a
// message is signed; "dnseal check" lists those that there are.
func (c *Config) named() (all []named) {
	for i, r := range c.Sign.Rules {
		key := fmt.Sprintf("sign.rule[%d]", i)
		if r.Identity != "" && r.Identity != sender.FromIdentity {
			if !strings.Contains(r.Identity, "{") {
				all = append(all, named{key + ".identity", r.Identity})
			}
			continue
		}
		for _, from := range r.From {
			if !strings.ContainsAny(from, "*{") {
				all = append(all, named{key + ".from", from})
			}
		}
	}
	for i, r := range c.Relays {
		if r.NextHopIdentity != "" {
			all = append(all, named{fmt.Sprintf("relay[%d].next-hop-identity", i), r.NextHopIdentity})
		}
	}
	if c.Evidence.Identity != "" {
		all = append(all, named{"evidence.identity", c.Evidence.Identity})
	}
	return all
}

func (c *Config) needIdentity(n *notes, key, name string) {
	_, canonical, err := identity.ParseName(name)
	if err != nil {
		n.wrong(key, "%s%s", strip(err), advice(err))
		return
	}
	id, there := c.loaded.identities[canonical]
	if id != nil {
		if err := id.CanSign(); err != nil {
			n.wrong(key, "%s%s", strip(err), advice(err))
		}
	}
	if !there {
		n.wrong(key, "there is no identity %s in %s; make it with: dnseal identity new %s --identities %s", canonical, c.Identities, identity.Quote(canonical), identity.Quote(c.Identities))
	}
}

func (c *Config) loadRelay(n *notes, key string, r *Relay) {
	n.group(key+".socket-group", r.SocketGroup)
	if r.Certificate != "" {
		c.loaded.servers[r.Certificate] = n.server(key, r.Certificate, r.Key)
	}
	if r.NextHopRoots != "" {
		roots, err := ReadRoots(r.NextHopRoots)
		if err != nil {
			n.wrong(key+".next-hop-roots", "%s", err)
		}
		c.loaded.hopRoots[r.NextHopRoots] = pool(roots)
	}
	if r.NextHopPasswordFile != "" {
		c.loaded.passwords[r.NextHopPasswordFile] = n.password(key+".next-hop-password-file", r.NextHopPasswordFile)
	}
	if r.DenyFile != "" {
		if err := c.loaded.denied.load(r.DenyFile); errors.Is(err, fs.ErrNotExist) {
			n.wrong(key+".deny-file", "the file %s does not exist; make it, empty if nobody is denied", r.DenyFile)
		} else if err != nil {
			n.wrong(key+".deny-file", "%s", strip(err))
		}
	}
	if r.Users != "" {
		if err := sasl.CheckUsers(r.Users); errors.Is(err, fs.ErrNotExist) {
			n.wrong(key+".users", "the file %s does not exist; make it with: dnseal relay passwd --users %s NAME", r.Users, r.Users)
		} else if errors.Is(err, fs.ErrPermission) {
			n.wrong(key+".users", "%s", unreadable(r.Users))
		} else if err != nil {
			n.wrong(key+".users", "%s", strip(err))
		}
	}
	if r.Dovecot != "" {
		info, err := os.Stat(r.Dovecot)
		if err != nil || info.Mode().Type() != fs.ModeSocket {
			n.wrong(key+".dovecot", "there is no socket %s; name the unix_listener of Dovecot's service auth", r.Dovecot)
		}
	}
}

// server reads the certificate of a relay and its key; nil after a mistake.
func (n *notes) server(relay, certificate, key string) *tls.Certificate {
	missing := false // or no file
	for _, f := range [][2]string{{"certificate", certificate}, {"key", key}} {
		info, err := os.Stat(f[1])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			n.wrong(relay+"."+f[0], "the file %s does not exist; name the PEM file with the server's %s", f[1], f[0])
			missing = true
		case err == nil && !info.Mode().IsRegular(): // a named pipe would be waited for
			n.wrong(relay+"."+f[0], "%s is no regular file; name the PEM file with the server's %s", f[1], f[0])
			missing = true
		}
	}
	if missing {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(certificate, key)
	if errors.Is(err, fs.ErrPermission) {
		n.wrong(relay+".key", "%s; the user that dnseal runs as must read it: chgrp GROUP %s && chmod 640 %s", err, key, key)
		return nil
	}
	if err != nil {
		n.wrong(relay+".certificate", "certificate %s with key %s: %s; both must be PEM, and belong together", certificate, key, strings.TrimPrefix(err.Error(), "tls: "))
		return nil
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o027 != 0 {
		n.wrong(relay+".key", "the key %s can be read by others (mode %04o); chmod 600 %s", key, info.Mode().Perm(), key)
	}
	return &cert
}

func (n *notes) group(key, name string) {
	if name == "" {
		return
	}
	if _, err := strconv.Atoi(name); err == nil {
		return
	}
	if _, err := user.LookupGroup(name); err != nil {
		n.wrong(key, "there is no group %q here; write the group of the MTA, for example \"postfix\"", name)
	}
}

// maxRoots is the most bytes of a bundle of roots: those of the web have a quarter of a MiB.
const maxRoots = 16 << 20

// ReadRoots reads a PEM bundle of roots. It skips whatever cannot be read as a certificate. Errors:
// a missing file, with advice; one without any certificate; those of the file system.
func ReadRoots(file string) ([]*x509.Certificate, error) {
	text, err := cli.ReadFile(file, maxRoots)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the file of roots %s does not exist; name a PEM bundle of certificates", file)
	}
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if root, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			roots = append(roots, root)
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM form; name a PEM bundle of certificates", file)
	}
	return roots, nil
}

// pool makes the form of roots that TLS needs.
func pool(roots []*x509.Certificate) *x509.CertPool {
	out := x509.NewCertPool()
	for _, root := range roots {
		out.AddCert(root)
	}
	return out
}

// missing is [fs.ErrNotExist] in our words.
type missing struct{ error }

func (missing) Is(target error) bool { return target == fs.ErrNotExist }

// ReadAnchors reads trust anchors in zone-file form.
func ReadAnchors(file string) (*dnssec.Anchors, error) {
	text, err := cli.ReadFile(file, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing{fmt.Errorf("trust anchor file %s does not exist", file)}
	}
	if err != nil {
		return nil, fmt.Errorf("trust anchor: %w", err)
	}
	anchors, err := dnssec.ParseAnchors(string(text), file)
	if errors.Is(err, dnssec.ErrKeyStates) {
		return nil, errors.New(strip(err))
	}
	if err != nil {
		return nil, fmt.Errorf("%s; write DS or DNSKEY records in zone-file form", strip(err))
	}
	return anchors, nil
}
