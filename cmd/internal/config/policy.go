package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/receiver"
)

// LoadPolicy is Load for judging saved mail by the policy of a configuration: [[domain]], [on],
// [verify], [dns] and pkix-roots. All of the file is checked, and of the files that it names those
// alone are read that the policy needs, but for the keys in without ("dns.trust-anchor",
// "pkix-roots"), for which the caller has something else. Errors: those of Load, and for a file
// without any policy.
func LoadPolicy(file string, without ...string) (*Config, error) {
	text, err := read(file, "--policy")
	if err != nil {
		return nil, err
	}
	c, n := parse(text, file)
	if len(n.found) == 0 && !slices.Contains(without, "dns.trust-anchor") {
		c.loadAnchors(n)
	}
	if len(n.found) == 0 && !slices.Contains(without, "pkix-roots") {
		c.loadRoots(n)
	}
	if err := n.err(); err != nil {
		return nil, err
	}
	if len(c.Domains) == 0 && !n.has("on") && c.PKIXRoots == "" {
		return nil, cli.Hint(fmt.Errorf("%s holds no policy: it has none of [[domain]], [on] and pkix-roots", file), "dnseal.toml(5) describes them")
	}
	return c, nil
}

// SavedOptions returns the options of the policy for saved mail; r looks up signers' records.
func (c *Config) SavedOptions(r lookup.Resolver) receiver.Options {
	o := c.ReceiverOptions(r, Verifying{})
	o.Saved, o.AuthservID = true, ""
	return o
}

// loadRoots reads the file of pkix-roots.
func (c *Config) loadRoots(n *notes) {
	if c.PKIXRoots == "" {
		return
	}
	roots, err := ReadRoots(c.PKIXRoots)
	if err != nil {
		n.wrong("pkix-roots", "%s", err)
	}
	c.loaded.roots = roots
}

// loadAnchors reads the file of trust anchors.
func (c *Config) loadAnchors(n *notes) {
	if c.DNS.TrustAnchor == "" {
		return
	}
	anchors, err := ReadAnchors(c.DNS.TrustAnchor)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n.wrong("dns.trust-anchor", "%s; without trust-anchor the keys of the DNS root are used", err)
	case err != nil:
		n.wrong("dns.trust-anchor", "%s", err)
	}
	c.loaded.anchors = anchors
}
