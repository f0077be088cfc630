package config

import (
	"reflect"

	"dnseal/lookup/dnssec"
)

// Limits says how much work one message, and one lookup for it, may cause in the DNS
// ([dns.limits]). Reaching a limit is "could not tell", and the log names it.
type Limits struct {
	// Queries of all lookups for one message. Default: 100.
	Queries int `toml:"queries"`
	// LookupQueries of one lookup. Default: 40.
	LookupQueries int `toml:"lookup-queries"`
	// Verifications of signatures in one lookup. Default: 32.
	Verifications int `toml:"verifications"`
	// Digests of keys that are compared with DS records in one lookup. Default: 16.
	Digests int `toml:"ds-digests"`
	// Hashes of names for NSEC3 in one lookup. Default: 32.
	Hashes int `toml:"nsec3-hashes"`
	// Iterations of the NSEC3 hash above which a zone counts as insecure (RFC 9276). Default: 50.
	Iterations int `toml:"nsec3-iterations"`
	// BogusIterations are those above which it counts as bogus. Default: 500.
	BogusIterations int `toml:"nsec3-iterations-bogus"`
	// Signatures that are looked at per set of records. Default: 8.
	Signatures int `toml:"signatures"`
	// BadSignatures of a set of records after which no further one is tried. Default: 2.
	BadSignatures int `toml:"bad-signatures"`
	// SameTagKeys are how many keys with the same tag are tried. Default: 2.
	SameTagKeys int `toml:"same-tag-keys"`
	// Keys of one zone. Default: 32.
	Keys int `toml:"keys"`
	// DS records of one zone. Default: 16.
	DS int `toml:"ds"`
	// Aliases that are followed. Default: 8.
	Aliases int `toml:"aliases"`
	// Labels of a name below its trust anchor. Default: 20.
	Labels int `toml:"labels"`
	// Records in one reply. Default: 500.
	Records int `toml:"records"`
	// LeafRecords are the records of one identity. Default: 16.
	LeafRecords int `toml:"leaf-records"`
	// LeafRecordSize is the size of one of them, in bytes. Default: 8192.
	LeafRecordSize int `toml:"leaf-record-size"`
	// LeafSize is the size of all of them, in bytes. Default: 16384.
	LeafSize int `toml:"leaf-size"`
	// RSAMin is the size in bits of the shortest RSA key that is used; a zone with shorter ones
	// only counts as insecure. Default: 1024.
	RSAMin int `toml:"rsa-bits-min"`
	// RSAMax is the size in bits of the longest one. Default: 4096.
	RSAMax int `toml:"rsa-bits-max"`
}

func (c *Config) checkLimits(n *notes) {
	for f, v := range reflect.ValueOf(c.DNS.Limits).Fields() {
		name := f.Tag.Get("toml")
		if value := v.Int(); value < 0 || value == 0 && n.has("dns", "limits", name) {
			n.wrong("dns.limits."+name, "limits: %s is %d; it must be at least 1", name, value)
		}
	}
}

// dnsLimits are those of the file; zero stands for the default.
func (c *Config) dnsLimits() dnssec.Limits { return dnssec.Limits(c.DNS.Limits) }
